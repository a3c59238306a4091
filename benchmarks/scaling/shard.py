"""One shard of a payment service, simulated: connections, locks on orders, processors, Stripe.

A discrete-event simulation (simpy). What is simulated is queueing alone: who waits for a
connection, for an order or for one of the database's processors, and for how long. Times are
milliseconds.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Generator
from dataclasses import dataclass, field

import simpy

Steps = Generator[simpy.Event, object, None]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a guard spends a payment.

    ``before_ms`` and ``after_ms`` are the database's work before and after Stripe is called,
    ``trips_ms`` the way to the database and back of all statements together; ``holds`` says whether
    it keeps its connection and the order's lock during the call.
    """

    name: str
    before_ms: float
    after_ms: float
    trips_ms: float
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a shard has, and what comes to it.

    ``rate`` payments a second, of which a share ``twice`` is sent a second time within
    ``apart_ms`` (a double click); orders are each their own, or (``zipf``) drawn from ``orders``
    by Zipf's law. Stripe's answer takes a lognormal time.
    """

    rate: float
    seconds: float
    pool: int
    processors: int
    stripe_ms: float = 300.0
    stripe_sigma: float = 0.5
    twice: float = 0.02
    apart_ms: float = 150.0
    orders: int = 0
    zipf: float = 0.0
    seed: int = 1


@dataclass
class Seen:
    """What came of it; times in ms. ``held`` are connections in use, over time."""

    asked: int = 0
    paid: int = 0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)
    pool_waits: list[float] = field(default_factory=list)
    held_mean: float = 0.0
    held_most: int = 0
    seconds: float = 0.0

    @property
    def goodput(self) -> float:
        return self.paid / self.seconds if self.seconds else 0.0


def quantile(values: list[float], share: float) -> float:
    """The smallest value that ``share`` of them do not exceed; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


class Shard:
    """Simulates one shard under one guard."""

    def __init__(self, way: Way, setting: Setting) -> None:
        self._way, self._setting = way, setting
        self._env = simpy.Environment()
        self._pool = simpy.Resource(self._env, setting.pool)
        self._processors = simpy.Resource(self._env, setting.processors)
        self._locks: dict[int, simpy.Resource] = {}
        self._taken: set[int] = set()
        self._random = random.Random(setting.seed)
        self._busy_ms = 0.0
        weights = (1 / (n + 1) ** setting.zipf for n in range(setting.orders))
        self._popular = list(itertools.accumulate(weights))
        self.seen = Seen(seconds=setting.seconds)

    def run(self) -> Seen:
        """Everything that comes within ``seconds`` is served to its end; then it is told."""
        self._env.process(self._arrivals())
        self._env.run()
        self.seen.held_mean = self._busy_ms / self._env.now
        return self.seen

    def _arrivals(self) -> Steps:
        setting, draw = self._setting, self._random
        for number in itertools.count():
            yield self._env.timeout(draw.expovariate(setting.rate / 1000))
            if self._env.now >= setting.seconds * 1000:
                return
            order = self._order(number)
            self._env.process(self._payment(order, 0.0))
            if draw.random() < setting.twice:
                self._env.process(self._payment(order, draw.random() * setting.apart_ms))

    def _order(self, number: int) -> int:
        if not self._popular:
            return number
        return bisect.bisect_left(self._popular, self._random.random() * self._popular[-1])

    def _payment(self, order: int, later_ms: float) -> Steps:
        yield self._env.timeout(later_ms)
        self.seen.asked += 1
        began = self._env.now
        paid = yield self._env.process(
            self._holding(order) if self._way.holds else self._claiming(order)
        )
        self.seen.latencies.append(self._env.now - began)
        if paid:
            self.seen.paid += 1
        else:
            self.seen.refused += 1

    def _holding(self, order: int) -> Generator[simpy.Event, object, bool]:
        """One transaction from the lock to the end, Stripe within it."""
        with self._pool.request() as connection:
            got = yield from self._connected(connection)
            lock = self._locks.setdefault(order, simpy.Resource(self._env, 1))
            with lock.request() as locked:
                yield locked
                yield from self._database(self._way.before_ms)
                paying = order not in self._taken
                if paying:
                    yield self._env.timeout(self._stripe())
                    yield from self._database(self._way.after_ms)
                    self._taken.add(order)
            self._busy_ms += self._env.now - got
        return paying

    def _claiming(self, order: int) -> Generator[simpy.Event, object, bool]:
        """A short transaction that takes the order, Stripe, and a short one that settles."""
        with self._pool.request() as connection:
            got = yield from self._connected(connection)
            paying = order not in self._taken
            self._taken.add(order)
            yield from self._database(self._way.before_ms)
            self._busy_ms += self._env.now - got
        if not paying:
            return False
        yield self._env.timeout(self._stripe())
        with self._pool.request() as connection:
            got = yield from self._connected(connection)
            yield from self._database(self._way.after_ms)
            self._busy_ms += self._env.now - got
        return True

    def _connected(self, connection: simpy.Event) -> Generator[simpy.Event, object, float]:
        """Wait for a connection; returns when it was had."""
        asked = self._env.now
        yield connection
        self.seen.pool_waits.append(self._env.now - asked)
        self.seen.held_most = max(self.seen.held_most, self._pool.count)
        return self._env.now

    def _database(self, ms: float) -> Steps:
        yield self._env.timeout(self._way.trips_ms / 2)
        with self._processors.request() as processor:
            yield processor
            yield self._env.timeout(self._random.expovariate(1 / ms))

    def _stripe(self) -> float:
        setting = self._setting
        return self._random.lognormvariate(math.log(setting.stripe_ms), setting.stripe_sigma)
