"""The servers that a suite is put to: the simulator, stripe-mock, and one that knows nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from paidonce.harness.backends.stripe_mock import MockStripe
from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.errors import Unavailable, UsageError

SERVERS = ("simulator", "stripe-mock", "nothing")
_FRONT = Path(__file__).with_name("front")


@dataclass(frozen=True)
class Server:
    """One server; ``reset_url`` is where it is told to forget everything, empty for none."""

    name: str
    url: str
    reset_url: str = ""


@contextmanager
def running(name: str) -> Iterator[Server | None]:
    """Run the server of that name; None where it is not installed."""
    if name == "simulator":
        stripe = SimulatedStripe("--seed-ids", "--seed", "1")
        try:
            yield Server(name, stripe.url, f"{stripe.url}{stripe.reset_path}")
        finally:
            stripe.stop()
    elif name == "stripe-mock":
        try:
            mock = MockStripe()
        except Unavailable:
            yield None
            return
        try:
            yield Server(f"stripe-mock {mock.version}", mock.url)
        finally:
            mock.stop()
    else:
        with _knows_nothing() as url:
            yield Server(name, url)


@contextmanager
def fronted(server: Server, folder: Path) -> Iterator[int]:
    """Serve ``server`` by HTTP/2 over TLS too, by a program built in ``folder``; its port.

    Raises ``UsageError`` where it cannot be built.
    """
    program = folder / "front"
    if not program.exists():
        build = ["go", "build", "-o", str(program), "."]
        try:
            subprocess.run(build, cwd=_FRONT, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise UsageError(f"{_FRONT}: `go build` cannot be run there ({error})") from error
    with subprocess.Popen([str(program), server.url], stdout=subprocess.PIPE, text=True) as front:
        assert front.stdout is not None
        try:
            yield int(front.stdout.readline())
        finally:
            front.kill()


class _Nothing(BaseHTTPRequestHandler):
    """Every request is for something that is not there."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        error = {"error": {"type": "invalid_request_error", "message": "Unrecognized request URL"}}
        body = json.dumps(error).encode()
        self.send_response(404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _knows_nothing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Nothing)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
