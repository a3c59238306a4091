"""No protection: what a payment endpoint does when nobody thought of two requests.

Guarantees: nothing beyond what a single request at a time gets.
Costs: nothing, which is why it is the yardstick for the others.
Fails: two requests that both read ``unpaid`` both charge (CWE-367, time of check to time of
use). The later write wins whole, a lost update (P4 in Berenson et al., "A Critique of ANSI SQL
Isolation Levels", 1995): a late decline puts ``unpaid`` over ``paid``, a changed amount brings
an old status back, of two refunds one is forgotten. A Stripe time-out leaves the order payable, and
the next try is a new charge under a new key.
Survives: as ``unguarded``: nothing that leaves an answer unknown.
"""

from __future__ import annotations

from paidonce.reference_service.guards.base import Context, Guard, SimpleGuard
from paidonce.reference_service.guards.unguarded import UnguardedSection


class Unprotected(UnguardedSection):
    pass


def build(context: Context) -> Guard:
    return SimpleGuard(context, Unprotected)
