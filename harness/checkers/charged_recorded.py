"""Charged is recorded: no payment is lost by a failure."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.after_recovery import (
    gaps,
    left_behind,
    nothing_recovered,
    recovered,
    swallowed,
)
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.history import History
from paidonce.harness.verdict import Verdict, Violation

_HELD = "processing"


class ChargedRecorded:
    """Looks for orders that Stripe took money for and that do not show it, after recovery.

    Where the event that tells of the payment was accepted, it is the event that was lost
    (``event-lost``); where the order is still being worked on it is held (``held``).
    """

    name = "charged-recorded"
    title = "After recovery, what was charged is recorded"
    needs: Needs = (frozenset({Capability.STRIPE_LEDGER, Capability.ORDER_STATE}),)
    telling = Telling(
        broke="an order stays charged and not recorded", weight=95, stakes=2, of_recovery=True
    )

    def check(self, history: History) -> Verdict:
        if recovered(history) is None:
            return nothing_recovered(self.name)
        left = list(left_behind(history))
        violations = [
            Violation(
                title="charged, not recorded",
                reason=f"Stripe keeps {one.account.taken - one.account.refunded} "
                f"{one.shown.currency} for order {one.shown.order}, which shows "
                f"{one.shown.payment_status}",
                evidence=one.evidence,
            )
            for one in left
            if one.charged
            and not one.recorded
            and one.shown.payment_status != _HELD
            and swallowed(history, one) is None
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"of {some(len(left), 'order')} none is charged and not recorded",
            gaps=gaps(history),
        )
