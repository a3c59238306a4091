"""Limits on how many requests are taken: by the second, and at once.

Source: https://docs.stripe.com/rate-limits, which gives 25 requests a second for a sandbox and 100
in live mode, and says that the limiters stand before the idempotency layer: a refused request
leaves nothing under its key. There is no limit here unless one is set.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from paidonce.harness.simulator.domain.errors import rate_limited


class Limits:
    """A token bucket that holds one second's worth, and a count of requests under way."""

    def __init__(
        self,
        per_second: int | None = None,
        at_once: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_second = per_second
        self.at_once = at_once
        self._monotonic = monotonic
        self._tokens = float(per_second or 0)
        self._filled = monotonic()

    def check(self, under_way: int) -> None:
        """Let one more request in, or raise ``Refused`` (429, ``rate_limit``)."""
        if self.at_once is not None and under_way >= self.at_once:
            raise rate_limited("global-concurrency")
        if self.per_second is None:
            return
        now = self._monotonic()
        self._tokens = min(
            float(self.per_second), self._tokens + (now - self._filled) * self.per_second
        )
        self._filled = now
        if self._tokens < 1:
            raise rate_limited("global-rate")
        self._tokens -= 1
