"""The version checked at the end: right in the database, too late for the money.

Guarantees: no lost update. Of the requests that read one version a single one writes.
Costs: as ``optimistic``.
Fails: the loser learns of the race after its own call to Stripe; it answers a clean 409, the
order looks right, and the second payment intent exists and was charged. A compare-and-set
protects the row it is made on; a call made to someone else before it is not undone by losing.
Survives: as ``unguarded``: nothing that leaves an answer unknown.
"""

from __future__ import annotations

from paidonce.reference_service import store
from paidonce.reference_service.guards.base import Context, Guard, SimpleGuard
from paidonce.reference_service.guards.unguarded import UnguardedSection


class OptimisticLate(UnguardedSection):
    when = store.SAME_VERSION


def build(context: Context) -> Guard:
    return SimpleGuard(context, OptimisticLate)
