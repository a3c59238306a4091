"""Compare Stripe's books with ours: payments that Stripe took and no order shows.

A process that dies between Stripe's success and its COMMIT leaves nothing behind where the
guard's transaction is open around the call: the rollback forgets that there was one. The client
that asks again repeats the key and learns of it; the webhook tells of it too. Where neither comes
(the client is gone, the endpoint was down for longer than Stripe tries) this is what finds it:
Stripe's list of succeeded intents, each applied as its webhook would be, under the guard.
"""

from __future__ import annotations

import logging

from paidonce.reference_service.flow import Flow
from paidonce.reference_service.gateway import Gateway
from paidonce.reference_service.operations.base import Event
from paidonce.reference_service.operations.webhook import SUCCEEDED, ApplyEvent
from paidonce.reference_service.orders import TAKEN
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
            order = self._read(order_id)
            if order is None or order.payment_status in TAKEN or order.pending_attempt is not None:
                continue
            # One id for one payment, so that two passes apply it once, as two deliveries would.
            event = Event(f"reconciled_{payment_id}", SUCCEEDED, payment_id)
            answer = self._flow.run(ApplyEvent(event), order_id)
            if answer.status == 200 and answer.body["applied"]:
                _log.warning("order %s: payment %s was found at Stripe", order_id, payment_id)
                applied += 1
        return applied
