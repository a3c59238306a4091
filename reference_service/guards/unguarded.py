"""The part that vulnerable guards share: the code one writes before thinking of a second request.

Read in one short transaction, decide in memory, call Stripe, write back in another one, all
columns as they were read and changed, the way an object-relational mapper saves an object. No
idempotency key of ours: stripe-python draws a fresh one for every call. A call without a usable
answer changes nothing, so the order stays payable.

Survives: nothing that leaves Stripe's answer unknown. Whoever asks again is charged again, since no
key of ours was sent and nothing was written down before the call.
"""

from __future__ import annotations

from sqlalchemy import Connection

from paidonce.reference_service import store
from paidonce.reference_service.conclude import Settlement
from paidonce.reference_service.guards.base import LostRace, Section, Ticket, found
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer, in_progress


class UnguardedSection(Section):
    """Check, then act, then overwrite. ``when`` is what the last write asks for."""

    keyed = False
    when = store.ALWAYS

    def read(self) -> Order:
        connection = self.connect("AUTOCOMMIT")
        return found(store.fetch_order(connection, store.READ, id=self.job.order_id))

    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        connection = self.connect()
        answer = self.write_local(connection, order, plan, self.when, **self._seen(order))
        connection.commit()
        return answer

    def reserve(self, order: Order, plan: Plan) -> Ticket:
        self.close()
        return self.ticket(order, plan, order.version)

    def settle(self, ticket: Ticket, settlement: Settlement) -> OrderAnswer:
        if not settlement.final:
            return settlement.answer
        connection = self.connect()
        try:
            self._write(ticket, settlement)
        except LostRace:
            return in_progress(ticket.order).answer
        connection.commit()
        return settlement.answer

    def redeem(self, connection: Connection, code: str) -> bool:
        return store.read_and_take_coupon(connection, code, locked=False)

    def _write(self, ticket: Ticket, settlement: Settlement) -> None:
        seen = self._seen(ticket.order)
        if self.job.client_key is None:
            written = store.write_order(self.connection, settlement.order, self.when, **seen)
        else:
            attempt = self.attempt(ticket, settlement.state, settlement.answer)
            written = store.write_with_attempt(
                self.connection, settlement.order, attempt, self.when, **seen
            )
        if not written:
            raise LostRace

    def _seen(self, order: Order) -> dict[str, int]:
        return {} if self.when == store.ALWAYS else {"seen": order.version}
