"""Which sets of backends a proof ran with, scenario by scenario, and what each could not judge.

Pure. One column for each set; the first is the proof's own, the others are of the proofs beside
it (``Proof.beside``).
"""

from __future__ import annotations

import msgspec

from paidonce.harness.results.assessment import Assessment
from paidonce.harness.results.problems import why_not_judged
from paidonce.harness.results.proof import Cell
from paidonce.harness.results.standing import Standing
from paidonce.harness.results.words import count, listed

_OWN = "this proof"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario with one set: how many of its cells came to which standing."""

    counts: tuple[tuple[Standing, int], ...]

    @property
    def words(self) -> str:
        """ "8 proved, 3 caught"; "not run" where no guard met the scenario."""
        return ", ".join(f"{number} {kind.look.word}" for kind, number in self.counts) or "not run"

    @property
    def loud(self) -> bool:
        """Return whether something in it speaks against what was declared, or went wrong."""
        return any(kind.contradicts or kind is Standing.ERROR for kind, _ in self.counts)


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for which a set could not judge, and the scenarios with the number of cells."""

    reason: str
    scenarios: tuple[str, ...]
    cells: int

    @property
    def words(self) -> str:
        """The same as a sentence."""
        return f"{listed(list(self.scenarios))} ({count(self.cells, 'cell')}): {self.reason}"


class BackendColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One set of backends. ``missing`` says why it could not be had, then there is no entry.

    ``backends`` are lines such as "postgres: embedded 18.4"; ``folder`` is where its own report
    is, relative to this one, empty for the proof itself.
    """

    name: str
    backends: tuple[str, ...] = ()
    folder: str = ""
    missing: str = ""
    entries: tuple[Entry, ...] = ()
    wants: tuple[Want, ...] = ()


def columns(assessed: Assessment) -> tuple[BackendColumn, ...]:
    """The sets, the proof's own first; nothing for a proof without cells."""
    proof = assessed.proof
    if not proof.cells:
        return ()
    names = tuple(scenario.name for scenario in proof.scenarios)
    backend_columns = [_column(assessed, proof.stack or _OWN, "", names)]
    for beside, came in zip(proof.beside, assessed.beside, strict=True):
        if came is None:
            backend_columns.append(BackendColumn(name=beside.name, missing=beside.missing))
        else:
            backend_columns.append(_column(came, beside.name, beside.folder, names))
    return tuple(backend_columns)


def _column(
    assessed: Assessment, name: str, folder: str, scenarios: tuple[str, ...]
) -> BackendColumn:
    proof = assessed.proof
    cells: dict[str, list[Cell]] = {scenario: [] for scenario in scenarios}
    for cell in proof.cells:
        cells.setdefault(cell.scenario, []).append(cell)
    return BackendColumn(
        name=name,
        folder=folder,
        backends=tuple(f"{role}: {what}" for role, what in proof.machine.backends.items()),
        entries=tuple(
            _entry([assessed.of(cell) for cell in cells[scenario]]) for scenario in scenarios
        ),
        wants=_wants(assessed),
    )


def _entry(kinds: list[Standing]) -> Entry:
    return Entry(counts=tuple((kind, kinds.count(kind)) for kind in Standing if kind in kinds))


def _wants(assessed: Assessment) -> tuple[Want, ...]:
    reasons: dict[str, list[str]] = {}
    for cell in assessed.proof.cells:
        kind = assessed.of(cell)
        if kind is Standing.NOT_JUDGED:
            reasons.setdefault(why_not_judged(cell), []).append(cell.scenario)
        elif kind is Standing.SKIPPED:
            reasons.setdefault(f"skipped: {cell.skipped}", []).append(cell.scenario)
    return tuple(
        Want(reason=reason, scenarios=tuple(dict.fromkeys(places)), cells=len(places))
        for reason, places in reasons.items()
    )
