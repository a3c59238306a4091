"""A proof's results: the data every report is written from.

Plain frozen structs, written as JSON beside the reports, so that any report can be made again
later from the file alone.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.results.load_run import Load
from paidonce.harness.results.searched import AloneUnderFailures, How, Searched
from paidonce.harness.verdict import Broken, Status, Verdict

RESULTS_FORMAT = 2


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One build of the service under test; for the reference service, a guard."""

    name: str
    title: str
    sound: bool
    """Declared: True claims that no scenario breaks it."""
    summary: str = ""
    choose: str = ""
    """When to choose it, a sentence or two for somebody who has to."""


class ScenarioInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as reports show it."""

    name: str
    title: str
    story: str
    checkers: tuple[str, ...]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a scenario: its history file (relative to the report) and verdicts.

    ``raced`` tells that nobody was held: whether a race shows in it depends on the load.
    """

    history: str
    status: Status
    verdicts: tuple[Verdict, ...]
    seconds: float
    raced: bool = False

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Return the violations told by the checkers that found it INVALID."""
        return tuple(
            verdict.broken for verdict in self.verdicts if verdict.status is Status.INVALID
        )


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One variant against one scenario.

    ``expected`` is what was declared. ``skipped`` is the reason it did not run, or None.
    ``caught`` of ``len(runs)`` runs were INVALID. ``search`` is what exploration established,
    None where the proof was not to search. ``accepted`` says why, and until when, all that broke
    is accepted; empty where it is not.
    """

    variant: str
    scenario: str
    expected: Status
    runs: tuple[Run, ...] = ()
    skipped: str | None = None
    error: str | None = None
    search: Searched | None = None
    accepted: str = ""
    notes: tuple[str, ...] = ()
    """More that is to be known: what could not be controlled, a reset that is not complete."""
    alone: tuple[AloneUnderFailures, ...] = ()
    """The attempts that were searched alone under failures, beside what is claimed."""

    @property
    def caught(self) -> int:
        return sum(run.status is Status.INVALID for run in self.runs)

    @property
    def proved(self) -> bool:
        """Tell whether a complete search found no counterexample."""
        return self.search is not None and self.search.how is How.COMPLETE

    @property
    def found(self) -> bool:
        """Tell whether the search found a counterexample."""
        return self.search is not None and self.search.how is How.COUNTEREXAMPLE

    @property
    def denied(self) -> bool:
        """Declared vulnerable, and yet a complete search found nothing."""
        return self.expected is Status.INVALID and self.proved

    @property
    def status(self) -> Status:
        """INVALID if any run was, or the search found a counterexample; else UNKNOWN if any run
        was, or none ran; else VALID.

        Runs that raced speak for what they showed. What they do not show depends on load: where
        it was declared, that is UNKNOWN.
        """
        statuses = {run.status for run in self.runs}
        if self.found or Status.INVALID in statuses:
            return Status.INVALID
        raced = any(run.raced for run in self.runs)
        if statuses == {Status.VALID} and self.error is None:
            missed = raced and self.expected is Status.INVALID and not self.proved
            return Status.UNKNOWN if missed else Status.VALID
        return Status.UNKNOWN

    @property
    def by_chance(self) -> bool:
        """Tell whether it broke, against what was declared, in runs that raced and nowhere else: it
        may not show again."""
        broke = [run for run in self.runs if run.status is Status.INVALID]
        alone = bool(broke) and all(run.raced for run in broke) and not self.found
        return alone and self.expected is not Status.INVALID

    @property
    def depends_on_load(self) -> bool:
        """Tell whether it is UNKNOWN although each run was judged: others might say otherwise."""
        judged = {run.status for run in self.runs} <= {Status.VALID, Status.INVALID}
        return self.status is Status.UNKNOWN and self.error is None and bool(self.runs) and judged

    @property
    def lacking(self) -> tuple[str, ...]:
        """The capabilities for want of which alone this cell was not judged; else empty.

        One UNKNOWN for any other reason, an error, or an INVALID makes this empty: then the
        backend is not what kept the cell from being judged.
        """
        if self.error is not None or self.status is not Status.UNKNOWN or self.by_chance:
            return ()
        missing: list[str] = []
        for run in self.runs:
            undecided = [v for v in run.verdicts if v.status is Status.UNKNOWN]
            if run.status is Status.UNKNOWN and not undecided:
                return ()
            if not all(verdict.missing for verdict in undecided):
                return ()
            missing += [name for verdict in undecided for name in verdict.missing]
        return tuple(dict.fromkeys(missing))

    @property
    def as_declared(self) -> bool:
        """Tell whether nothing in this cell speaks against what was declared.

        A vulnerable cell must be caught at least once, and no complete search may find nothing;
        a sound one must be VALID every time, without a counterexample. A
        skipped cell, and one that could not be judged only because the backend lacks a
        capability, speak neither for nor against: ``paidonce.harness.results.problems`` says how a
        whole proof treats them. Any other UNKNOWN, and any error, is not as declared.
        """
        if self.error is not None or self.denied:
            return False
        if self.accepted:
            return True
        return self.skipped is not None or self.status is self.expected or bool(self.lacking)


class Adversity(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of failure, with what follows it: a row of the second matrix."""

    name: str
    title: str
    story: str = ""


class Survival(msgspec.Struct, frozen=True, kw_only=True):
    """One variant under one adversity: declared to survive it or not, and what the search says."""

    variant: str
    adversity: str
    expected: Status
    search: Searched

    @property
    def came(self) -> Status:
        """VALID if it survives in every execution, INVALID if not, UNKNOWN where that is open."""
        return {How.COMPLETE: Status.VALID, How.COUNTEREXAMPLE: Status.INVALID}.get(
            self.search.how, Status.UNKNOWN
        )

    @property
    def word(self) -> str:
        """Return how it is told in a table."""
        words = {Status.VALID: "survives", Status.INVALID: "caught", Status.UNKNOWN: "open"}
        return words[self.came] + ("" if self.came in (self.expected, Status.UNKNOWN) else "!")

    @property
    def extent(self) -> str:
        """Return how far the search of a cell came that is open; empty of any other."""
        if self.came is not Status.UNKNOWN:
            return ""
        if self.search.how is How.NOT_SEARCHED:
            return "not begun"
        failures = self.search.failures
        made = self.search.explored + (0 if failures is None else failures.executions)
        executions = "1 execution" if made == 1 else f"{made} executions"
        return f"after {executions} in {self.search.seconds:.0f} s"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and with what it ran."""

    system: str
    cpus: int
    python: str
    paidonce: str
    backends: dict[str, str]
    stand_ins: tuple[str, ...] = ()
    """The roles in ``backends`` that a local stand-in has in place of the official image."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one ``paidonce prove`` (or ``run``, or ``load``) established."""

    started: str
    seconds: float
    seed: int
    command: str
    machine: Machine
    variants: tuple[Variant, ...]
    scenarios: tuple[ScenarioInfo, ...]
    cells: tuple[Cell, ...] = ()
    adversities: tuple[Adversity, ...] = ()
    survivals: tuple[Survival, ...] = ()
    """Which failures each variant survives; none where that was not asked."""
    loads: tuple[Load, ...] = ()
    interrupted: bool = False
    stack: str = ""
    """How the backends were named, where they were."""
    beside: tuple[Beside, ...] = ()
    noun: str = "guard"
    """The word for a variant of the service."""
    format: int = RESULTS_FORMAT

    @property
    def searches(self) -> tuple[Searched, ...]:
        """All searches that were made: of cells, beside them, and under failures."""
        of_cells = (cell.search for cell in self.cells if cell.search is not None)
        beside = (tried.search for cell in self.cells for tried in cell.alone)
        return (*of_cells, *beside, *(survival.search for survival in self.survivals))


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """The same proof with another set of backends, ``name``.

    ``folder`` is where its own report is, relative to this one. ``missing`` says why there is no
    proof: the backends could not be had.
    """

    name: str
    folder: str = ""
    proof: Proof | None = None
    missing: str = ""
