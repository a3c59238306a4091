"""Pay an order, with the intent it has or with one made and confirmed in a single call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from paidonce.reference_service.calls import CallKind, Outcome, Result, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Plan, rejected, wrong_state
from paidonce.reference_service.orders import (
    Order,
    OrderAnswer,
    OrderStatus,
    error,
    require_no_checkout,
    require_payable,
)


@dataclass(frozen=True)
class Pay:
    """``POST /orders/{id}/payments``."""

    payment_method: str
    kind: ClassVar[str] = "pay"

    def request(self) -> dict[str, Any]:
        return {"payment_method": self.payment_method}

    def decide(self, order: Order) -> Plan:
        require_payable(order)
        require_no_checkout(order)
        if order.payment_id is not None:
            return Plan(
                StripeCall(
                    kind=CallKind.CONFIRM,
                    order_id=order.id,
                    payment_id=order.payment_id,
                    amount=order.amount,
                    payment_method=self.payment_method,
                )
            )
        return Plan(
            StripeCall(
                kind=CallKind.CREATE,
                order_id=order.id,
                amount=order.amount,
                currency=order.currency,
                payment_method=self.payment_method,
                confirm=True,
            )
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        intent = outcome.intent
        if outcome.result is Result.SUCCEEDED:
            assert intent is not None
            # The amount is the order's own, but for a recovery that found an earlier payment.
            after = order.ended(
                payment_status=OrderStatus.PAID, payment_id=intent.id, amount=intent.amount
            )
            answer = OrderAnswer(
                200,
                {
                    "payment_id": intent.id,
                    "payment_status": str(after.payment_status),
                    "amount": intent.amount,
                    "currency": order.currency,
                },
            )
            return Settlement(State.SUCCEEDED, after, answer)
        if outcome.result is Result.DECLINED:
            # The intent outlives the decline: the next try confirms it and makes no second one.
            payment_id = intent.id if intent else order.payment_id
            after = order.ended(payment_status=OrderStatus.UNPAID, payment_id=payment_id)
            message = outcome.message or "The card was declined."
            return Settlement(State.FAILED, after, error(402, "card_declined", message, payment_id))
        if outcome.result is Result.WRONG_STATE:
            return wrong_state(order, outcome)
        return rejected(order, OrderStatus.UNPAID, outcome)
