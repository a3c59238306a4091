"""Serve what a subscription's renewal paid for: another month of what was bought, once.

Stripe's webhook tells of the invoice, and tells again where it was not heard; a sweep looks through
the paid invoices for what no webhook brought
(https://docs.stripe.com/billing/subscriptions/webhooks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from paidonce.reference_service.calls import Outcome, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.operations.base import Event, Plan
from paidonce.reference_service.orders import Order, OrderAnswer, require_idle


@dataclass(frozen=True)
class Renew:
    """An invoice of a renewal was paid; ``event`` told of it, or a sweep found it (None)."""

    invoice: str
    event: Event | None = None
    kind: ClassVar[str] = "renew"

    def request(self) -> dict[str, Any]:
        return {"invoice": self.invoice}

    def decide(self, order: Order) -> Plan:
        require_idle(order)
        new = self.invoice not in order.renewals
        after = order.changed(renewals=(*order.renewals, self.invoice)) if new else order
        return Plan(
            settlement=Settlement(State.SUCCEEDED, after, OrderAnswer(200, {"applied": new})),
            event=self.event,
            answer_if_seen=OrderAnswer(200, {"applied": False}),
            hands_out=self.invoice if new else None,
        )

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        raise AssertionError("a renewal calls nothing")
