"""Patience: how long a request goes on after a serialization failure.

Such a failure may be a false alarm: predicate locks are kept by the page (PostgreSQL manual
13.2.3), so that requests for different orders can collide although neither is in the other's
way. A few retries are not enough then, and many at once only collide again; what helps is to
wait for a random while, longer each time ("full jitter": M. Brooker, "Exponential backoff and
jitter", AWS Architecture Blog, 2015). How long in all is bounded, as every wait is.
"""

from __future__ import annotations

import random
import time

_FIRST_S = 0.002
_LONGEST_S = 0.1


class Patience:
    """Allows ``retries`` at once, and more, with pauses, until ``bound_s`` seconds are over."""

    def __init__(self, retries: int, bound_s: float) -> None:
        self._at_once = min(retries, 1)
        self._until = time.monotonic() + bound_s
        self._pause = _FIRST_S
        self._failures = 0

    def again(self) -> bool:
        """Return whether to try once more, when it is time to."""
        self._failures += 1
        if self._failures <= self._at_once:
            return True
        pause = random.uniform(0, self._pause)
        if time.monotonic() + pause > self._until:
            return False
        time.sleep(pause)
        self._pause = min(2 * self._pause, _LONGEST_S)
        return True
