"""Apply what Stripe reports about an order's payment, each event once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from paidonce.reference_service.calls import Outcome, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Event, Plan
from paidonce.reference_service.operations.checkout import paid_by
from paidonce.reference_service.orders import TAKEN, Order, OrderAnswer, OrderStatus, require_idle

SUCCEEDED = "payment_intent.succeeded"
FAILED = "payment_intent.payment_failed"
CANCELED = "payment_intent.canceled"
COMPLETED = "checkout.session.completed"
COMPLETED_LATE = "checkout.session.async_payment_succeeded"
EXPIRED = "checkout.session.expired"
FAILED_LATE = "checkout.session.async_payment_failed"
INVOICE_PAID = "invoice.paid"
SESSION_OVER = frozenset({EXPIRED, FAILED_LATE})
"""A Checkout Session is over, and nothing was paid."""
_SESSION_PAID = frozenset({COMPLETED, COMPLETED_LATE})
HANDLED = SESSION_OVER | _SESSION_PAID | {SUCCEEDED, FAILED, CANCELED, INVOICE_PAID}


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
        after = self._after(order)
        # By whichever event: what was bought on a page is handed out when the order becomes paid.
        buys = order.payment_status not in TAKEN and after.payment_status in TAKEN
        return Plan(
            settlement=Settlement(State.SUCCEEDED, after, applied(True)),
            event=self.event,
            answer_if_seen=applied(False),
            hands_out=after.checkout_id if buys and after.on_page else None,
        )

    def _after(self, order: Order) -> Order:
        if order.payment_status in TAKEN:
            return order
        if self.event.type == SUCCEEDED:
            # Also where the order was cancelled: the money is there and must be seen.
            return paid_by(order, self.event.payment_id)
        if self.event.type in _SESSION_PAID:
            paid = paid_by(order, self.event.payment_id, self.event.subscription_id)
            # A crash may have forgotten which session was opened: the event says it.
            return replace(paid, checkout_id=self.event.about, checkout_over=False)
        if self.event.type in SESSION_OVER and order.checkout_id == self.event.about:
            return order.changed(checkout_over=True)
        if (
            self.event.type == FAILED
            and order.payment_status is OrderStatus.UNPAID
            and order.payment_id is None
            and not order.on_page
        ):
            # An attempt that crashed before it was recorded left this intent: pay that one.
            return order.changed(payment_id=self.event.payment_id)
        return order

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        raise AssertionError("a webhook calls nothing")


def applied(yes: bool) -> OrderAnswer:
    return OrderAnswer(200, {"applied": yes})
