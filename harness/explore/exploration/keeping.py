"""A counterexample made again, and kept as a witness with its history."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from paidonce.harness.explore.control.execution import Judged
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.watcher import WatchedWorlds, Watcher
from paidonce.harness.explore.exploration.request import Explored, SearchRequest
from paidonce.harness.explore.search import Expected, Replayed, replay
from paidonce.harness.explore.witness.file import Witness, broken_of, steps_of, write_witness
from paidonce.harness.history import Journal


async def play_again(
    worlds: ServiceWorlds, steps: tuple[Expected, ...], watcher: Watcher | None = None
) -> tuple[Replayed, Judged | None]:
    """Follow a schedule; the judgement is there unless the execution went another way."""
    watched = worlds if watcher is None else WatchedWorlds(worlds, watcher)
    replayed = await replay(watched, steps)
    assert worlds.last is not None
    return replayed, worlds.last.judged


def witness_of(
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
