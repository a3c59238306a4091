"""Adds up the movements of an account's balance, without reading all of them each time.

A movement counts for what is *available* from its ``available_on`` on. Those that were counted are
not looked at again, unless it is an earlier time than it was: that of a test clock.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

from paidonce.harness.simulator.domain.collection import Collection
from paidonce.harness.simulator.domain.objects import BalanceTransaction


class MaturedMoney:
    """By currency, what has become available, and what there is in all."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._counted = 0
        self._at = 0.0
        self._later: list[tuple[int, int, str]] = []
        self._available: defaultdict[str, int] = defaultdict(int)
        self._whole: defaultdict[str, int] = defaultdict(int)

    def count(
        self, entries: Collection[BalanceTransaction], now: float
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Return the available money among ``entries`` at ``now``, and all of it."""
        if now < self._at:
            self._forget()
        self._at, there = now, len(entries)
        for entry in entries.newest(there - self._counted):
            self._whole[entry.currency] += entry.net
            heapq.heappush(self._later, (entry.available_on, entry.net, entry.currency))
        self._counted = there
        while self._later and self._later[0][0] <= now:
            _, net, currency = heapq.heappop(self._later)
            self._available[currency] += net
        return self._available, self._whole
