"""The second family of sound guards: reserve, call, settle.

A short transaction writes down what is going to be asked of Stripe, and under which key, before
it is asked: an attempt in state ``live`` and an order that is ``processing``. No transaction is
open and no connection is held during the call. A second short transaction records the outcome.
Between the two the order refuses every other operation, by what is stored in it and not by
anything a process holds, so a crash at any point leaves an attempt that the recovery finishes
(the "atomic phases" and "recovery points" of B. Leach, 2017).

The guards of this family differ in how the reservation is made safe against another one that
has read the same order.

Survives: lost answers, errors, kept 500s, redelivery, and a crash at any step whoever comes back:
the attempt is committed before Stripe is called, and the recovery asks the same again under the
same key (B. Leach, 2017, "recovery points"; https://docs.stripe.com/api/idempotent_requests).
"""

from __future__ import annotations

from typing import Any

from paidonce.reference_service import store
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.guards.base import LostRace, Section, Ticket
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer, OrderStatus


class ReservingSection(Section):
    """``settle`` for all of the family, and the row that a reservation writes."""

    settle_isolation = "AUTOCOMMIT"

    def settle(self, ticket: Ticket, settlement: Settlement) -> OrderAnswer:
        connection = self.connect(self.settle_isolation)
        if settlement.state is State.UNKNOWN:
            done = store.mark_unknown(connection, ticket.attempt, lease_s=0)
        else:
            done = store.settle(connection, ticket.attempt, settlement)
        # Not done: the recovery was faster. What it found is the answer, not what we saw.
        answer = None if done else store.find_answer(connection, ticket.attempt)
        connection.commit()
        self.close()
        return answer or settlement.answer

    def reserve_where(self, order: Order, plan: Plan, when: str, **values: Any) -> Ticket:
        """Write the reservation where ``when`` holds, else raise ``LostRace``."""
        after = order.changed()
        ticket = self.ticket(order, plan, after.version)
        written = store.write_with_attempt(
            self.connection, self.reserved(order, ticket), self.live(ticket), when, **values
        )
        if not written:
            raise LostRace
        return ticket

    def reserved(self, order: Order, ticket: Ticket) -> Order:
        """``order`` with the attempt of ``ticket`` pending."""
        return order.changed(payment_status=OrderStatus.PROCESSING, pending_attempt=ticket.attempt)

    def live(self, ticket: Ticket) -> store.Attempt:
        """The attempt of ``ticket``, ours until its lease ends."""
        return self.attempt(ticket, State.LIVE, lease_s=self.context.settings.claim_lease_s)
