"""An open loop: clients come when they come, whether those before them were answered or not.

A user of a closed loop waits for its answer before it goes on, so a service that stalls gets less
work and its stall is counted once, however many would have met it: *coordinated omission* (Gil
Tene, *How not to measure latency*, 2013). Here each user has times at which it is to come. One that
is kept by an earlier request comes late, and its lateness is part of its latency, as in wrk2.
"""

from __future__ import annotations

import random


class Arrivals:
    """The times at which one user comes, in seconds from ``start``.

    ``interval`` is the mean of the seconds between two; they are all alike, or with ``poisson``
    exponentially distributed. Several users with times of this kind together come at times of this
    kind (a Poisson process is a sum of such), evenly spread ones begin at a moment of their own.
    """

    def __init__(
        self, interval: float, *, poisson: bool, chance: random.Random, start: float
    ) -> None:
        self._interval = interval
        self._chance = chance
        self._poisson = poisson
        self._next = start + (0.0 if poisson else chance.uniform(0, interval))

    def next(self) -> float:
        """The next one."""
        if self._poisson:
            self._next += self._chance.expovariate(1 / self._interval)
            return self._next
        found = self._next
        self._next += self._interval
        return found
