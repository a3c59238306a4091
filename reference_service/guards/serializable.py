"""The reservation as a SERIALIZABLE transaction: read, decide, write, no WHERE to get right.

Guarantees: if two such transactions read the order and both would reserve it, one of them fails
with SQLSTATE 40001 (PostgreSQL manual 13.2.3) and is run again from its reading, before anything
was sent to Stripe. The check needs no version column and holds for invariants over several rows
as well.
Costs: predicate-lock bookkeeping, retries, and false alarms under load, for conflicts are noticed
by the page at times. Every transaction that matters has to be serializable, the settlement too.
Fails: never with two charges. Run around the Stripe call instead, the same isolation level would
report the conflict at COMMIT, when both charges exist.
A refusal commits as well: what a serializable transaction read may be relied on only once it has
committed (manual 13.2.3).
Survives: as ``reserving``, a crash at any step included.
"""

from __future__ import annotations

from sqlalchemy import Connection

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import Context, Guard, SimpleGuard, Ticket, found
from paidonce.reference_service.guards.reserving import ReservingSection
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer


class Serializable(ReservingSection):
    settle_isolation = "SERIALIZABLE"

    def read(self) -> Order:
        connection = self.connect("SERIALIZABLE")
        return found(store.fetch_order(connection, store.READ, id=self.job.order_id))

    def stands(self) -> None:
        self.connection.commit()

    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        answer = self.write_local(self.connection, order, plan, store.ALWAYS)
        self.connection.commit()
        return answer

    def redeem(self, connection: Connection, code: str) -> bool:
        return store.read_and_take_coupon(connection, code, locked=False)

    def reserve(self, order: Order, plan: Plan) -> Ticket:
        ticket = self.reserve_where(order, plan, store.ALWAYS)
        self.connection.commit()
        self.close()
        return ticket


def build(context: Context) -> Guard:
    return SimpleGuard(context, Serializable)
