"""The running simulator's state: the current epoch, its clock, what is to go wrong, and the log."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import deque

import msgspec

from paidonce.harness.simulator.domain import agenda
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.objects import WebhookEndpoint
from paidonce.harness.simulator.domain.state import Clock, World
from paidonce.harness.simulator.engine.faults import Fault, Faults, Rule
from paidonce.harness.simulator.engine.idempotency import IdempotencyStore
from paidonce.harness.simulator.engine.limits import Limits
from paidonce.harness.simulator.engine.locks import Locks
from paidonce.harness.simulator.engine.settings import SimulatorSettings
from paidonce.harness.simulator.engine.webhooks import Dispatcher
from paidonce.harness.simulator.wire.latency import NONE, Distribution, Latency

LOG_LENGTH = 10_000


class Logged(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One answered request. Times are Unix seconds; ``executed`` is None if nothing executed.

    ``status`` is 0 for one that a fault left without an answer before it was executed.
    """

    id: str
    method: str
    path: str
    status: int
    idempotency_key: str | None
    replayed: bool
    received: float
    executed: float | None
    answered: float
    fault: Fault | None = None


class Epoch:
    """The account's objects and its idempotency keys, between one reset and the next.

    A request belongs to the epoch it arrived in: one that a reset overtakes executes on the old
    state, which nobody sees any more, and cannot leak into the new one.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = IdempotencyStore()
        self.locks = Locks()


class MovableClock:
    """The time of day, moved forward as far as a test likes."""

    def __init__(self, base: Clock = time.time) -> None:
        self._base = base
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._base() + self.ahead


class Simulation:
    """Everything one process simulates."""

    def __init__(self, settings: SimulatorSettings, clock: Clock = time.time) -> None:
        self.settings = settings
        self.clock = MovableClock(clock)
        self.started = clock()
        self.pid = os.getpid()
        self.in_flight = 0
        self.answered = 0
        """How many requests were answered since the start: the page shows what is new."""
        self.busy_seconds = 0.0
        """How long they took in all, latency and waiting for locks included."""
        self.stopping = False
        self.base_url = ""
        self._paused: set[asyncio.Future[None]] = set()
        self._agenda_timer: asyncio.TimerHandle | None = None
        self._kept: tuple[World, IdempotencyStore] | None = None
        self.log: deque[Logged] = deque(maxlen=LOG_LENGTH)
        self._ids = IdSource(settings.seed)
        self.limits = Limits(settings.rate_limit, settings.concurrency_limit)
        self.faults = Faults()
        self.webhooks = Dispatcher(
            self.clock, settings.retry_seconds, settings.webhook_hosts, settings.seed
        )
        self.set_latency(settings.latency)
        self.begin(World(self._ids, self.clock, settings.settle_seconds))

    def keep(self) -> None:
        """Remember the objects and idempotency keys there are, for ``back``."""
        self._kept = (self.epoch.world.copied(), self.epoch.keys.copied())

    def back(self) -> bool:
        """Go back to what was kept, if anything is; ids go on and never repeat."""
        if self._kept is None:
            return False
        world, keys = self._kept
        kept = self._kept
        self.begin(world.copied(), keys.copied())
        self._kept = kept
        return True

    def reset(self, seed: int | None = None) -> None:
        """Forget every object, event, idempotency key, delivery and logged request, kept or not.

        Latency, faults, limits and the clock stay. With a ``seed``, given now or at the start, ids
        begin again at the first of that seed; without, they go on and never repeat, so that an id
        from before the reset is unknown.
        """
        restart = self.settings.seed if seed is None else seed
        if restart is not None:
            self._ids = IdSource(restart)
        self.begin(World(self._ids, self.clock, self.settings.settle_seconds))

    def begin(self, world: World, keys: IdempotencyStore | None = None) -> None:
        """Go on with another world; ``keys`` are those a saved one came with."""
        world.base_url = self.base_url
        world.raw_cards = self.settings.raw_cards
        self._ids = world.ids
        self._kept = None
        self.epoch = Epoch(world)
        if keys is not None:
            self.epoch.keys = keys
        self.log.clear()
        self._forward(world)
        self.webhooks.serve(world)
        world.on_agenda = self._arm
        self._arm()

    def listens_at(self, url: str) -> None:
        """Tell where this is reached, which only the server knows."""
        self.base_url = self.epoch.world.base_url = url
        self._run_agenda()

    def set_latency(self, latency: Latency) -> None:
        """Delay requests that arrive from now on, restarting the stream of samples."""
        seed = latency.seed if latency.seed is not None else self.settings.seed
        # None, so that a request without any costs no thought.
        self.latency = None if msgspec.structs.replace(latency, seed=None) == NONE else latency
        self._rng = random.Random(seed)

    def set_faults(self, rules: tuple[Rule, ...]) -> None:
        """These rules, and no others, from now on; counts and chances begin anew."""
        self.faults = Faults(rules, self.settings.seed)

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what falls due in between happens now."""
        self.clock.ahead += seconds
        self._run_agenda()
        self.webhooks.wake()

    def _arm(self) -> None:
        """Have the agenda looked at again when its next entry is due."""
        if self._agenda_timer is not None:
            self._agenda_timer.cancel()
            self._agenda_timer = None
        due = self.epoch.world.agenda
        if not due or self.stopping:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # not served yet: ``advance`` and the first request will do
        wait = max(0.0, due[0].at - self.clock())
        # The event loop counts in its own way; a day at a time is often enough to look.
        self._agenda_timer = loop.call_later(min(wait, 86_400), self._run_agenda)

    def _run_agenda(self) -> None:
        agenda.run_due(self.epoch.world)
        self._arm()

    def _forward(self, world: World) -> None:
        """The endpoints of the command line, where a loaded state does not have them."""
        there = {endpoint.url for endpoint in world.webhook_endpoints}
        for forward in self.settings.forward:
            if forward.url in there:
                continue
            identifier = world.ids.draw("we_")
            world.webhook_endpoints.put(
                WebhookEndpoint(
                    id=identifier,
                    created=world.now(),
                    description="from the command line",
                    enabled_events=list(forward.events),
                    metadata={},
                    url=forward.url,
                )
            )
            world.secret_of[identifier] = (
                self.settings.webhook_secret or f"whsec_{world.ids.draw('')}"
            )

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
        if self._agenda_timer is not None:
            self._agenda_timer.cancel()
        self.webhooks.stop()
        for over in self._paused:
            _end(over)


def _end(pause: asyncio.Future[None]) -> None:
    if not pause.done():
        pause.set_result(None)
