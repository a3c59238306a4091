"""The standing of a cell of the matrix against what was declared: the vocabulary of every report.

A status (VALID, INVALID, UNKNOWN) says what was observed; a *standing* says what that means,
given the declaration: an INVALID is good news for a guard declared vulnerable (it was caught)
and the worst news for one declared sound (it is broken).
"""

from __future__ import annotations

import enum

import msgspec

from paidonce.harness.results.proof import Cell, Proof
from paidonce.harness.verdict import Status


class Standing(enum.StrEnum):
    """The outcome of one guard in one scenario."""

    PROVED = "proved"
    HELD = "held"
    CAUGHT = "caught"
    BROKEN = "broken"
    ACCEPTED = "accepted"
    MISSED = "missed"
    UNKNOWN = "unknown"
    NOT_JUDGED = "not-judged"
    SKIPPED = "skipped"
    ERROR = "error"
    NOT_RUN = "not-run"

    @property
    def look(self) -> Look:
        """Return how reports show it."""
        return _LOOKS[self]

    @property
    def contradicts(self) -> bool:
        """It shows a declaration to be false."""
        return self in (Standing.BROKEN, Standing.MISSED)

    @property
    def decided(self) -> bool:
        """Something was established, for or against the declaration."""
        return self.good or self.contradicts or self is Standing.ACCEPTED

    @property
    def good(self) -> bool:
        """As declared."""
        return self in (Standing.PROVED, Standing.HELD, Standing.CAUGHT)

    @property
    def held(self) -> bool:
        """Nothing broke, as declared of a cell that is to hold."""
        return self in (Standing.PROVED, Standing.HELD)


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Word, icon (``reports/templates/icons.svg``), emoji and one ASCII letter of a standing.

    ``meaning`` is the sentence of the legend.
    """

    word: str
    icon: str
    emoji: str
    letter: str
    meaning: str


_LOOKS = {
    Standing.PROVED: Look(
        word="proved",
        icon="seal",
        emoji="🛡️",
        letter="P",
        meaning="complete search: every interleaving of 2 attempts over tap steps was executed "
        "and none breaks an invariant; it also held each time it was played",
    ),
    Standing.HELD: Look(
        word="held",
        icon="check",
        emoji="✅",
        letter="+",
        meaning="survived: every invariant held each time it was played; not searched completely, "
        "for the reason in the details",
    ),
    Standing.CAUGHT: Look(
        word="caught",
        icon="flag",
        emoji="🎯",
        letter="c",
        meaning="declared vulnerable, and caught breaking an invariant: so many times of those "
        "played, or by the search, which leaves a witness",
    ),
    Standing.BROKEN: Look(
        word="BROKEN",
        icon="cross",
        emoji="❌",
        letter="X",
        meaning="declared sound, but an invariant broke: the guard or its declaration is wrong",
    ),
    Standing.ACCEPTED: Look(
        word="accepted",
        icon="flag",
        emoji="⚠️",
        letter="A",
        meaning="declared sound, and broke as the baseline of accepted findings says; until the "
        "day it names",
    ),
    Standing.MISSED: Look(
        word="NOT CAUGHT",
        icon="cross",
        emoji="❌",
        letter="M",
        meaning="declared vulnerable here, but no run broke or a complete search found nothing: "
        "the harness did not see the bug",
    ),
    Standing.UNKNOWN: Look(
        word="unknown",
        icon="question",
        emoji="❔",
        letter="?",
        meaning="could not be decided; never counted as passed",
    ),
    Standing.NOT_JUDGED: Look(
        word="not judged",
        icon="ring",
        emoji="➖",
        letter="o",
        meaning="the backend cannot show all that the checkers need; neither for nor against",
    ),
    Standing.SKIPPED: Look(
        word="skipped",
        icon="dash",
        emoji="⏭️",
        letter="-",
        meaning="does not apply, or was left out; the reason is in the details",
    ),
    Standing.ERROR: Look(
        word="ERROR",
        icon="bang",
        emoji="💥",
        letter="E",
        meaning="the harness could not run it to the end",
    ),
    Standing.NOT_RUN: Look(
        word="not run",
        icon="dash",
        emoji="▫️",
        letter=".",
        meaning="never started, because the proof was cut short or was not asked for it",
    ),
}


def standing(cell: Cell | None) -> Standing:
    """The standing of a cell; None is one the proof holds no cell for.

    A broken sound guard stays broken whatever else went wrong in the cell. An error hides
    everything less than that, since the runs it cost might have shown it.
    """
    if cell is None:
        return Standing.NOT_RUN
    if cell.status is Status.INVALID and cell.expected is not Status.INVALID:
        return Standing.ACCEPTED if cell.accepted else Standing.BROKEN
    if cell.error is not None:
        return Standing.ERROR
    if not cell.runs:
        return Standing.NOT_RUN if cell.skipped is None else Standing.SKIPPED
    if cell.status is Status.INVALID:
        return Standing.MISSED if cell.denied else Standing.CAUGHT
    if cell.status is Status.VALID:
        if cell.expected is Status.INVALID:
            return Standing.MISSED
        return Standing.PROVED if cell.proved else Standing.HELD
    return Standing.NOT_JUDGED if cell.lacking else Standing.UNKNOWN


def tally(cell: Cell | None, kind: Standing) -> str:
    """``"3/3"``: of all runs, those that gave the cell its standing, ``kind``; empty if none could.

    Of a cell that is proved, how many executions the search took: ``"all 412"``. ``", found"``
    tells that the search found a counterexample too.
    """
    if cell is None or not cell.runs or kind is Standing.NOT_JUDGED:
        return ""
    if kind is Standing.PROVED:
        assert cell.search is not None
        return f"all {cell.search.executions:,}"
    if kind is Standing.HELD:
        number = len(cell.runs)
    elif kind is Standing.UNKNOWN:
        number = sum(run.status is Status.UNKNOWN for run in cell.runs)
    else:
        number = cell.caught
    return f"{number}/{len(cell.runs)}{', found' if cell.found else ''}"


def grid(proof: Proof) -> dict[tuple[str, str], Cell]:
    """The cells by (variant name, scenario name); of two for one place the later wins."""
    return {(cell.variant, cell.scenario): cell for cell in proof.cells}
