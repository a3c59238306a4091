"""The same idempotency key gives the same answer, and has one effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paidonce.harness.checkers.answers import evidence, who
from paidonce.harness.checkers.base import NOTHING, Telling, conclude, some
from paidonce.harness.history import Action, History, Operation, Outcome
from paidonce.harness.models.order_state import PAYMENT_IN_PROGRESS
from paidonce.harness.verdict import Verdict, Violation

_TELLING = ("payment_id", "refund_id", "amount")
"""The fields in which an answer tells the effect it had."""


class SameKeySameAnswer:
    """Compares the answers to requests with the same order, action and idempotency key.

    All successes must name the same payment, refund and amount: a second id is a second effect.
    And once a success was told, a request sent after it must not be told that it did not happen;
    only "in progress" remains a permissible answer.
    """

    name = "same-key-same-answer"
    title = "The same idempotency key gives the same answer"
    needs = NOTHING
    telling = Telling(broke="one idempotency key gets two different answers", weight=10)

    def check(self, history: History) -> Verdict:
        groups: dict[tuple[str, Action, str], list[Operation]] = {}
        for operation in history.operations:
            invoked = operation.invoked
            if invoked.key is not None:
                group = (invoked.order, invoked.action, invoked.key)
                groups.setdefault(group, []).append(operation)
        repeated = {name: operations for name, operations in groups.items() if len(operations) > 1}
        violations = [
            violation
            for (order, action, key), operations in repeated.items()
            for violation in _differing(f"key {key} ({action}, order {order})", operations)
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"{some(len(repeated), 'key')} used more than once, each with one answer",
        )


def _differing(name: str, operations: Sequence[Operation]) -> Iterator[Violation]:
    answered = [
        (operation, operation.completed)
        for operation in operations
        if operation.completed is not None and operation.outcome is Outcome.OK
    ]
    for field in _TELLING:
        first: dict[object, Operation] = {}
        for operation, completed in answered:
            if field in completed.value:
                first.setdefault(completed.value[field], operation)
        if len(first) > 1:
            yield Violation(
                reason=f"{name} was answered with {len(first)} different values of {field}: "
                + " and ".join(str(value) for value in first),
                evidence=evidence(first.values()),
            )
    if answered:
        first_told, _ = min(answered, key=lambda pair: pair[0].completed_at or 0)
        yield from _taken_back(name, first_told, operations)


def _taken_back(
    name: str, success: Operation, operations: Sequence[Operation]
) -> Iterator[Violation]:
    for operation in operations:
        completed = operation.completed
        if (
            completed is not None
            and completed.outcome is Outcome.REJECTED
            and completed.code != PAYMENT_IN_PROGRESS
            and operation.invoked_at > (success.completed_at or 0)
        ):
            yield Violation(
                reason=f"{name} succeeded for {who(success)}, and {who(operation)} "
                f"was then told {completed.code or completed.status}",
                evidence=evidence([success, operation]),
            )
