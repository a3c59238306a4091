"""The end of an attempt, once Stripe has answered or failed to: pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from paidonce.reference_service.orders import Order, OrderAnswer


class State(enum.StrEnum):
    """The point to which an attempt has come (column ``attempts.state``)."""

    LIVE = "live"
    """Reserved; Stripe is being called, or the process died while it was."""
    UNKNOWN = "unknown"
    """Stripe was called and did not answer usably."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Ended, definitely without the effect."""
    RELEASED = "released"
    """Nothing was done at Stripe and the attempt's number was not used up."""


@dataclass(frozen=True)
class Settlement:
    """The end of an attempt: its state, the order afterwards and the client's answer.

    With UNKNOWN the order stays as reserved and ``order`` is what it would be but for that;
    with RELEASED it is the order as it was before.
    """

    state: State
    order: Order
    answer: OrderAnswer

    @property
    def final(self) -> bool:
        return self.state in (State.SUCCEEDED, State.FAILED)
