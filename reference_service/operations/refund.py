"""Give back all or part of what was paid, never more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from paidonce.reference_service.calls import CallKind, Outcome, Result, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Plan, rejected
from paidonce.reference_service.orders import (
    TAKEN,
    Order,
    OrderAnswer,
    OrderStatus,
    cancelled,
    not_paid,
    refund_exceeds,
    require_idle,
    status_when_paid,
)

_EXCEEDS = frozenset({"charge_already_refunded", "amount_too_large"})


@dataclass(frozen=True)
class Refund:
    """``POST /orders/{id}/refunds``; ``amount`` None means all that is left."""

    amount: int | None
    kind: ClassVar[str] = "refund"

    def request(self) -> dict[str, Any]:
        return {"amount": self.amount}

    def decide(self, order: Order) -> Plan:
        require_idle(order)
        if order.payment_status is OrderStatus.CANCELLED:
            raise cancelled()
        if order.payment_status not in TAKEN or order.payment_id is None:
            raise not_paid()
        left = order.amount - order.refunded_amount
        amount = left if self.amount is None else self.amount
        if not 0 < amount <= left:
            raise refund_exceeds()
        return Plan(
            StripeCall(
                kind=CallKind.REFUND,
                order_id=order.id,
                payment_id=order.payment_id,
                amount=amount,
            )
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        if outcome.result is Result.SUCCEEDED:
            assert call.amount is not None
            refunded = replace(order, refunded_amount=order.refunded_amount + call.amount)
            after = refunded.ended(payment_status=status_when_paid(refunded))
            answer = OrderAnswer(
                201,
                {
                    "refund_id": outcome.refund_id,
                    "payment_id": call.payment_id,
                    "amount": call.amount,
                    "order": after.public(),
                },
            )
            return Settlement(State.SUCCEEDED, after, answer)
        unchanged = status_when_paid(order)
        if outcome.code in _EXCEEDS:
            after = order.ended(payment_status=unchanged)
            return Settlement(State.FAILED, after, refund_exceeds().answer)
        return rejected(order, unchanged, outcome)
