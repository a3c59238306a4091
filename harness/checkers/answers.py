"""The reading of answers: which are conflicts, which operations are one attempt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paidonce.harness.history import Action, History, Operation, Outcome

CONFLICT = 409
PAYMENT_REQUIRED = 402

CONTENDING = frozenset(
    {
        *(Action.CREATE_INTENT, Action.PAY, Action.CANCEL, Action.REFUND, Action.CHANGE_AMOUNT),
        *(Action.CHECKOUT, Action.COME_BACK, Action.REDEEM),
    }
)
"""Actions by which clients compete for an order."""

_NAMED = 4
"""How many operations a sentence names before it counts the rest."""

Logical = tuple[str, str | int]
"""Names one logical attempt: ("key", its idempotency key) or ("op", its operation)."""


def logical(operation: Operation) -> Logical:
    """Return the name of the attempt behind this operation: the same key is the same attempt, sent
    again."""
    key = operation.invoked.key
    return ("op", operation.invoked.op) if key is None else ("key", key)


def by_attempt(operations: Iterable[Operation]) -> dict[Logical, list[Operation]]:
    """Operations grouped by logical attempt, in order of first invocation."""
    groups: dict[Logical, list[Operation]] = {}
    for operation in operations:
        groups.setdefault(logical(operation), []).append(operation)
    return groups


def succeeded(operations: Iterable[Operation], action: Action) -> list[Operation]:
    """The operations of this action that were answered OK."""
    return [
        operation
        for operation in operations
        if operation.invoked.action is action and operation.outcome is Outcome.OK
    ]


def undecided(operation: Operation) -> bool:
    """Return whether the operation may or may not have taken effect, so far as its client knows."""
    return operation.outcome in (Outcome.UNKNOWN, Outcome.FAILED)


def evidence(operations: Iterable[Operation]) -> tuple[int, ...]:
    """Positions of the invocations and completions of these operations."""
    return tuple(
        position
        for operation in operations
        for position in (operation.invoked_at, operation.completed_at)
        if position is not None
    )


def orders_of(history: History) -> dict[str, tuple[Operation, ...]]:
    """Operations of every order that has any, without those that concern no order."""
    return {order: operations for order, operations in history.by_order.items() if order}


def who(operation: Operation) -> str:
    """An operation in words: "tab 1 (operation 3)"."""
    return f"{operation.invoked.attempt} (operation {operation.invoked.op})"


def whom(operations: Sequence[Operation]) -> str:
    """Several operations in words, the first few by name."""
    names = [who(operation) for operation in operations[:_NAMED]]
    if len(operations) > _NAMED:
        names.append(f"{len(operations) - _NAMED} more")
    return " and ".join(names)
