"""Change what an unpaid order costs, also in the intent it may have."""

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
    require_no_checkout,
    require_payable,
)


@dataclass(frozen=True)
class ChangeAmount:
    """``PATCH /orders/{id}``; ``amount`` in minor units."""

    amount: int
    kind: ClassVar[str] = "amount"

    def request(self) -> dict[str, Any]:
        return {"amount": self.amount}

    def decide(self, order: Order) -> Plan:
        require_payable(order)
        require_no_checkout(order)
        if order.payment_id is None:
            return Plan(settlement=_changed(order.changed(amount=self.amount)))
        return Plan(
            StripeCall(
                kind=CallKind.UPDATE,
                order_id=order.id,
                payment_id=order.payment_id,
                amount=self.amount,
            )
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        if outcome.result is Result.SUCCEEDED:
            assert call.amount is not None
            after = order.ended(payment_status=OrderStatus.UNPAID, amount=call.amount)
            return _changed(after)
        if outcome.result is Result.WRONG_STATE:
            return wrong_state(order, outcome)
        return rejected(order, OrderStatus.UNPAID, outcome)


def _changed(after: Order) -> Settlement:
    return Settlement(State.SUCCEEDED, after, OrderAnswer(200, after.public()))
