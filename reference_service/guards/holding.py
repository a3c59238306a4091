"""The first family of sound guards: a database lock held across the Stripe call.

One transaction from the first read to the last write, open while Stripe is being called. It is
the simplest thing that works: the decision, the call and its record cannot be separated by
another request. Its price is a database connection, an open transaction and a lock for as long
as Stripe takes. Its weak spot is a crash in between: the transaction is rolled back and with it
every trace of a call that may have been executed. What then keeps the order from paying twice
is the idempotency key, which was derived from the state that the rollback brought back; the next
request repeats it. See B. Leach, "Implementing Stripe-like Idempotency Keys in Postgres" (2017),
on why such calls are better placed between transactions, as the other family does.

Survives: lost answers, errors, kept 500s and a crash whose client asks again, since the next
request repeats the key, and Stripe gives the first answer again
(https://docs.stripe.com/api/idempotent_requests). Not a crash between Stripe and COMMIT after which
nobody comes back: the rollback forgets the call, and the order stays charged, not recorded, until
Stripe's books are compared (``reconciliation``) or the webhook tells of it.
"""

from __future__ import annotations

from abc import abstractmethod

from sqlalchemy import Connection

from paidonce.reference_service import store
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.guards.base import Section, Ticket, found
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer, OrderStatus


class HoldingSection(Section):
    """Everything in one transaction, under the lock that ``lock_and_read`` takes."""

    resettles = False

    @abstractmethod
    def lock_and_read(self, connection: Connection) -> Order | None:
        """Take the lock, then read the order."""

    def read(self) -> Order:
        return found(self.lock_and_read(self.connect()))

    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        answer = self.write_local(self.connection, order, plan, store.ALWAYS)
        self.connection.commit()
        return answer

    def reserve(self, order: Order, plan: Plan) -> Ticket:
        return self.ticket(order, plan, order.version)

    def settle(self, ticket: Ticket, settlement: Settlement) -> OrderAnswer:
        if settlement.state is State.UNKNOWN:
            self._write_unknown(ticket)
        elif settlement.final:
            attempt = self.attempt(ticket, settlement.state, settlement.answer)
            store.write_with_attempt(self.connection, settlement.order, attempt, store.ALWAYS)
        else:
            self.connection.rollback()
            return settlement.answer
        self.connection.commit()
        return settlement.answer

    def redeem(self, connection: Connection, code: str) -> bool:
        return store.read_and_take_coupon(connection, code, locked=True)

    def salvage(self, ticket: Ticket) -> None:
        """The transaction was lost with the connection, after Stripe was called.

        If the order is still as it was, note the attempt as one of unknown outcome; the recovery
        repeats its key and learns what came of it. If the commit had gone through after all,
        or somebody repeated the key meanwhile, the version tells.
        """
        order = self.read()
        if order.version == ticket.order.version and order.pending_attempt is None:
            self._write_unknown(ticket)
            self.connection.commit()

    def _write_unknown(self, ticket: Ticket) -> None:
        order = ticket.order.changed(
            payment_status=OrderStatus.PROCESSING, pending_attempt=ticket.attempt
        )
        attempt = self.attempt(ticket, State.UNKNOWN)
        store.write_with_attempt(self.connection, order, attempt, store.ALWAYS)
