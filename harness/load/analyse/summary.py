"""Reduces a recorded load run to the numbers a person compares. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from paidonce.harness.history import Action, History, Operation, Outcome
from paidonce.harness.load.analyse.timing import means
from paidonce.harness.load.record.latencies import Latencies
from paidonce.harness.results.load_run import Percentiles


class LoadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The operations of the measured window in figures.

    ``outcomes`` counts operations by outcome name, and ``by_action`` the same per action.
    ``payments`` counts PAY operations that were told ok, replays of an earlier answer left out.
    ``retries`` is None when no answer said how often the service tried again; ``tried_again``
    counts the operations that were another try of an earlier one, under its idempotency key.
    ``mean_ms`` is the mean latency of all operations. ``told_ms`` has the means of what the service
    said in ``Server-Timing``, over the ``told_of`` payments that succeeded and said it; these took
    ``told_mean_ms`` on average, None where there was none.
    """

    seconds: float
    operations: int
    payments: int
    outcomes: dict[str, int]
    by_action: dict[str, dict[str, int]]
    latency: Percentiles
    histogram: str
    """All latencies, as ``Latencies`` encodes them."""
    retries: int | None
    tried_again: int
    mean_ms: float = 0.0
    told_ms: dict[str, float] = {}
    told_of: int = 0
    told_mean_ms: float | None = None


def summarise(history: History, start: int, end: int) -> LoadSummary:
    """Numbers of the operations that completed at ``start <= t < end`` (ns on its clock).

    Counting by completion keeps the rate unbiased: what was begun before the window and ended
    in it stands for what was begun in it and ended after. A client that gave up counts with its
    patience as latency, since leaving it out would flatter a service that does not answer.
    Users of a closed loop wait for their answer before they go on, so a slow service also gets
    less work: compare latency together with throughput. In an open loop the latency counts from
    the moment at which the client was to come.

    Raises ``ValueError`` when the window is empty or no operation completed in it.
    """
    if end <= start:
        raise ValueError(f"the measured window is empty ({start} ns to {end} ns)")
    measured = [
        operation
        for operation in history.operations
        if operation.completed is not None and start <= operation.completed.t < end
    ]
    if not measured:
        raise ValueError("no operation completed in the measured window")
    by_action: dict[Action, Counter[Outcome]] = {}
    for operation in measured:
        by_action.setdefault(operation.invoked.action, Counter())[operation.outcome] += 1
    latencies = Latencies.of(_latency_ns(operation) for operation in measured)
    telling = [each for each in measured if _is_payment(each) and _timing(each)]
    return LoadSummary(
        seconds=(end - start) / 1e9,
        operations=len(measured),
        payments=sum(_is_payment(operation) for operation in measured),
        outcomes=_named(Counter(operation.outcome for operation in measured)),
        by_action={action.value: _named(counts) for action, counts in by_action.items()},
        latency=latencies.percentiles(),
        histogram=latencies.encoded(),
        retries=_retries(measured),
        mean_ms=_mean_ms(measured),
        told_ms=means(map(_timing, telling)),
        told_of=len(telling),
        told_mean_ms=_mean_ms(telling) if telling else None,
        tried_again=_tried_again(history, start, end),
    )


def _is_payment(operation: Operation) -> bool:
    completed = operation.completed
    return (
        operation.invoked.action is Action.PAY
        and completed is not None
        and completed.outcome is Outcome.OK
        and not completed.replayed
    )


def _latency_ns(operation: Operation) -> int:
    assert operation.completed is not None
    return operation.completed.t - operation.invoked.t + operation.invoked.late


def _mean_ms(operations: Sequence[Operation]) -> float:
    return sum(map(_latency_ns, operations)) / len(operations) / 1e6


def _timing(operation: Operation) -> str:
    return operation.completed.timing if operation.completed is not None else ""


def _retries(measured: Iterable[Operation]) -> int | None:
    said = [
        operation.completed.retries
        for operation in measured
        if operation.completed is not None and operation.completed.retries is not None
    ]
    return sum(said) if said else None


def _tried_again(history: History, start: int, end: int) -> int:
    seen: set[tuple[str, Action, str]] = set()
    found = 0
    for operation in history.operations:
        asked = operation.invoked
        if asked.key is None:
            continue
        request = (asked.attempt, asked.action, asked.key)
        completed = operation.completed
        inside = completed is not None and start <= completed.t < end
        found += request in seen and inside
        seen.add(request)
    return found


def _named(counts: Counter[Outcome]) -> dict[str, int]:
    return {outcome.value: counts[outcome] for outcome in Outcome if counts[outcome]}
