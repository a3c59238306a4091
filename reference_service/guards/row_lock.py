"""``SELECT ... FOR UPDATE``, waiting; held across the Stripe call.

Guarantees: one request at a time per order. In READ COMMITTED a waiter gets the row as the
holder left it, not as it was when the statement began (PostgreSQL manual 13.2.1 and 13.3.2), so
what is decided upon is current.
Costs: a connection and an open transaction for the length of the call; a waiter occupies a
connection too, for up to LOCK_TIMEOUT_MS, so requests for one busy order can use up the pool and
make others wait. ``lock_timeout`` (manual, "Client Connection Defaults") turns the wait into
SQLSTATE 55P03, answered as a 409.
Fails: never with two charges. A crash during the call forgets that there was one; see
``holding``. Paths that write the row without the lock would be outside the protection; here
every path takes it.
Survives: as ``holding``; a crash after Stripe that nobody asks about again has to be reconciled.
"""

from __future__ import annotations

from sqlalchemy import Connection

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import Context, Guard, SimpleGuard
from paidonce.reference_service.guards.holding import HoldingSection
from paidonce.reference_service.orders import Order


class RowLock(HoldingSection):
    def lock_and_read(self, connection: Connection) -> Order | None:
        return store.fetch_order(connection, store.LOCK, id=self.job.order_id)


def build(context: Context) -> Guard:
    return SimpleGuard(context, RowLock)
