"""Recorded is charged: nothing is given away by a failure."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.after_recovery import (
    gaps,
    left_behind,
    nothing_recovered,
    recovered,
)
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.history import History
from paidonce.harness.verdict import Verdict, Violation


class RecordedCharged:
    """Looks for orders that show a payment which Stripe never took, after recovery."""

    name = "recorded-charged"
    title = "After recovery, what is recorded was charged"
    needs: Needs = (frozenset({Capability.STRIPE_LEDGER, Capability.ORDER_STATE}),)
    telling = Telling(
        broke="an order stays recorded and not charged", weight=95, stakes=2, of_recovery=True
    )

    def check(self, history: History) -> Verdict:
        if recovered(history) is None:
            return nothing_recovered(self.name)
        left = list(left_behind(history))
        violations = [
            Violation(
                title="recorded, not charged",
                reason=f"order {one.shown.order} shows {one.shown.payment_status}, and Stripe took "
                "nothing for it",
                evidence=one.evidence,
                absence=True,
            )
            for one in left
            if one.recorded and not one.account.taken
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"of {some(len(left), 'order')} none is recorded and not charged",
            gaps=gaps(history),
        )
