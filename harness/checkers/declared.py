"""The answers that a service's description promises: how many succeed, and that the rest is clean.

Which answer is a success and which a clean rejection was decided by the description's own rules
when the answer came: the outcome says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.checkers.answers import evidence
from paidonce.harness.checkers.base import NOTHING, Telling, conclude, some
from paidonce.harness.checkers.invariants import settled_successes
from paidonce.harness.checkers.told import last_operations, told_success, unanswered
from paidonce.harness.history import History, Operation, Outcome
from paidonce.harness.verdict import Status, Verdict, Violation


class DeclaredSuccesses:
    """Counts the attempts that were told that they succeeded."""

    name = "successes"
    title = "As many attempts succeed as the target says"
    needs = NOTHING
    telling = Telling(
        broke="more are told that they succeeded than may",
        weight=90,
        of_targets=True,
        table="success",
    )

    def check(self, history: History) -> Verdict:
        rules = history.header.rules
        if rules is None:
            return _nothing_declared(self.name)
        last = last_operations(history)
        won = [last[name] for name in rules.counted if name in last and told_success(last[name])]
        doubtful = unanswered(history)
        open_ones = [
            name
            for name in rules.counted
            if name not in last
            or last[name].outcome is Outcome.UNKNOWN
            or (name in doubtful and not told_success(last[name]))
        ]
        said = f"{len(won)} of {some(len(rules.counted), 'attempt')} succeeded"
        violations, doubts = [], []
        if rules.at_most is not None and len(won) > rules.at_most:
            violations.append(
                Violation(
                    reason=f"{said}, {rules.at_most} may at most: {_names(won)}",
                    evidence=evidence(won),
                    rule="at_most",
                    values={"successes": str(len(won))},
                )
            )
        if rules.at_least is not None and len(won) < rules.at_least:
            reason = f"{said}, {rules.at_least} must at least"
            # By who was refused when it asked again: the conditions tell whether it had succeeded.
            others = sum(told_success(last[n]) for n in last if n not in rules.counted)
            settled = {n - others for n in settled_successes(history)}
            settled = settled or {len(won), len(won) + len(open_ones)}
            if min(settled) >= rules.at_least:
                return conclude(self.name, history, fine=said)
            if max(settled) >= rules.at_least:
                doubts.append(f"{reason}; what came of {', '.join(open_ones)} is not known")
            else:
                losers = [last[name] for name in rules.counted if name in last]
                violations.append(
                    Violation(
                        reason=reason,
                        evidence=evidence(losers),
                        absence=True,
                        rule="at_least",
                        values={"successes": str(len(won))},
                    )
                )
        return conclude(self.name, history, violations=violations, doubts=doubts, fine=said)


class DeclaredRejections:
    """Whoever does not succeed is told so cleanly: by an answer the target calls a rejection."""

    name = "rejections"
    title = "Every other attempt gets a clean rejection"
    needs = NOTHING
    telling = Telling(
        broke="somebody is told neither that it succeeded nor that it did not",
        of_targets=True,
        table="rejection",
    )

    def check(self, history: History) -> Verdict:
        if history.header.rules is None:
            return _nothing_declared(self.name)
        last = last_operations(history)
        violations = [
            Violation(
                reason=f"{name} got neither a success nor a clean rejection: {_answer(operation)}",
                evidence=evidence([operation]),
                rule="rejection",
                whose=name,
                values=_status(operation),
            )
            for name, operation in last.items()
            if operation.outcome is Outcome.FAILED
        ]
        rejected = sum(operation.outcome is Outcome.REJECTED for operation in last.values())
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"{some(rejected, 'attempt')} of {len(last)} rejected, each of them cleanly",
        )


def _nothing_declared(checker: str) -> Verdict:
    reason = "the history says no rules of a target"
    return Verdict(checker=checker, status=Status.UNKNOWN, reason=reason)


def _names(operations: Sequence[Operation]) -> str:
    return ", ".join(operation.invoked.attempt for operation in operations)


def _status(operation: Operation) -> dict[str, str]:
    completed = operation.completed
    return {"status": str(completed.status if completed is not None else None)}


def _answer(operation: Operation) -> str:
    completed = operation.completed
    assert completed is not None
    asked = operation.invoked.args.get("request", operation.invoked.action.value)
    status = completed.status or "no status"
    return f"{asked} was answered {status}" + (f", {completed.error}" if completed.error else "")
