"""Compare Stripe's books with ours: payments that Stripe took and no order shows.

A process that dies between Stripe's success and its COMMIT leaves nothing behind where the
guard's transaction is open around the call: the rollback forgets that there was one. The client
that asks again repeats the key and learns of it; the webhook tells of it too. Where neither comes
(the client is gone, the endpoint was down for longer than Stripe tries) this is what finds it:
Stripe's list of succeeded intents, each applied as its webhook would be, under the guard.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from paidonce.reference_service.flow import Flow
from paidonce.reference_service.gateway import Gateway
from paidonce.reference_service.operations.base import Event
from paidonce.reference_service.operations.renew import Renew
from paidonce.reference_service.operations.webhook import COMPLETED, SUCCEEDED, ApplyEvent
from paidonce.reference_service.orders import TAKEN, Order
from paidonce.reference_service.store import OrderReader

_log = logging.getLogger(__name__)


class Reconciliation:
    """Reconciliation passes: of Stripe's intents, with the orders that ``read`` finds."""

    def __init__(self, gateway: Gateway, flow: Flow, read: OrderReader) -> None:
        self._gateway = gateway
        self._flow = flow
        self._read = read

    def run_once(self, since: int) -> int:
        """Look at the intents made at or after ``since`` (Unix seconds); the number applied.

        An order that is being worked on is left to that: a later pass finds it again.
        """
        applied = 0
        for order_id, payment_id in self._gateway.paid_since(since):
            if not self._waits(order_id):
                continue
            # One id for one payment, so that two passes apply it once, as two deliveries would.
            event = Event(f"reconciled_{payment_id}", SUCCEEDED, payment_id)
            applied += self._apply(order_id, event)
        for order_id, checkout in self._gateway.completed_since(since):
            # A session that began a subscription has no intent of its own to be found by.
            if checkout.subscription_id is None or not self._waits(order_id):
                continue
            event = Event(
                f"reconciled_{checkout.id}",
                COMPLETED,
                checkout.payment_id,
                checkout.id,
                checkout.subscription_id,
            )
            applied += self._apply(order_id, event)
        return applied

    def renew(self, orders: Iterable[Order]) -> int:
        """Serve the renewals that Stripe was paid for and no webhook has brought; how many.

        An order that is being worked on is left to a later pass. Raises ``stripe.StripeError``.
        """
        served = 0
        for order in orders:
            assert order.subscription_id is not None
            for invoice in self._gateway.renewals(order.subscription_id):
                if invoice not in order.renewals:
                    answer = self._flow.run(Renew(invoice), order.id)
                    served += answer.status == 200 and answer.body["applied"]
        return served

    def _waits(self, order_id: str) -> bool:
        """Return whether an order is neither paid nor being worked on."""
        order = self._read(order_id)
        return (
            order is not None
            and order.payment_status not in TAKEN
            and order.pending_attempt is None
        )

    def _apply(self, order_id: str, event: Event) -> bool:
        answer = self._flow.run(ApplyEvent(event), order_id)
        if answer.status != 200 or not answer.body["applied"]:
            return False
        what = event.about or event.payment_id
        _log.warning("order %s: payment %s was found at Stripe", order_id, what)
        return True
