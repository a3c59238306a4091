"""The answers are those of an order that handles one operation at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from paidonce.harness.checkers.answers import who
from paidonce.harness.checkers.base import NOTHING, Telling, conclude, some
from paidonce.harness.checkers.search import Interval, SearchResult, search
from paidonce.harness.history import (
    Action,
    Completed,
    History,
    Invoked,
    Operation,
    OrderCreated,
    OrderObserved,
    Outcome,
)
from paidonce.harness.models.order import OrderModel
from paidonce.harness.models.order_state import KNOWN_CODES, OrderState
from paidonce.harness.verdict import Status, Verdict, Violation

MAX_CONFIGURATIONS = 100_000
"""Configurations per order. A sound order takes about one per operation that changes it; a wrong
one with k different operations at once can take 2 to the k. All of these take some 10 s."""
MAX_SECONDS = 60.0
"""For the whole history."""

_SHOWN = 12
"""How much of a long linearizable beginning is worth showing before the point of failure."""
_NAMED = 3
"""How many operations a sentence spells out before it counts the rest."""
_AT_REST = "at rest"


class Linearizable:
    """Each order on its own must be linearizable with respect to ``models.order``.

    Looking at orders one by one is sound and complete, since no operation touches two: locality
    (Herlihy & Wing 1990), used for checking by Horn & Kroening (*Faster linearizability checking
    via P-compositionality*, FORTE 2015). The order as observed at rest is its last read.

    A counterexample is the longest beginning of a linearization that was found, and the
    operations that had to come next and could not.
    """

    name = "linearizable"
    title = "The answers are those of an order that handles one operation at a time"
    needs = NOTHING
    telling = Telling(
        broke="no order of the requests one after the other explains these answers", of_load=True
    )

    def __init__(
        self,
        max_configurations: int = MAX_CONFIGURATIONS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._max_configurations = max_configurations
        self._max_seconds = max_seconds

    def check(self, history: History) -> Verdict:
        deadline = time.monotonic() + self._max_seconds
        created = {order.order: order for _, order in history.of(OrderCreated)}
        last_reads: dict[str, list[int]] = {}
        for position, observed in history.of(OrderObserved):
            last_reads.setdefault(observed.order, []).append(position)
        violations: list[Violation] = []
        doubts = []
        counterexamples: list[dict[str, Any]] = []
        configurations = 0
        orders = [order for order in dict.fromkeys((*history.by_order, *last_reads)) if order]
        for order in orders:
            operations = [
                *history.by_order.get(order, ()),
                *(_as_read(history, position) for position in last_reads.get(order, ())),
            ]
            result = search(
                OrderModel.of(created.get(order), operations),
                [_interval(operation) for operation in operations],
                max_configurations=self._max_configurations,
                deadline=deadline,
            )
            configurations += result.configurations
            if result.status is Status.INVALID:
                violations.append(_violation(order, operations, result))
                if len(counterexamples) < _SHOWN:
                    counterexamples.append(_counterexample(order, operations, result))
            elif result.status is Status.UNKNOWN:
                doubts.append(
                    f"order {order}: no conclusion after {result.configurations} configurations "
                    f"of {some(len(operations), 'operation')}"
                )
        details: dict[str, Any] = {"configurations": configurations}
        unjudged = _unjudged_codes(history)
        if unjudged:
            details["codes_not_judged"] = unjudged
        if counterexamples:
            details["counterexamples"] = counterexamples
        total = len(history.operations)
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=doubts,
            fine=f"{some(total, 'operation')} on {some(len(orders), 'order')} are linearizable",
            details=details,
        )


def _as_read(history: History, position: int) -> Operation:
    """The order at rest, as the answer to a read that took no time."""
    observed = history.events[position]
    assert isinstance(observed, OrderObserved)
    value = msgspec.structs.asdict(observed)
    return Operation(
        invoked=Invoked(
            t=observed.t, op=-1, attempt=_AT_REST, action=Action.READ, order=observed.order
        ),
        completed=Completed(t=observed.t, op=-1, outcome=Outcome.OK, value=value),
        invoked_at=position,
        completed_at=position,
    )


def _interval(operation: Operation) -> Interval[Operation]:
    # A failure was answered, but what it left behind may still take effect later, by recovery.
    answered = operation.outcome in (Outcome.OK, Outcome.REJECTED)
    returned = operation.completed_at if answered else None
    return Interval(operation, operation.invoked_at, returned)


def _violation(
    order: str, operations: Sequence[Operation], result: SearchResult[OrderState]
) -> Violation:
    placed = [operations[n] for n in result.placed]
    stuck = [operations[n] for n in result.stuck]
    before = f"after {_list(placed[-_NAMED:])}" if placed else "at the very start"
    return Violation(
        reason=f"order {order}: {before} the order is {result.state}, where "
        f"{_list(stuck)} cannot be",
        evidence=_positions((*placed[-_SHOWN:], *stuck)),
    )


def _counterexample(
    order: str, operations: Sequence[Operation], result: SearchResult[OrderState]
) -> dict[str, Any]:
    return {
        "order": order,
        "operations": len(operations),
        "placed": [operations[n].invoked.op for n in result.placed],
        "state": str(result.state),
        "stuck": [operations[n].invoked.op for n in result.stuck],
    }


def _positions(operations: Sequence[Operation]) -> tuple[int, ...]:
    positions: dict[int, None] = {}
    for operation in operations:
        positions[operation.invoked_at] = None
        if operation.completed_at is not None:
            positions[operation.completed_at] = None
    return tuple(positions)


def _list(operations: Sequence[Operation]) -> str:
    words = [_say(operation) for operation in operations[:_NAMED]]
    if len(operations) > _NAMED:
        words.append(f"{len(operations) - _NAMED} more")
    return ", ".join(words)


def _say(operation: Operation) -> str:
    invoked, completed = operation.invoked, operation.completed
    name = _AT_REST if invoked.op < 0 else who(operation)
    amount = f" {invoked.args['amount']}" if "amount" in invoked.args else ""
    asked = f"{name} {invoked.action}{amount}"
    if completed is None or completed.outcome is Outcome.UNKNOWN:
        return f"{asked} -> no answer"
    if completed.outcome is Outcome.OK:
        value = completed.value
        said = [str(value[k]) for k in ("payment_status", "payment_id", "amount") if value.get(k)]
        return f"{asked} -> ok {' '.join(said)}".rstrip()
    return f"{asked} -> {completed.outcome} {completed.code or completed.status or ''}".rstrip()


def _unjudged_codes(history: History) -> dict[str, int]:
    """Rejections that the model let pass because it does not know their code."""
    counts = Counter(
        operation.completed.code or "none"
        for operation in history.operations
        if operation.completed is not None
        and operation.completed.outcome is Outcome.REJECTED
        and operation.completed.code not in KNOWN_CODES
    )
    return dict(counts)
