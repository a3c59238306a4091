"""Serving the simulator: one process, one event loop, and no way to outlive its parent.

It ends, with exit code 0, on SIGTERM, on SIGINT, and if asked when its standard input reaches
its end: a parent that holds the other end of that pipe takes the simulator with it however it
dies, SIGKILL included.
"""

from __future__ import annotations

import errno
import gc
import ipaddress
import json
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn

from harness.errors import UsageError
from harness.simulator.app import App
from harness.simulator.settings import Settings
from harness.simulator.simulation import Simulation

_BACKLOG = 4096
_STDIN = 0

# A pooled client must not find its idle connection closed under it: that would look like a
# fault nobody injected.
_KEEP_ALIVE_SECONDS = 3600

# How long requests under way may take to end once the simulator has been told to stop.
_GRACE_SECONDS = 2


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises ``UsageError`` when the address cannot be had."""
    listener = listen(settings.host, settings.port)
    simulation = Simulation(settings)
    try:
        server = _Server(
            uvicorn.Config(
                App(simulation),
                loop="auto",
                http="httptools",
                ws="none",
                lifespan="off",
                interface="asgi3",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                backlog=_BACKLOG,
            ),
            simulation,
        )
        server.stop_on_signals()
        if settings.stop_on_stdin_eof:
            server.stop_on_stdin_eof()
        _tune_garbage_collection()
        server.run(sockets=[listener])
    finally:
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket on a loopback address, on any free port for 0.

    Raises ``UsageError`` for another address (whoever reaches the simulator can reset it, so it
    is offered to this machine only) and for an address in use.
    """
    address = _loopback(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # A port whose last connections are still in TIME_WAIT is free for us. On Windows the
            # same option would let two processes share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"--port {port}: {host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"{where} is already in use; choose another port, or 0 for any free one"
            ) from error
        raise UsageError(f"{where} cannot be listened on: {error.strerror or error}") from error
    return listener


def _tune_garbage_collection() -> None:
    """Look for garbage seldom: what the world holds is not garbage, and it is a great deal.

    At the usual thresholds every few hundred requests trigger a search through everything ever
    charged, which shows in the latencies. Nothing here makes reference cycles in numbers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise UsageError(f"--host {host}: expected a loopback address such as 127.0.0.1") from error
    if not address.is_loopback:
        raise UsageError(
            f"--host {host}: the simulator listens on loopback addresses only, such as 127.0.0.1"
        )
    return address


class _Server(uvicorn.Server):
    """uvicorn, telling on standard output when it listens, and the simulation when it ends."""

    def __init__(self, config: uvicorn.Config, simulation: Simulation) -> None:
        super().__init__(config)
        self._simulation = simulation

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._simulation.stop()
        await super().shutdown(sockets=sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        assert sockets is not None
        host, port = sockets[0].getsockname()[:2]
        ready = {"ready": True, "host": host, "port": port, "pid": os.getpid()}
        try:
            print(json.dumps(ready), flush=True)
        except BrokenPipeError:
            # Whoever started us is gone already.
            self.should_exit = True

    def stop_on_signals(self) -> None:
        """End with exit code 0 on a signal.

        uvicorn raises a signal it caught once more after it has shut down, for whoever handled it
        before; that is this handler, and not the default one that would kill the process.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def stop_on_stdin_eof(self) -> None:
        """End when standard input does.

        A thread, because a standard input that is a file cannot be watched by an event loop.
        uvicorn looks at ``should_exit`` ten times a second.
        """

        def watch() -> None:
            try:
                while os.read(_STDIN, 4096):
                    pass
            except OSError as error:
                print(f"standard input cannot be read: {error}", file=sys.stderr)
            self.should_exit = True

        threading.Thread(target=watch, name="stdin-eof", daemon=True).start()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.should_exit = True
