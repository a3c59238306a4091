"""A counterexample made again, and kept as a witness with its history."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.outcome import ExecutionOutcome, Judged
from paidonce.harness.explore.control.watcher import WatchedWorlds, Watcher
from paidonce.harness.explore.exploration.request import Explored, SearchRequest
from paidonce.harness.explore.search import Ending, Expected, Replayed, SearchResult, replay
from paidonce.harness.explore.search.clock import Clock
from paidonce.harness.explore.search.replay import expectations
from paidonce.harness.explore.shrinking import shrunk
from paidonce.harness.explore.witness.annotation import Annotator
from paidonce.harness.explore.witness.file import (
    Witness,
    broken_of,
    steps_of,
    unstable_values,
    write_witness,
)
from paidonce.harness.history import Journal
from paidonce.harness.verdict import Status

SHRUNK_IN_ANY_CASE_S = 2.0
"""The least time for making a counterexample smaller."""


async def shown(
    worlds: ServiceWorlds,
    request: SearchRequest,
    result: SearchResult,
    clock: Clock,
    remarks: tuple[str, ...],
) -> Explored:
    """Return a counterexample with its witness, once it was made again on ``worlds``.

    It is made smaller first where that is asked for. One that does not come again is none.
    """
    counterexample = result.found[0].execution
    smallest = None
    if request.shrink is not None:
        left = clock.left.seconds
        seconds = None if left is None else max(left, SHRUNK_IN_ANY_CASE_S)
        worlds, smallest = await shrunk(worlds, counterexample, request.shrink.within(seconds))
        counterexample = counterexample if smallest is None else smallest.execution
    watcher = Annotator()
    again, judged = await play_again(worlds, expectations(counterexample.taken), watcher)
    if again.divergence is not None or judged is None:
        reason = f"a counterexample did not replay: {again.divergence}"
        result = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
        return Explored(request, result, notes=remarks)
    if judged.came.status is not Status.INVALID:
        broke = (
            ", ".join(counterexample.outcome.rules)
            if isinstance(counterexample.outcome, ExecutionOutcome)
            else ""
        )
        reason = (
            f"a counterexample (broken: {broke or 'a rule without a name'}) came out otherwise "
            "when it was made again: nothing was broken"
        )
        result = msgspec.structs.replace(result, ending=Ending.INCOMPLETE, reason=reason)
        return Explored(request, result, notes=remarks)
    assert isinstance(counterexample.outcome, ExecutionOutcome)
    witness = _witness_of(
        worlds, request, again, judged, unstable_values(counterexample.outcome, judged.came)
    )
    witness = msgspec.structs.replace(
        witness, steps=watcher.added_to(witness.steps, judged.history)
    )
    return Explored(request, result, witness, judged.history, remarks, smallest)


async def play_again(
    worlds: ServiceWorlds, steps: tuple[Expected, ...], watcher: Watcher | None = None
) -> tuple[Replayed, Judged | None]:
    """Follow a schedule; the judgement is there unless the execution went another way."""
    watched = worlds if watcher is None else WatchedWorlds(worlds, watcher)
    replayed = await replay(watched, steps)
    assert worlds.last is not None
    return replayed, worlds.last.judged


def _witness_of(
    worlds: ServiceWorlds,
    request: SearchRequest,
    replayed: Replayed,
    judged: Judged,
    unstable: Collection[str],
) -> Witness:
    assert worlds.last is not None
    return Witness(
        target=worlds.bench.subject.name,
        described_in=worlds.bench.subject.source,
        variant=request.variant,
        scenario=request.scenario.name,
        attempts=tuple(attempt.name for attempt in worlds.scenario.attempts),
        settings=dict(request.scenario.settings),
        deadlock_gap_ms=request.patience.deadlock_gap * 1000,
        noise=request.noise,
        learnt=tuple(sorted(worlds.background.learnt)),
        apart=tuple(sorted(worlds.mode.apart)),
        late_answers=worlds.mode.late_answers,
        sweeps_first=worlds.mode.sweeps_first,
        split=tuple(sorted(worlds.mode.split)),
        endless=tuple(sorted(worlds.mode.endless)),
        each_try=tuple(sorted(worlds.mode.each_try)),
        lapse=worlds.mode.lapse,
        failures=tuple(worlds.last.failing.happened),
        changes=worlds.bench.changes,
        status=judged.came.status,
        broken=broken_of(judged.verdicts, worlds.last.reader.names, unstable),
        steps=steps_of(replayed.run.taken),
    )


def save(explored: Explored, folder: Path) -> Path | None:
    """Write the witness, and its history beside it; returns the witness's path.

    Raises ``UsageError`` when one of the files exists.
    """
    if explored.witness is None or explored.history is None:
        return None
    stem = f"{explored.witness.variant}-{explored.witness.scenario}"
    history = folder / f"{stem}.jsonl"
    _, *events = explored.history.events
    with Journal(history, explored.history.header) as journal:
        for event in events:
            journal.record(event)
    path = folder / f"{stem}.witness.json"
    write_witness(msgspec.structs.replace(explored.witness, history=history.name), path)
    return path
