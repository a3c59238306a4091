"""Finds the run whose timeline a report shows, and reads its history. The only reader of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from paidonce.harness.checkers import telling
from paidonce.harness.errors import UsageError
from paidonce.harness.history import History, read_history
from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.proof import Cell, Proof, Run
from paidonce.harness.results.standing import Standing
from paidonce.harness.verdict import Status, Verdict
from paidonce.reports.film import Film, readable_film
from paidonce.reports.timeline.model import Timeline, timeline

# Bigger histories (load runs, mostly) make no picture a person can read.
_MAX_BYTES = 8_000_000
_MAX_FILMS = 6


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A timeline, and the run of the cell it was made from."""

    timeline: Timeline
    cell: Cell
    run: Run


def double_payment(proof: Proof, folder: Path) -> Shown | None:
    """The timeline of the first double payment of a vulnerable guard, or of the next best INVALID.

    ``folder`` is what the runs' history paths are relative to. A history that is gone or cannot
    be read is passed over; None when none is left.
    """
    sound = {variant.name: variant.sound for variant in proof.variants}
    found = [
        (_rank(verdict), sound.get(cell.variant, True), number, cell, run, verdict)
        for number, cell in enumerate(proof.cells)
        for run, verdict in _broken(cell)
    ]
    for *_, cell, run, verdict in sorted(found, key=lambda item: item[:3]):
        shown = _timeline(folder, cell, run, verdict)
        if shown is not None:
            return shown
    return None


def unexpected(assessed: Assessment, folder: Path, limit: int = 6) -> tuple[Shown, ...]:
    """A timeline for each broken sound guard, one a guard, ``limit`` at most."""
    found: dict[str, Shown] = {}
    for cell in assessed.proof.cells:
        if assessed.of(cell) is not Standing.BROKEN or cell.variant in found or len(found) >= limit:
            continue
        for run, verdict in sorted(_broken(cell), key=lambda pair: _rank(pair[1])):
            shown = _timeline(folder, cell, run, verdict)
            if shown is not None:
                found[cell.variant] = shown
                break
    return tuple(found.values())


class Counterexample(msgspec.Struct, frozen=True, kw_only=True):
    """The film of a cell's witness. ``expected``: the cell is declared to break."""

    film: Film
    cell: Cell
    expected: bool


def counterexamples(proof: Proof, folder: Path) -> tuple[Counterexample, ...]:
    """Films: of every cell that was not to break, and of the first of each guard that was.

    Witnesses are read from ``folder``; one that is gone or cannot be read is passed over.
    """
    found: list[Counterexample] = []
    shown: set[str] = set()
    unexpected = [c for c in proof.cells if c.found and c.expected is not Status.INVALID]
    expected = [c for c in proof.cells if c.found and c.expected is Status.INVALID]
    for cell in [*unexpected[:_MAX_FILMS], *expected]:
        wanted = cell.expected is Status.INVALID
        if cell.search is None or cell.search.witness is None or (wanted and cell.variant in shown):
            continue
        film = readable_film(folder / cell.search.witness)
        if film is not None:
            found.append(Counterexample(film=film, cell=cell, expected=wanted))
            shown |= {cell.variant} if wanted else set()
    return tuple(found)


def settings(proof: Proof, folder: Path) -> dict[str, str]:
    """The settings in the header of the first history that can be read, for the report's end."""
    for cell in proof.cells:
        for run in cell.runs[:1]:
            history = _history(folder, run)
            if history is not None:
                return history.header.settings
    return {}


def _rank(verdict: Verdict) -> int:
    return -telling(verdict.checker).stakes


def _broken(cell: Cell) -> Iterator[tuple[Run, Verdict]]:
    for run in cell.runs:
        for verdict in run.verdicts:
            if verdict.status is Status.INVALID:
                yield run, verdict


def _timeline(folder: Path, cell: Cell, run: Run, verdict: Verdict) -> Shown | None:
    history = _history(folder, run)
    drawn = None if history is None else timeline(history, verdict)
    return None if drawn is None else Shown(timeline=drawn, cell=cell, run=run)


def _history(folder: Path, run: Run) -> History | None:
    """The history of a run; None where it is gone, too big, or none at all."""
    path = folder / run.history
    try:
        return read_history(path) if path.stat().st_size <= _MAX_BYTES else None
    except (OSError, ValueError, UsageError):
        return None
