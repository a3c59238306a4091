"""The findings of a check, one by one, under names that stay the same from run to run.

A finding is called ``VARIANT/INVARIANT``: which invariant breaks in which variant. That is what a
person accepts or fixes; by which schedule it breaks differs from search to search.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from paidonce.harness.results.proof import Cell, Proof
from paidonce.harness.verdict import Broken, Status, Violation

DECLARED = "declared"
"""The subject of a finding that says a claim of the target file is false: it is never accepted."""
ANY = "*"
"""In a baseline: whatever breaks in a variant."""


class Level(enum.StrEnum):
    """The weight of a finding."""

    ERROR = "error"
    """There is a witness, or a declaration was shown to be false: the build is red."""
    WARNING = "warning"
    """It was not decided, or depends on load: the build is not red for it."""
    ACCEPTED = "accepted"
    """An error that the baseline accepts for a time."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. ``what`` is the invariant, or the checker, or ``undecided``, ``declared``.

    ``reason`` is a sentence; ``why`` the same for where the finding's name stands before it.
    ``witness`` and ``history`` are files relative to the report. ``accepted`` says why and until
    when it is accepted.
    """

    variant: str
    what: str
    level: Level
    reason: str
    why: str
    witness: str | None = None
    history: str | None = None
    accepted: str = ""

    @property
    def id(self) -> str:
        return f"{self.variant}/{self.what}"


def known_ids(variants: Sequence[str], rules: Sequence[str]) -> tuple[str, ...]:
    """Return everything that a baseline can accept.

    ``rules`` are the names of all that can break in a variant: invariants, and the checkers whose
    findings bear their own name.
    """
    return tuple(f"{v}/{what}" for v in variants for what in (*rules, ANY))


def findings(proof: Proof, accepted: Mapping[str, str]) -> list[Finding]:
    """Return all findings, in the order of the cells.

    ``accepted`` says of findings by id why they are accepted; so does a cell that was accepted when
    the proof was made.
    """
    found: list[Finding] = []
    for cell in proof.cells:
        for finding in _of_cell(cell):
            why = (
                cell.accepted
                or accepted.get(finding.id)
                or accepted.get(f"{finding.variant}/{ANY}", "")
            )
            if why and finding.level is Level.ERROR and finding.what != DECLARED:
                finding = msgspec.structs.replace(finding, level=Level.ACCEPTED, accepted=why)
            found.append(finding)
    return found


def accepting(proof: Proof, found: Sequence[Finding]) -> Proof:
    """The proof with the cells marked of which all that broke is accepted."""
    cells = []
    for cell in proof.cells:
        mine = [finding for finding in found if finding.variant == cell.variant]
        if mine and all(finding.level is Level.ACCEPTED for finding in mine):
            why = "; ".join(dict.fromkeys(finding.accepted for finding in mine))
            cell = msgspec.structs.replace(cell, accepted=why)
        cells.append(cell)
    return msgspec.structs.replace(proof, cells=tuple(cells))


def _of_cell(cell: Cell) -> Iterator[Finding]:
    if cell.skipped is not None:
        return
    if cell.by_chance:
        yield from _by_chance(cell)
    elif cell.status is Status.INVALID and cell.expected is not Status.INVALID:
        yield from _broken(cell)
    elif cell.error is not None:
        yield _one(cell, "undecided", Level.WARNING, f"could not be checked: {cell.error}")
    elif cell.denied:
        reason = "declared vulnerable, but a complete search found no race: is it fixed?"
        yield _one(cell, DECLARED, Level.ERROR, reason)
    elif cell.status is not Status.INVALID and not cell.proved:
        why = cell.search.reason if cell.search is not None else "it was not searched"
        yield _one(cell, "undecided", Level.WARNING, f"not decided: {why or 'no search was made'}")
    elif cell.status is Status.UNKNOWN:
        undecided = (v.reason for r in cell.runs for v in r.verdicts if v.status is Status.UNKNOWN)
        reason = f"a burst was not decided: {next(undecided, 'no reason was given')}"
        yield _one(cell, "undecided", Level.WARNING, reason)


def _broken(cell: Cell) -> Iterator[Finding]:
    """Yield what broke: in the search, whose witness shows it again, else in the first run."""
    if cell.found and cell.search is not None:
        for broken in cell.search.broken:
            for finding in _apart(cell, broken):
                yield msgspec.structs.replace(finding, witness=cell.search.witness)
        return
    yield from _of_first_run(cell)


def _by_chance(cell: Cell) -> Iterator[Finding]:
    more = (
        f"; seen in {cell.caught} of {len(cell.runs)} bursts, and no witness was found that shows "
        "it again"
    )
    for finding in _of_first_run(cell):
        yield msgspec.structs.replace(finding, reason=finding.reason + more, why=finding.why + more)


def _of_first_run(cell: Cell) -> Iterator[Finding]:
    """Yield what broke in the first run in which anything did."""
    run = next(run for run in cell.runs if run.status is Status.INVALID)
    for broken in run.broken:
        for finding in _apart(cell, broken):
            yield msgspec.structs.replace(finding, history=run.history)


def _apart(cell: Cell, broken: Broken) -> Iterator[Finding]:
    """Yield a checker's findings: one for each rule that the user gave a name, else the checker's
    own."""
    if not broken.titled:
        yield _one(cell, broken.checker, Level.ERROR, broken.reason)
    first: dict[str, Violation] = {}
    for violation in broken.titled:
        first.setdefault(violation.rule, violation)
    for rule, violation in first.items():
        whose = f"for {violation.whose}: " if violation.whose else ""
        yield _one(cell, rule, Level.ERROR, violation.words, why=whose + violation.reason)


def _one(cell: Cell, what: str, level: Level, reason: str, why: str = "") -> Finding:
    return Finding(variant=cell.variant, what=what, level=level, reason=reason, why=why or reason)
