"""No key is lost: who asks again under its key is told what came of the first time."""

from __future__ import annotations

from paidonce.harness.checkers.after_recovery import nothing_recovered, recovered, since_recovery
from paidonce.harness.checkers.answers import evidence, who
from paidonce.harness.checkers.base import NOTHING, Telling, conclude, some
from paidonce.harness.history import History, Operation
from paidonce.harness.verdict import Verdict, Violation


class KeyLost:
    """Looks for clients that sent an idempotency key and get no answer to go by under it.

    They asked again in every round, and to the last they were answered not at all, with a server
    error, or that the first request is still in progress, which it is not: so a row of keys that
    was written before a crash answers for ever.
    """

    name = "key-lost"
    title = "After recovery, no idempotency key is lost"
    needs = NOTHING
    telling = Telling(broke="an idempotency key stays lost", weight=92, of_recovery=True)

    def check(self, history: History) -> Verdict:
        end = recovered(history)
        if end is None:
            return nothing_recovered(self.name)
        began = since_recovery(history)
        last: dict[str, Operation] = {
            operation.invoked.attempt: operation for operation in history.operations
        }
        keyed = [
            last[name]
            for name in end[1].owed
            if name in last and last[name].invoked.key and last[name].invoked_at > began
        ]
        violations = [
            Violation(
                title="key lost",
                reason=f"{who(operation)} asked again under {operation.invoked.key} and "
                f"was {_answered(operation)} to the last",
                evidence=evidence([operation]),
            )
            for operation in keyed
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"{some(len(end[1].owed), 'client')} without an answer, none under a key",
        )


def _answered(operation: Operation) -> str:
    completed = operation.completed
    if completed is None or completed.status is None:
        return "not answered"
    return f"answered {completed.status}{f' {completed.code}' if completed.code else ''}"
