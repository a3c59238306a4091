"""Cancel an unpaid order, and at Stripe what could still be paid for it.

A Checkout Session either expires or is paid: Stripe decides that once. Whoever comes too late to
have it expired believes Stripe, and leaves the order to those who are told of the payment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from paidonce.reference_service.calls import CallKind, Checkout, Outcome, Result, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Plan, rejected, wrong_state
from paidonce.reference_service.orders import (
    Order,
    OrderAnswer,
    OrderStatus,
    already_paid,
    require_payable,
)
from paidonce.reference_service.sessions import EXPIRED


@dataclass(frozen=True)
class Cancel:
    """``POST /orders/{id}/cancel``."""

    kind: ClassVar[str] = "cancel"

    def request(self) -> dict[str, Any]:
        return {}

    def decide(self, order: Order) -> Plan:
        require_payable(order)
        if order.on_page:
            return Plan(
                StripeCall(kind=CallKind.EXPIRE, order_id=order.id, checkout_id=order.checkout_id)
            )
        if order.payment_id is None:
            return Plan(settlement=_cancelled(order.changed(payment_status=OrderStatus.CANCELLED)))
        return Plan(
            StripeCall(kind=CallKind.CANCEL, order_id=order.id, payment_id=order.payment_id)
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        if outcome.result is Result.SUCCEEDED:
            return _cancelled(order.ended(payment_status=OrderStatus.CANCELLED))
        if outcome.result is Result.WRONG_STATE:
            if outcome.checkout is not None:
                return _too_late(order, outcome.checkout)
            if outcome.intent is not None and outcome.intent.status == "canceled":
                return _cancelled(order.ended(payment_status=OrderStatus.CANCELLED))
            return wrong_state(order, outcome)
        return rejected(order, OrderStatus.UNPAID, outcome)


def _too_late(order: Order, checkout: Checkout) -> Settlement:
    if checkout.status == EXPIRED:
        return _cancelled(order.ended(payment_status=OrderStatus.CANCELLED))
    after = order.ended(payment_status=OrderStatus.UNPAID)
    return Settlement(State.FAILED, after, already_paid(after).answer)


def _cancelled(after: Order) -> Settlement:
    return Settlement(State.SUCCEEDED, after, OrderAnswer(200, after.public()))
