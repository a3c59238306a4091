"""The time that a whole exploration has, whatever it does with it."""

from __future__ import annotations

import time

from paidonce.harness.explore.search import Budget


class Clock:
    """A budget from its first second to its last, however often a search begins again."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._began = time.monotonic()

    @property
    def left(self) -> Budget:
        """Return the budget for a search that begins now."""
        return self._budget.spent(time.monotonic() - self._began)

    @property
    def over(self) -> bool:
        """Return whether its seconds are spent."""
        return self.left.seconds == 0
