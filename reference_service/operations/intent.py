"""Make a payment intent for a client that will confirm it later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from paidonce.reference_service.calls import CallKind, Outcome, Result, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Plan, rejected, wrong_state
from paidonce.reference_service.orders import Order, OrderAnswer, OrderStatus, require_untouched


@dataclass(frozen=True)
class CreateIntent:
    """``POST /orders/{id}/payment-intents``."""

    kind: ClassVar[str] = "intent"

    def request(self) -> dict[str, Any]:
        return {}

    def decide(self, order: Order) -> Plan:
        require_untouched(order)
        return Plan(
            StripeCall(
                kind=CallKind.CREATE,
                order_id=order.id,
                amount=order.amount,
                currency=order.currency,
            )
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        intent = outcome.intent
        if outcome.result is not Result.SUCCEEDED or intent is None:
            return rejected(order, OrderStatus.UNPAID, outcome)
        if intent.status in ("succeeded", "canceled"):
            # Found by recovery: an attempt nobody recorded had made it and gone on.
            return wrong_state(order, outcome)
        after = order.ended(payment_status=OrderStatus.UNPAID, payment_id=intent.id)
        answer = OrderAnswer(
            201,
            {
                "payment_id": intent.id,
                "client_secret": intent.client_secret,
                "order": after.public(),
            },
        )
        return Settlement(State.SUCCEEDED, after, answer)
