"""Nobody is kept waiting only to be turned away."""

from __future__ import annotations

from paidonce.harness.checkers.answers import evidence, who
from paidonce.harness.checkers.base import NOTHING, Telling, conclude
from paidonce.harness.history import History, Outcome
from paidonce.harness.verdict import Status, Verdict, Violation

MAX_WAIT_MS = "max_wait_ms"
"""Setting: the longest a rejected operation may take, in milliseconds."""


class BoundedWait:
    """Bounds the time from invocation to rejection.

    Only rejections are bounded: how long a success takes is up to Stripe, or to the fault that
    holds it, while those who lose to it are to be told in time.
    """

    name = "bounded-wait"
    title = "Whoever is turned away is told in time"
    needs = NOTHING
    telling = Telling()

    def check(self, history: History) -> Verdict:
        bound = _bound(history)
        if isinstance(bound, str):
            return Verdict(checker=self.name, status=Status.UNKNOWN, reason=bound)
        violations = []
        longest = 0.0
        for operation in history.operations:
            completed = operation.completed
            if completed is None or completed.outcome is not Outcome.REJECTED:
                continue
            waited = (completed.t - operation.invoked.t) / 1e6
            longest = max(longest, waited)
            if waited > bound:
                reason = (
                    f"{who(operation)} waited {waited:.0f} ms to be rejected; "
                    f"at most {bound:g} ms are allowed"
                )
                violations.append(Violation(reason=reason, evidence=evidence([operation])))
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"the longest wait for a rejection was {longest:.0f} ms of {bound:g} ms",
            details={"longest_ms": longest},
        )


def _bound(history: History) -> float | str:
    """The bound in milliseconds, or why there is none."""
    text = history.header.settings.get(MAX_WAIT_MS)
    if text is None:
        return f"the run sets no bound (setting {MAX_WAIT_MS})"
    try:
        bound = float(text)
    except ValueError:
        bound = -1
    if not 0 <= bound < float("inf"):
        return f"setting {MAX_WAIT_MS} is {text!r}, not a number of milliseconds"
    return bound
