"""The answer each attempt was given last, and what it was told by it."""

from __future__ import annotations

from paidonce.harness.checkers.after_recovery import since_recovery
from paidonce.harness.checkers.answers import undecided
from paidonce.harness.history import History, Operation


def last_operations(history: History) -> dict[str, Operation]:
    """Return the last operation of each attempt, by its name."""
    attempts = history.header.rules.attempts if history.header.rules is not None else ()
    return {
        operation.invoked.attempt: operation
        for operation in history.operations
        if operation.invoked.attempt in attempts
    }


def unanswered(history: History) -> frozenset[str]:
    """Return the attempts that had no answer to go by before recovery: they may have succeeded
    then, whatever they were answered when they asked again."""
    began = since_recovery(history)
    if began == len(history.events):
        return frozenset()
    return frozenset(
        operation.invoked.attempt
        for operation in history.operations
        if operation.invoked_at < began and undecided(operation)
    )


def told_success(operation: Operation) -> bool:
    """Return whether it was by this answer that its attempt was told that it succeeded."""
    completed = operation.completed
    return completed is not None and completed.value.get("success") is True
