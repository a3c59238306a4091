"""Nothing is held for ever: what a failure left half done is finished or given back."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.after_recovery import left_behind, nothing_recovered, recovered
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.history import History
from paidonce.harness.verdict import Verdict, Violation

_HELD = "processing"


class Held:
    """Looks for orders that are still being worked on, though nobody does, after recovery."""

    name = "held"
    title = "After recovery, no order is held for ever"
    needs: Needs = (frozenset({Capability.ORDER_STATE}),)
    telling = Telling(broke="an order stays held for ever", weight=93, of_recovery=True)

    def check(self, history: History) -> Verdict:
        end = recovered(history)
        if end is None:
            return nothing_recovered(self.name)
        left = list(left_behind(history))
        after = f"after {some(end[1].rounds + 1, 'round')} of recovery"
        violations = [
            Violation(
                title="held for ever",
                reason=f"order {leftover.shown.order} shows {leftover.shown.payment_status}"
                f" {after}",
                evidence=(end[0], *leftover.evidence),
            )
            for leftover in left
            if leftover.shown.payment_status == _HELD
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"of {some(len(left), 'order')} none is held",
        )
