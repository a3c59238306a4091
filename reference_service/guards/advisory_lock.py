"""``pg_advisory_xact_lock`` on the order's id; held across the Stripe call.

Guarantees: one request at a time per order among those that take the lock. The database does not
know what the lock stands for (PostgreSQL manual 13.3.5), so one path that forgets it is outside
the protection; here all take it in this one place.
Costs: as ``row_lock``. The id is hashed to 64 bits: two orders that collide wait for each other,
which is harmless. ``lock_timeout`` bounds the wait for advisory locks too.
Fails: as ``row_lock``, never with two charges. The lock and the reading are two statements on
purpose: a statement's snapshot is taken before it waits (manual 13.2.1), so a read in the same
statement as the lock would see the order as it was before the holder's commit.
Survives: as ``holding``; a crash after Stripe that nobody asks about again has to be reconciled.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import Context, Guard, SimpleGuard
from paidonce.reference_service.guards.holding import HoldingSection
from paidonce.reference_service.orders import Order

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))")


class AdvisoryLock(HoldingSection):
    def lock_and_read(self, connection: Connection) -> Order | None:
        connection.execute(_LOCK, {"id": self.job.order_id})
        return store.fetch_order(connection, store.READ, id=self.job.order_id)


def build(context: Context) -> Guard:
    return SimpleGuard(context, AdvisoryLock)
