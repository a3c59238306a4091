"""Who creates orders, when, and how many: the budget of a process, and orders fought over.

Knows nothing of HTTP or Locust; whoever uses it says how an order is created.
"""

from __future__ import annotations

import random
import threading
import time
from bisect import bisect_right
from collections.abc import Callable

from paidonce.harness.load.plan.contention import Contention

Create = Callable[[], str | None]
"""Creates an order and returns its id; None if the service did not create one."""


class OrderBudget:
    """At most ``limit`` orders; ``used_up`` is called, once, when one more is asked for."""

    def __init__(self, limit: int, used_up: Callable[[], None]) -> None:
        self._left = limit
        self._used_up = used_up
        self._told = False
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one order from the budget, so that it counts as created; return whether there was
        one."""
        with self._lock:
            if self._left > 0:
                self._left -= 1
                return True
            told, self._told = self._told, True
        if not told:
            self._used_up()
        return False

    def give_back(self) -> None:
        """The order taken did not come into being after all."""
        with self._lock:
            self._left += 1


class HotPlace:
    """One place at which there is always an order to fight over.

    Once its order is paid, every further attempt on it is a cheap rejection and nothing is
    contended any more; so the one who learns that it is paid puts a new order in its place,
    while the others are still busy with the old one. An order on which nobody succeeds is
    replaced after ``lifetime`` seconds: its success may have been lost on its way to a client.
    """

    def __init__(self, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._order: str | None = None
        self._since = 0.0

    def current(self, create: Create) -> str | None:
        """The order to fight over now; None if there was none and none could be created."""
        order = self._order
        if order is not None:
            return order
        return self._replace(None, create)

    def finished(self, order: str, create: Create) -> None:
        """``order`` was paid: replace it, unless someone already has."""
        self._replace(order, create)

    def unfinished(self, order: str, create: Create) -> None:
        """An attempt on ``order`` did not succeed: replace it if it is too old."""
        if self._clock() - self._since > self._lifetime:
            self._replace(order, create)

    def _replace(self, old: str | None, create: Create) -> str | None:
        with self._lock:
            if self._order == old:
                fresh = create()
                if fresh is not None or old is None:
                    self._order, self._since = fresh, self._clock()
            return self._order


class HotPlaces:
    """All places of a contention that has some, picked as often as it says."""

    def __init__(
        self,
        contention: Contention,
        lifetime: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cumulative = contention.cumulative
        self._places = tuple(HotPlace(lifetime, clock) for _ in self._cumulative)

    def pick(self, chance: random.Random) -> HotPlace:
        """One of them."""
        at = bisect_right(self._cumulative, chance.random() * self._cumulative[-1])
        return self._places[min(at, len(self._places) - 1)]
