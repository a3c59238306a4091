"""Somebody wins: attempts that only had each other in the way must not all lose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.answers import CONFLICT, evidence, orders_of, whom
from paidonce.harness.checkers.base import Needs, Telling, conclude
from paidonce.harness.checkers.stripe_facts import at_rest, never_read
from paidonce.harness.history import Action, History, Operation, Outcome
from paidonce.harness.models.order_state import (
    ORDER_ALREADY_PAID,
    ORDER_CANCELLED,
    ORDER_NOT_PAID,
    PAYMENT_IN_PROGRESS,
    REFUND_EXCEEDS_PAYMENT,
)
from paidonce.harness.verdict import Verdict, Violation

_UNSETTLED = frozenset({"unpaid", "processing"})
_NEVER_COMPETED = frozenset({400, 401, 403, 404, 415, 422})
"""A request turned down with one of these was not fit to compete."""
_DECIDED = frozenset({ORDER_NOT_PAID, REFUND_EXCEEDS_PAYMENT})
"""Conflicts that are a decision on the merits: whoever got one had its turn."""
_LOST = frozenset({PAYMENT_IN_PROGRESS, ORDER_ALREADY_PAID, ORDER_CANCELLED})
"""Conflicts for which there must be somebody else to have won."""


class Progress:
    """With "at most one success" this makes "exactly one".

    Operations on an order that overlap in time, directly or through others, form a group. A
    payment in it may be turned away (409) because another operation of the group had its turn:
    it succeeded, was declined, was decided on its merits, or its outcome is not known. A group
    in which every operation was turned away had no winner to be turned away for. That breaks
    the rule if nothing before it can have left the order unpayable or busy, and if the order is
    still unpaid, or "processing" for ever, at the end.
    """

    name = "progress"
    title = "Of the attempts that compete for a payable order, one wins"
    needs: Needs = (frozenset({Capability.ORDER_STATE}),)
    telling = Telling()

    def check(self, history: History) -> Verdict:
        observed = at_rest(history)
        violations = []
        judged = 0
        for order, operations in orders_of(history).items():
            last = observed.get(order)
            if last is None or not any(o.invoked.action is Action.PAY for o in operations):
                continue
            judged += 1
            position, state = last
            if state.payment_status not in _UNSETTLED:
                continue
            for group in _barren(operations):
                reason = (
                    f"order {order}: every one of {len(group)} competing operations was turned "
                    f"away ({whom(group)}), and the order ended {state.payment_status}"
                )
                violations.append(Violation(reason=reason, evidence=(*evidence(group), position)))
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=never_read(history, observed),
            fine=f"no order of {judged} with payments was left without a winner",
        )


def _barren(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Groups of overlapping operations that contain a payment and no winner.

    Ends with the first operation that may have left the order unpayable or busy: from there on
    being turned away can be right.
    """
    for group in _groups(operations):
        if all(_turned_away(operation) for operation in group):
            if any(operation.invoked.action is Action.PAY for operation in group):
                yield group
        elif any(operation.outcome is not Outcome.REJECTED for operation in group):
            return


def _groups(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Connected groups of overlapping operations, without reads, in order of time."""
    group: list[Operation] = []
    busy_until: float = -1
    for operation in operations:
        if operation.invoked.action is Action.READ or _malformed(operation):
            continue
        if group and operation.invoked_at > busy_until:
            yield group
            group = []
        ends = operation.completed_at
        busy_until = max(busy_until, float("inf") if ends is None else ends)
        group.append(operation)
    if group:
        yield group


def _turned_away(operation: Operation) -> bool:
    completed = operation.completed
    if completed is None or completed.outcome is not Outcome.REJECTED:
        return False
    if completed.code in _LOST:
        return True
    return completed.status == CONFLICT and completed.code not in _DECIDED


def _malformed(operation: Operation) -> bool:
    completed = operation.completed
    return (
        completed is not None
        and completed.outcome is Outcome.REJECTED
        and completed.status in _NEVER_COMPETED
    )
