"""The simulator served in this process, so that a test may plant a defect in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.simulation import Simulation
from paidonce.harness.simulator.http.app import App
from paidonce.harness.simulator.http.protocol import Connections
from paidonce.harness.simulator.http.server import listen


@contextmanager
def served() -> Iterator[str]:
    """Serve an empty account on a thread of its own; its address."""
    listener = listen("127.0.0.1", 0)
    listener.setblocking(False)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> tuple[asyncio.Server, Simulation, Connections]:
        simulation = Simulation(SimulatorSettings())
        simulation.listens_at(url)
        connections = Connections(App(simulation))
        return await loop.create_server(connections, sock=listener), simulation, connections

    async def end(server: asyncio.Server, simulation: Simulation, open_: Connections) -> None:
        server.close()
        simulation.stop()
        open_.abort()
        await simulation.webhooks.close()

    parts = asyncio.run_coroutine_threadsafe(begin(), loop).result(60)
    try:
        yield url
    finally:
        asyncio.run_coroutine_threadsafe(end(*parts), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
