"""``SELECT ... FOR UPDATE NOWAIT``; held across the Stripe call.

Guarantees: what ``row_lock`` does.
Costs: as there, but losers cost nothing: where the row is locked the statement fails at once
with SQLSTATE 55P03 (PostgreSQL manual, SELECT, "The Locking Clause"), answered as a 409. Webhooks
that arrive during a call are refused too and come again.
Fails: as ``row_lock``, never with two charges.
Survives: as ``holding``; a crash after Stripe that nobody asks about again has to be reconciled.
"""

from __future__ import annotations

from sqlalchemy import Connection

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import Context, Guard, SimpleGuard
from paidonce.reference_service.guards.holding import HoldingSection
from paidonce.reference_service.orders import Order


class RowLockNowait(HoldingSection):
    def lock_and_read(self, connection: Connection) -> Order | None:
        return store.fetch_order(connection, store.LOCK_NOWAIT, id=self.job.order_id)


def build(context: Context) -> Guard:
    return SimpleGuard(context, RowLockNowait)
