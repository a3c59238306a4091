"""A compare-and-set on the order's version, before the Stripe call.

Guarantees: of all requests that read the same version one makes the reservation; the others
write nothing, read again, and find the order reserved. An UPDATE that waited for another one's
row checks its WHERE clause again on the row as it is then (PostgreSQL manual 13.2.1), which is
what makes "WHERE version = ..." a compare-and-set.
Costs: two short statements around the call, no lock and no connection during it. Losers pay for
a second read; under contention the retries are bounded by GUARD_RETRIES.
Fails: never with two charges. The same check made after the Stripe call would come when the
money has moved: that is ``optimistic_late``.
Survives: as ``reserving``, a crash at any step included.
"""

from __future__ import annotations

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import Context, Guard, SimpleGuard, Ticket, found
from paidonce.reference_service.guards.reserving import ReservingSection
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer


class Optimistic(ReservingSection):
    def read(self) -> Order:
        connection = self.connect("AUTOCOMMIT")
        return found(store.fetch_order(connection, store.READ, id=self.job.order_id))

    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        connection = self.connect()
        answer = self.write_local(connection, order, plan, store.SAME_VERSION, seen=order.version)
        connection.commit()
        return answer

    def reserve(self, order: Order, plan: Plan) -> Ticket:
        ticket = self.reserve_where(order, plan, store.SAME_VERSION, seen=order.version)
        self.close()
        return ticket


def build(context: Context) -> Guard:
    return SimpleGuard(context, Optimistic)
