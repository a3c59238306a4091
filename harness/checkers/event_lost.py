"""No event is lost: what Stripe told, and the service accepted, is in its books."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.after_recovery import (
    left_behind,
    nothing_recovered,
    recovered,
    swallowed,
)
from paidonce.harness.checkers.answers import evidence, who
from paidonce.harness.checkers.base import NOTHING, Telling, conclude
from paidonce.harness.history import History
from paidonce.harness.verdict import Verdict, Violation


class EventLost:
    """Looks for events that were never accepted, and for such as were accepted and left nothing.

    The second is what a table of seen events does that was written before the event's work, and
    not with it: the delivery that follows the crash is taken for one that was seen. It shows where
    a payment's event was accepted and its order, charged, does not show it.
    """

    name = "event-lost"
    title = "After recovery, no event is lost"
    needs = NOTHING
    telling = Telling(broke="an event stays lost", weight=94, stakes=2, of_recovery=True)

    def check(self, history: History) -> Verdict:
        end = recovered(history)
        if end is None:
            return nothing_recovered(self.name)
        violations = [
            Violation(
                title="event lost",
                reason=f"the service did not accept what {name} delivers, however "
                "often it was delivered again",
                evidence=(end[0],),
            )
            for name in end[1].undelivered
        ]
        if Capability.STRIPE_LEDGER in history.header.capabilities:
            violations += _swallowed(history)
        return conclude(
            self.name,
            history,
            violations=violations,
            fine="every event that was delivered was accepted, and is in the books",
        )


def _swallowed(history: History) -> list[Violation]:
    violations = []
    for left in left_behind(history):
        accepted = swallowed(history, left)
        if accepted is None:
            continue
        violations.append(
            Violation(
                title="event lost",
                reason=f"{who(accepted)} was accepted, and order {left.shown.order}, which Stripe "
                f"took money for, shows {left.shown.payment_status}",
                evidence=(*evidence([accepted]), *left.evidence),
            )
        )
    return violations
