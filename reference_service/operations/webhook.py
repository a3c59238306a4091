"""Apply what Stripe reports about an order's payment, each event once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from paidonce.reference_service.calls import Outcome, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Event, Plan
from paidonce.reference_service.orders import TAKEN, Order, OrderAnswer, OrderStatus, require_idle

SUCCEEDED = "payment_intent.succeeded"
FAILED = "payment_intent.payment_failed"
CANCELED = "payment_intent.canceled"
HANDLED = frozenset({SUCCEEDED, FAILED, CANCELED})


@dataclass(frozen=True)
class ApplyEvent:
    """``POST /webhooks/stripe``, signature verified.

    While an attempt is pending it is refused with 409, and Stripe delivers again later
    (https://docs.stripe.com/webhooks#retries): the attempt knows more than the event does.
    Events may come late and in any order, so none takes a paid order back.
    """

    event: Event
    kind: ClassVar[str] = "webhook"

    def request(self) -> dict[str, Any]:
        return {"event": self.event.id}

    def decide(self, order: Order) -> Plan:
        require_idle(order)
        return Plan(
            settlement=Settlement(State.SUCCEEDED, self._after(order), applied(True)),
            event=self.event,
            answer_if_seen=applied(False),
        )

    def _after(self, order: Order) -> Order:
        if order.payment_status in TAKEN:
            return order
        if self.event.type == SUCCEEDED:
            # Also where the order was cancelled: the money is there and must be seen.
            return order.changed(
                payment_status=OrderStatus.PAID,
                payment_id=self.event.payment_id or order.payment_id,
            )
        if (
            self.event.type == FAILED
            and order.payment_status is OrderStatus.UNPAID
            and order.payment_id is None
        ):
            # An attempt that crashed before it was recorded left this intent: pay that one.
            return order.changed(payment_id=self.event.payment_id)
        return order

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        raise AssertionError("a webhook calls nothing")


def applied(yes: bool) -> OrderAnswer:
    return OrderAnswer(200, {"applied": yes})
