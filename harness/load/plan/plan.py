"""The number of users at each moment of a load run. Pure; times in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from paidonce.harness.errors import UsageError

MAX_USERS = 5_000
MAX_SECONDS = 3_600.0
TAIL = 0.5
"""Seconds of load after the measured time: processes that began a little later still measure
all of theirs under load."""


@dataclass(frozen=True)
class LoadPlan:
    """Warm up in steps to ``users``, then hold them for ``seconds``, then stop.

    The warm-up is not measured: it fills the service's pools and caches. Locust looks at its
    plan about once a second, so the warm-up has one step a second and its last step begins a
    second before the measured time does. Raises ``UsageError`` on a number out of range.
    """

    users: int
    warmup: float
    seconds: float

    def __post_init__(self) -> None:
        if not 1 <= self.users <= MAX_USERS:
            raise UsageError(f"users: expected 1 to {MAX_USERS}, got {self.users}")
        if not 0 <= self.warmup <= MAX_SECONDS:
            raise UsageError(f"warmup: expected 0 to {MAX_SECONDS:g} seconds, got {self.warmup:g}")
        if not 1 <= self.seconds <= MAX_SECONDS:
            raise UsageError(f"seconds: expected 1 to {MAX_SECONDS:g}, got {self.seconds:g}")

    @property
    def steps(self) -> int:
        """Steps of the warm-up; never more than there are users."""
        return max(1, min(self.users, math.floor(self.warmup)))

    @property
    def total(self) -> float:
        """Seconds from the first user to the last."""
        return self.warmup + self.seconds + TAIL

    def users_at(self, elapsed: float) -> int | None:
        """Users wanted ``elapsed`` seconds after the start; None when it is over."""
        if elapsed >= self.total:
            return None
        if elapsed >= self.warmup:
            return self.users
        step = min(self.steps - 1, math.floor(elapsed * self.steps / self.warmup))
        return math.ceil(self.users * (step + 1) / self.steps)
