"""Serving the simulator: one process, one event loop, and no way to outlive its parent.

It ends, with exit code 0, on SIGTERM, on SIGINT, and if asked when its standard input reaches
its end: a parent that holds the other end of that pipe takes the simulator with it however it
dies, SIGKILL included.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from paidonce.harness.errors import UsageError
from paidonce.harness.simulator.api import pages
from paidonce.harness.simulator.engine import saved
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.http.app import App
from paidonce.harness.simulator.http.protocol import Connections

_BACKLOG = 4096
_STDIN = 0

# Idle connections are never closed by us: a pooled client that found its connection gone would
# take that for a fault nobody injected.

# How long requests under way may take to end once the simulator has been told to stop.
_GRACE_SECONDS = 2


def serve(settings: SimulatorSettings) -> None:
    """Serve until told to stop.

    Raises ``UsageError`` when the address cannot be had, or a state cannot be loaded or saved.
    """
    listener = listen(settings.host, settings.port)
    try:
        simulation = Simulation(settings)
        if settings.load is not None:
            saved.read(simulation, Path(settings.load))
        _tune_garbage_collection()
        _run(_serve(simulation, listener))
        if settings.save is not None:
            saved.write(simulation, Path(settings.save))
    finally:
        listener.close()


async def _serve(simulation: Simulation, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    host, port = listener.getsockname()[:2]
    simulation.listens_at(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    connections = Connections(App(simulation))
    _stop_on_signals(loop, stop)
    if simulation.settings.stop_on_stdin_eof:
        _stop_on_stdin_eof(loop, stop)
    listener.setblocking(False)
    server = await loop.create_server(connections, sock=listener, backlog=_BACKLOG)
    try:
        _say_ready(simulation, host, port)
        await stop.wait()
    except BrokenPipeError:
        pass  # Whoever started us is gone already.
    finally:
        server.close()
        simulation.stop()
        connections.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await connections.closed()
        connections.abort()
        await simulation.webhooks.close()


def _run(serving: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(serving)
    else:
        import uvloop

        uvloop.run(serving)


def _say_ready(simulation: Simulation, host: str, port: int) -> None:
    """One line for a program, or a few for a person, on standard output."""
    if not simulation.settings.for_people:
        ready = {"ready": True, "host": host, "port": port, "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        return
    url = simulation.base_url
    print(
        f"Stripe simulator listening on {url}\n"
        f"  key       any test key, such as sk_test_paidonce (live keys are refused)\n"
        f'  Python    stripe.StripeClient("sk_test_paidonce", '
        f'base_addresses={{"api": "{url}"}})\n'
        f'  Node      new Stripe("sk_test_paidonce", '
        f'{{host: "{host}", port: {port}, protocol: "http"}})\n'
        f"  watch     {url}{pages.PREFIX}\n"
        f"Ctrl-C ends it.",
        flush=True,
    )
    for forward in simulation.settings.forward:
        endpoint = next(
            webhook_endpoint
            for webhook_endpoint in simulation.epoch.world.webhook_endpoints
            if webhook_endpoint.url == forward.url
        )
        secret = simulation.epoch.world.secret_of[endpoint.id]
        print(f"  webhooks  to {forward.url}, signed with {secret}", flush=True)


def _stop_on_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """End with exit code 0 on a signal."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


def _stop_on_stdin_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """End when standard input does.

    A thread, because a standard input that is a file cannot be watched by an event loop.
    """

    def watch() -> None:
        try:
            while os.read(_STDIN, 4096):
                pass
        except OSError as error:
            print(f"standard input cannot be read: {error}", file=sys.stderr)
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are ending anyway
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="stdin-eof", daemon=True).start()


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
    """Look for garbage seldom, and never twice in the same place.

    What the world holds is not garbage, and it is a great deal: searching all of it again and
    again would show in the latencies. What survived a full search is therefore never searched
    again; nothing here makes reference cycles in numbers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 20)

    def freeze(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            gc.freeze()

    gc.callbacks.append(freeze)


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
