"""The searches of a proof, with what they came to."""

from __future__ import annotations

import enum

import msgspec

from paidonce.harness.results.failures import UnderFailures, claimed
from paidonce.harness.results.grounds import Grounds, resting
from paidonce.harness.verdict import Broken


class How(enum.StrEnum):
    """The end of a cell's search."""

    COMPLETE = "complete"
    """Every interleaving that differs was executed, and none breaks an invariant."""
    COUNTEREXAMPLE = "counterexample"
    INCOMPLETE = "incomplete"
    """Begun and not finished; nothing was found in what was covered."""
    NOT_SEARCHED = "not searched"


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a cell's exploration.

    ``reason`` says why it is not complete, or was not made. ``explored`` executions went to their
    end, ``pruned`` were left early because they are covered by others, ``invalid`` said nothing.
    ``execution`` is the number of the one that broke, ``broken`` what the checkers said of it,
    ``witness`` its file, relative to the report.
    """

    how: How
    reason: str = ""
    coverage: str = ""
    explored: int = 0
    pruned: int = 0
    invalid: int = 0
    outcomes: int = 0
    seconds: float = 0.0
    execution: int | None = None
    broken: tuple[Broken, ...] = ()
    witness: str | None = None
    grounds: Grounds | None = None
    """The grounds on which it rests, and what was learnt; None where nothing was tried."""
    failures: UnderFailures | None = None
    """The searches under failures; None where nothing went wrong."""

    @property
    def established(self) -> str:
        """The coverage, and what it rests on."""
        return resting(self.coverage, self.grounds)

    @property
    def claimed(self) -> str:
        """The claim of a complete search, in words."""
        return claimed(self.established, self.failures, tried=self.grounds is not None)

    @property
    def executions(self) -> int:
        return self.explored + self.pruned + self.invalid


class AloneUnderFailures(msgspec.Struct, frozen=True, kw_only=True):
    """The search of one attempt alone under a failure, of which nothing is claimed."""

    attempt: str
    search: Searched

    @property
    def words(self) -> str:
        """Its outcome, in words."""
        failures = self.search.failures
        match self.search.how:
            case How.COUNTEREXAMPLE:
                broken = "; ".join(violation.words for violation in self.search.broken)
                plans = () if failures is None else failures.plans
                what = next((" and ".join(plan.failures) for plan in plans if plan.found), "")
                came = f"breaks, {what}: {broken}" if what else f"breaks: {broken}"
            case How.COMPLETE:
                came = "holds" if failures is None else f"holds, {failures.told}"
            case _:
                came = f"not searched to its end: {self.search.reason}"
        return f"{self.attempt} alone, under a failure: {came}"
