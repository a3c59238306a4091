"""Have an order paid on a page of Stripe's, and learn that it was.

Two tell of it, and neither waits for the other: the page that the customer comes back to, and the
webhook (https://docs.stripe.com/checkout/fulfillment). Whichever comes first marks the order as
paid and hands out what was bought; to the other there is nothing left to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from paidonce.reference_service.calls import CallKind, Checkout, Outcome, Result, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Plan, rejected, wrong_state
from paidonce.reference_service.orders import (
    TAKEN,
    Order,
    OrderAnswer,
    OrderStatus,
    require_idle,
    require_untouched,
)


@dataclass(frozen=True)
class OpenCheckout:
    """``POST /orders/{id}/checkout``; ``recurring`` sells a membership that is renewed."""

    recurring: bool = False
    kind: ClassVar[str] = "checkout"

    def request(self) -> dict[str, Any]:
        return {"recurring": self.recurring}

    def decide(self, order: Order) -> Plan:
        require_untouched(order)
        return Plan(
            StripeCall(
                kind=CallKind.CHECKOUT,
                order_id=order.id,
                amount=order.amount,
                currency=order.currency,
                recurring=self.recurring,
            )
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        if outcome.result is Result.WRONG_STATE:
            # Found by recovery: an attempt nobody recorded had made an intent under this key.
            return wrong_state(order, outcome)
        checkout = outcome.checkout
        if outcome.result is not Result.SUCCEEDED or checkout is None:
            return rejected(order, OrderStatus.UNPAID, outcome)
        after = order.ended(
            payment_status=OrderStatus.UNPAID, checkout_id=checkout.id, checkout_over=False
        )
        answer = OrderAnswer(
            201, {"checkout_id": checkout.id, "url": checkout.url, "order": after.public()}
        )
        return Settlement(State.SUCCEEDED, after, answer)


@dataclass(frozen=True)
class ReturnFromCheckout:
    """``GET /orders/{id}/checkout/return``, once Stripe says that its session was paid."""

    checkout: Checkout
    kind: ClassVar[str] = "return"

    def request(self) -> dict[str, Any]:
        return {"checkout_id": self.checkout.id}

    def decide(self, order: Order) -> Plan:
        require_idle(order)
        if order.payment_status in TAKEN:
            return Plan(settlement=Settlement(State.SUCCEEDED, order, shown(order)))
        after = paid_by(order, self.checkout.payment_id, self.checkout.subscription_id)
        return Plan(
            settlement=Settlement(State.SUCCEEDED, after, shown(after)),
            hands_out=self.checkout.id,
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        raise AssertionError("what a return page asks of Stripe, it asks before it decides")


def paid_by(order: Order, payment_id: str | None, subscription_id: str | None = None) -> Order:
    """The order once its money has come: by an intent, or by the first one of a subscription."""
    return order.changed(
        payment_status=OrderStatus.PAID,
        payment_id=payment_id or order.payment_id,
        subscription_id=subscription_id or order.subscription_id,
    )


def shown(order: Order) -> OrderAnswer:
    """The order, to a customer who has come back."""
    return OrderAnswer(200, order.public())
