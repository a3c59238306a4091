"""The highest rate a guard sustains: clients come ever more often until it no longer keeps up.

An open loop (see ``arrivals``) is needed for that: users who wait for their answers never offer
more than is served. Rates are doubled until one is not sustained, and then narrowed down between
the last that was and the first that was not.
"""

from __future__ import annotations

import math

from paidonce.harness.results.load_run import Load
from paidonce.harness.verdict import Status

START, HIGHEST = 25.0, 12_800.0
"""Clients a second: where the search begins, and where it gives up looking for a limit."""
NARROWING = 3
"""How often the interval is halved, on a logarithmic scale: to within 9 %."""
_SERVED = 0.9
"""The share of the offered rate that has to be served: beyond that clients queue."""


class Climb:
    """Says which rate to try next, given what became of those before it."""

    def __init__(self, bound_ms: float, start: float = START) -> None:
        self._bound = bound_ms
        self._next = start
        self._held = 0.0
        self._failed = math.inf
        self._narrowed = 0

    @property
    def held(self) -> float:
        """The highest rate that was sustained; 0 if none was."""
        return self._held

    def next(self) -> float | None:
        """The next rate to try, in clients a second; None when the limit is known well enough."""
        if self._held >= HIGHEST or self._narrowed > NARROWING:
            return None
        if self._failed == math.inf:
            return self._next
        if not self._held:  # not even the first: look below it
            self._narrowed += 1
            return self._failed / 2 if self._narrowed <= NARROWING else None
        self._narrowed += 1
        return math.sqrt(self._held * self._failed) if self._narrowed <= NARROWING else None

    def told(self, load: Load) -> bool:
        """Note whether the rate that was tried last was sustained, which is returned."""
        assert load.rate is not None
        good = sustained(load, self._bound)
        if good:
            self._held = max(self._held, load.rate)
            self._next = load.rate * 2
        else:
            self._failed = min(self._failed, load.rate)
        return good


def sustained(load: Load, bound_ms: float) -> bool:
    """Return whether a rate was served: nearly all of it, p99 within the bound, and nothing
    broken."""
    if load.rate is None or load.status is Status.INVALID:
        return False
    return load.throughput >= _SERVED * load.rate and load.latency.p99 <= bound_ms
