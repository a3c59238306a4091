"""A claim with a lease: a conditional UPDATE takes the order, a worker finishes what a crash left.

Guarantees: ``UPDATE ... WHERE pending_attempt IS NULL RETURNING`` takes the order and reads it
in one statement, so what is decided upon cannot be older than the claim; of two claims the
second waits for the first one's short transaction, checks its condition again on the new row
(PostgreSQL manual 13.2.1) and takes nothing. The claim says what will be asked of Stripe and
under which key. When its lease ends without an outcome, the recovery asks the same again.
Costs: a row version for every request, also for those that are refused and rolled back, and a
worker to run.
Fails: never with two charges, though a process may be slow enough to outlive its lease: the
recovery then sends the same request with the same key, which Stripe executes once
(https://docs.stripe.com/api/idempotent_requests), and both settle idempotently. A lease alone,
with no such key behind it, would be a guess about how slow a process can be.
Survives: as ``reserving``, a crash at any step included.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from uuid import UUID

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import (
    Context,
    Guard,
    Job,
    LostRace,
    SimpleGuard,
    Ticket,
    found,
)
from paidonce.reference_service.guards.reserving import ReservingSection
from paidonce.reference_service.operations.base import Plan
from paidonce.reference_service.orders import Order, OrderAnswer


class Claim(ReservingSection):
    def __init__(self, context: Context, job: Job) -> None:
        super().__init__(context, job)
        self._attempt: UUID = uuid.uuid4()

    def read(self) -> Order:
        connection = self.connect()
        self._attempt = uuid.uuid4()
        order = store.fetch_order(
            connection, store.CLAIM, id=self.job.order_id, attempt=self._attempt
        )
        if order is None:
            order = found(store.fetch_order(connection, store.READ, id=self.job.order_id))
            if order.pending_attempt is None:
                # Whoever had it has ended between the two statements. It looks free now, and
                # is not ours: going on would be going on without a claim.
                raise LostRace
            return order
        # The claim is not committed yet; what is decided upon is the order without it.
        return replace(order, pending_attempt=None)

    def commit(self, order: Order, plan: Plan) -> OrderAnswer:
        seen = self.write_beside(self.connection, order, plan)
        if seen is not None:
            return seen
        done = plan.local
        attempt = self.local_attempt(order, done.answer, self._attempt)
        store.write_with_attempt(self.connection, done.order, attempt, store.ALWAYS)
        self.connection.commit()
        return done.answer

    def reserve(self, order: Order, plan: Plan) -> Ticket:
        ticket = self.ticket(order, plan, order.version + 1, self._attempt)
        reserved = self.reserved(order, ticket)
        store.write_with_attempt(self.connection, reserved, self.live(ticket), store.ALWAYS)
        self.connection.commit()
        self.close()
        return ticket


def build(context: Context) -> Guard:
    return SimpleGuard(context, Claim)
