"""When a client asks again, and how long it waits before that. Pure.

As Stripe's own libraries do: no answer and a 5xx are worth another try, with the idempotency key of
the first one; before the n-th retry 0.5 s doubled n - 1 times are waited for, at most 5 s, of which
a random part up to a half is left out, and never less than 0.5 s (stripe-python 16.1,
``_http_client.py``: ``_should_retry`` and ``_sleep_time_seconds``). They also repeat every 409,
which at Stripe means that the key is in use. Here other 409s are answers (the order is paid), and
only ``payment_in_progress`` says that it is being worked on.
"""

from __future__ import annotations

import random

from paidonce.harness.history import Completed, Outcome
from paidonce.harness.models.order_state import PAYMENT_IN_PROGRESS

MOST_RETRIES = 20
FIRST_DELAY, LONGEST_DELAY = 0.5, 5.0
"""Seconds."""


def worth_another_try(done: Completed) -> bool:
    """Return whether a client asks again after this answer, or none."""
    return done.outcome in (Outcome.UNKNOWN, Outcome.FAILED) or done.code == PAYMENT_IN_PROGRESS


def delay(retry: int, chance: random.Random) -> float:
    """Seconds to wait before the ``retry``-th retry (from 1)."""
    planned = min(FIRST_DELAY * float(2 ** (retry - 1)), LONGEST_DELAY)
    return max(FIRST_DELAY, planned * (0.5 + 0.5 * chance.random()))
