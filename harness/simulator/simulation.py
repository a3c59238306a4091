"""The running simulator's state: the current epoch, the latency, and the log of requests."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import deque

import msgspec

from harness.simulator.idempotency import IdempotencyStore
from harness.simulator.ids import IdSource
from harness.simulator.latency import Distribution, Latency
from harness.simulator.settings import Settings
from harness.simulator.state import Clock, World

LOG_LENGTH = 10_000


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """One answered request. Times are Unix seconds; ``executed`` is None if nothing executed."""

    id: str
    method: str
    path: str
    status: int
    idempotency_key: str | None
    replayed: bool
    received: float
    executed: float | None
    answered: float


class Epoch:
    """The account's objects and its idempotency keys, between one reset and the next.

    A request belongs to the epoch it arrived in: one that a reset overtakes executes on the old
    state, which nobody sees any more, and cannot leak into the new one.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = IdempotencyStore()


class Simulation:
    """Everything one process simulates."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.started = clock()
        self.pid = os.getpid()
        self.in_flight = 0
        self.stopping = False
        self._paused: set[asyncio.Future[None]] = set()
        self.log: deque[Logged] = deque(maxlen=LOG_LENGTH)
        self._ids = IdSource(settings.seed)
        self.epoch = Epoch(World(self._ids, clock))
        self.set_latency(settings.latency)

    def reset(self, seed: int | None = None) -> None:
        """Forget every object, event, idempotency key and logged request; keep the latency.

        With a ``seed``, given now or at the start, ids begin again at the first of that seed;
        without, they go on and never repeat, so that an id from before the reset is unknown.
        """
        restart = self.settings.seed if seed is None else seed
        if restart is not None:
            self._ids = IdSource(restart)
        self.epoch = Epoch(World(self._ids, self.clock))
        self.log.clear()

    def set_latency(self, latency: Latency) -> None:
        """Delay requests that arrive from now on, restarting the stream of samples."""
        seed = latency.seed if latency.seed is not None else self.settings.seed
        self.latency = latency
        self._rng = random.Random(seed)

    def delay(self, distribution: Distribution) -> float:
        """A sample, in seconds."""
        return distribution.sample(self._rng) / 1000

    async def pause(self, seconds: float) -> None:
        """Wait that long, or until the simulator stops, whichever comes first."""
        if seconds <= 0 or self.stopping:
            return
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _end, over)
        self._paused.add(over)
        try:
            await over
        finally:
            timer.cancel()
            self._paused.discard(over)

    def stop(self) -> None:
        """End every pause: what has not executed will not, what has is answered at once."""
        self.stopping = True
        for over in self._paused:
            _end(over)


def _end(pause: asyncio.Future[None]) -> None:
    if not pause.done():
        pause.set_result(None)
