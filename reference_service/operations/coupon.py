"""Make an order cheaper by a coupon, of which there are only so many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from paidonce.reference_service.calls import Outcome, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import (
    MINIMUM,
    Order,
    OrderAnswer,
    require_untouched,
    used_up,
)


@dataclass(frozen=True)
class Redeem:
    """``POST /orders/{id}/coupon``; ``off`` in minor units, as the coupon says.

    An order has one coupon at most. How often it was used is not the order's to know: orders that
    no guard of theirs keeps apart compete for it, so it is asked for where it is taken.
    """

    code: str
    off: int
    kind: ClassVar[str] = "coupon"

    def request(self) -> dict[str, Any]:
        return {"code": self.code}

    def decide(self, order: Order) -> Plan:
        require_untouched(order)
        if order.coupon is not None:
            raise used_up()
        amount = max(order.amount - self.off, MINIMUM)
        after = order.changed(amount=amount, coupon=self.code)
        return Plan(
            settlement=Settlement(State.SUCCEEDED, after, OrderAnswer(200, after.public())),
            redeems=self.code,
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        raise AssertionError("a coupon of ours is not asked for at Stripe")
