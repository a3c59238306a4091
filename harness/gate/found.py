"""What a check of a target found, one by one, under names that stay the same from run to run.

A finding is called ``VARIANT/INVARIANT``: which invariant breaks in which variant. That is what a
person accepts or fixes; by which schedule it breaks differs from search to search.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence

import msgspec

from harness.results import Cell, Proof
from harness.verdict import Status

ANY = "*"
"""In a baseline: whatever breaks in a variant."""
CHECKERS = ("successes", "rejections")
"""What can break besides invariants: how many succeed, and that the rest is told so cleanly."""


class Level(enum.StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """There is a witness, or a declaration was shown to be false: the build is red."""
    WARNING = "warning"
    """It was not decided, or depends on load: the build is not red for it."""
    ACCEPTED = "accepted"
    """An error that the baseline accepts for a time."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. ``what`` is the invariant, or the checker, or ``undecided``, ``declared``.

    ``witness`` and ``history`` are files relative to the report. ``accepted`` says why and until
    when it is accepted.
    """

    variant: str
    what: str
    level: Level
    reason: str
    witness: str | None = None
    history: str | None = None
    accepted: str = ""

    @property
    def id(self) -> str:
        return f"{self.variant}/{self.what}"

    @property
    def why(self) -> str:
        """The reason, for where the finding's name stands before it."""
        return self.reason.removeprefix(f"{self.what}: ")


def known_ids(variants: Sequence[str], invariants: Sequence[str]) -> tuple[str, ...]:
    """Everything that a baseline can accept."""
    return tuple(f"{v}/{what}" for v in variants for what in (*invariants, *CHECKERS, ANY))


def findings(proof: Proof, invariants: Sequence[str], accepted: dict[str, str]) -> list[Finding]:
    """All findings of a check, in the order of its variants.

    ``invariants`` are the names of the target's, ``accepted`` says of findings by id why they are
    accepted.
    """
    found: list[Finding] = []
    for cell in proof.cells:
        for one in _of_cell(cell, invariants):
            why = accepted.get(one.id) or accepted.get(f"{one.variant}/{ANY}", "")
            if why and one.level is Level.ERROR and one.what != "declared":
                one = msgspec.structs.replace(one, level=Level.ACCEPTED, accepted=why)
            found.append(one)
    return found


def accepting(proof: Proof, found: Sequence[Finding]) -> Proof:
    """The proof with the cells marked of which all that broke is accepted."""
    cells = []
    for cell in proof.cells:
        mine = [one for one in found if one.variant == cell.variant]
        if mine and all(one.level is Level.ACCEPTED for one in mine):
            why = "; ".join(dict.fromkeys(one.accepted for one in mine))
            cell = msgspec.structs.replace(cell, accepted=why)
        cells.append(cell)
    return msgspec.structs.replace(proof, cells=tuple(cells))


def _of_cell(cell: Cell, invariants: Sequence[str]) -> Iterator[Finding]:
    if cell.by_chance:
        yield from _by_chance(cell, invariants)
    elif cell.status is Status.INVALID and cell.expected is not Status.INVALID:
        yield from _broken(cell, invariants)
    elif cell.error is not None:
        yield _one(cell, "undecided", Level.WARNING, f"could not be checked: {cell.error}")
    elif cell.denied:
        reason = "declared vulnerable, but a complete search found no race: is it fixed?"
        yield _one(cell, "declared", Level.ERROR, reason)
    elif cell.status is not Status.INVALID and not cell.proved:
        why = cell.search.reason if cell.search is not None else "it was not searched"
        yield _one(cell, "undecided", Level.WARNING, f"not decided: {why or 'no search was made'}")
    elif cell.status is Status.UNKNOWN:
        undecided = (v.reason for r in cell.runs for v in r.verdicts if v.status is Status.UNKNOWN)
        reason = f"a burst was not decided: {next(undecided, 'no reason was given')}"
        yield _one(cell, "undecided", Level.WARNING, reason)


def _broken(cell: Cell, invariants: Sequence[str]) -> Iterator[Finding]:
    assert cell.search is not None
    for what, reason in _apart(cell.search.broken, invariants):
        yield msgspec.structs.replace(
            _one(cell, what, Level.ERROR, reason), witness=cell.search.witness
        )


def _by_chance(cell: Cell, invariants: Sequence[str]) -> Iterator[Finding]:
    run = next(run for run in cell.runs if run.status is Status.INVALID)
    broken = [f"{v.checker}: {v.reason}" for v in run.verdicts if v.status is Status.INVALID]
    for what, reason in _apart(broken, invariants):
        told = (
            f"{reason}; seen in {cell.caught} of {len(cell.runs)} bursts, and no witness was "
            "found that shows it again"
        )
        yield msgspec.structs.replace(_one(cell, what, Level.ERROR, told), history=run.history)


def _apart(broken: Sequence[str], invariants: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What checkers said, as ``checker: reason``, by invariant: (name, reason)."""
    names = "|".join(re.escape(name) for name in sorted(invariants, key=len, reverse=True))
    begins = re.compile(rf"(?:^|(?<=; ))({names})(?: for [^:]+)?: not ")
    for text in broken:
        checker, _, reason = text.partition(": ")
        places = list(begins.finditer(reason)) if checker == "invariants" and names else []
        if not places:
            yield checker, reason
            continue
        ends = [*(place.start() for place in places[1:]), len(reason)]
        told: dict[str, str] = {}
        for place, end in zip(places, ends, strict=True):
            told.setdefault(place.group(1), reason[place.start() : end].rstrip("; "))
        yield from told.items()


def _one(cell: Cell, what: str, level: Level, reason: str) -> Finding:
    return Finding(variant=cell.variant, what=what, level=level, reason=reason)
