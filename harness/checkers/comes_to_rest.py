"""It comes to rest: recovery ends within its rounds, and everybody has an answer by then."""

from __future__ import annotations

from paidonce.harness.checkers.after_recovery import nothing_recovered, recovered
from paidonce.harness.checkers.base import NOTHING, Telling, conclude, some
from paidonce.harness.history import History
from paidonce.harness.verdict import Verdict, Violation


class ComesToRest:
    """The verdict on liveness, beside those on what must never happen."""

    name = "comes-to-rest"
    title = "After failures it comes to rest within the rounds of recovery"
    needs = NOTHING
    telling = Telling(broke="it does not come to rest", weight=10, of_recovery=True, liveness=True)

    def check(self, history: History) -> Verdict:
        end = recovered(history)
        if end is None:
            return nothing_recovered(self.name)
        position, came = end
        violations = []
        if not came.rested:
            violations.append(
                Violation(
                    reason=f"not at rest after {some(came.rounds, 'round')} of recovery: the last "
                    f"one still changed {', '.join(came.changing)}",
                    evidence=(position,),
                )
            )
        violations += [
            Violation(
                reason=f"{name} has no answer to go by after {some(came.rounds + 1, 'round')} of "
                "recovery",
                evidence=(position,),
            )
            for name in came.owed
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"came to rest within {some(came.rounds, 'round')}",
            details={"rounds": came.rounds},
        )
