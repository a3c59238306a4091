"""A partial unique index: at most one unfinished attempt per order.

Guarantees: the index admits one ``live`` or ``unknown`` row per order (PostgreSQL manual 11.8),
whatever the isolation level and whoever inserts. The row is inserted first and the order read
after it, in the same transaction: an insert that succeeds means that every attempt before it has
ended and committed, and READ COMMITTED shows the next statement what has committed. Reading
first and inserting then would decide upon an order that another attempt may have paid meanwhile.
Costs: an insert for every request, also for those that are refused and rolled back; dead rows
for the vacuum to clear. An insert that meets an uncommitted rival waits for it (manual, "Index
Uniqueness Checks"), for one short transaction, at most LOCK_TIMEOUT_MS.
Fails: never with two charges. It protects only what inserts into the index.
Survives: as ``reserving``, a crash at any step included.
"""

from __future__ import annotations

import uuid
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from paidonce.reference_service import store
from paidonce.reference_service.database import Trouble, trouble
from paidonce.reference_service.guards.base import Context, Guard, Job, SimpleGuard, Ticket, found
from paidonce.reference_service.guards.reserving import ReservingSection
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer, in_progress, not_found


class UniqueIndex(ReservingSection):
    def __init__(self, context: Context, job: Job) -> None:
        super().__init__(context, job)
        self._place: UUID = uuid.uuid4()

    def read(self) -> Order:
        connection = self.connect()
        self._place = uuid.uuid4()
        try:
            store.hold_place(connection, self._place, self.job.order_id, self.job.kind)
        except IntegrityError as error:
            match trouble(error):
                case Trouble.TAKEN:
                    raise in_progress() from None
                case Trouble.NO_PARENT:
                    raise not_found() from None
                case _:
                    raise
        return found(store.fetch_order(connection, store.READ, id=self.job.order_id))

    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        seen = self.write_beside(self.connection, order, plan)
        if seen is not None:
            return seen
        done = plan.local
        attempt = self.local_attempt(order, done.answer, self._place)
        store.fill_place(self.connection, done.order, attempt)
        self.connection.commit()
        return done.answer

    def reserve(self, order: Order, plan: Plan) -> Ticket:
        ticket = self.ticket(order, plan, order.version + 1, self._place)
        store.fill_place(self.connection, self.reserved(order, ticket), self.live(ticket))
        self.connection.commit()
        self.close()
        return ticket


def build(context: Context) -> Guard:
    return SimpleGuard(context, UniqueIndex)
