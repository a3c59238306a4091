"""Searches cells of the matrix: one guard against one scenario, each within a share of the time.

A search tells the story in its own way (``Scenario.in_search``): where a client gives up, a lease
runs out or the service hangs up, what decides in real time is a step of the search, at any place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import WATCH_S, Explored, SearchRequest, explore, save
from paidonce.harness.explore.search import Budget, Ending
from paidonce.harness.explore.validate.spending import Validation
from paidonce.harness.results.searched import How, Searched
from paidonce.harness.scenario.model import Scenario, StartWhen, Until
from paidonce.harness.service.script import clients_among
from paidonce.harness.testbed.bench import Bench

ATTEMPTS = 2
"""The search of a proof is for this many attempts."""

WITNESSES = "witnesses"
"""Folder beside the report that holds the witnesses, and their histories."""

_FIRST, _SECOND = 1 / 24, 3.0
"""In the first round a cell may take this part of all the time, about five seconds of two minutes:
most need less. What that is not enough for comes again in a second round, with this many times its
even share of what is left: a few costly cells must not keep many cheap ones from being proved."""

VALIDATION = Validation(least=0.25, sample=5, beside=True)
"""Many cells share the time: each kind of claim is tried, and little beyond. What a cell may take
is for its search; trying what that relied on may take as long again."""

_SPENT = "its share of the time for searching was spent"

_ENDINGS = {
    Ending.COMPLETE: How.COMPLETE,
    Ending.COUNTEREXAMPLE: How.COUNTEREXAMPLE,
    Ending.INCOMPLETE: How.INCOMPLETE,
}


def why_not_searched(scenario: Scenario) -> str | None:
    """Return why no search can tell this story; None if one can."""
    clients = clients_among(scenario.in_search.attempts)
    if len(clients) != ATTEMPTS:
        return f"it has {len(clients)} attempts; the search is for {ATTEMPTS}"
    return None


def waits_mostly(scenario: Scenario) -> bool:
    """Return whether most of the time in which it is played is spent waiting for a clock: for a
    time-out, or for a lease to run out."""
    if any(hold.until is Until.HUNG_UP for hold in scenario.holds):
        return True
    kinds = {attempt.start.when for attempt in scenario.attempts}
    if kinds & {StartWhen.LEASES_OVER, StartWhen.HUNG_UP}:
        return True
    steps = [step for attempt in scenario.attempts for step in attempt.steps]
    return any(step.timeout_s is not None for step in steps)


def not_searched(reason: str) -> Searched:
    """Return what is said of a cell that no search was made for."""
    return Searched(how=How.NOT_SEARCHED, reason=reason)


@dataclass
class Allowance:
    """Shares seconds of searching among ``cells`` on ``lanes`` side by side.

    With the first share ``seconds`` is asked how many there are, and the clock starts. Whoever
    needs less leaves more for those that follow.
    """

    seconds: Callable[[], float]
    cells: int
    lanes: int = 1
    total: float = field(default=0.0, init=False)
    _deadline: float | None = field(default=None, init=False)

    def share(self, *, again: bool = False) -> float:
        """Seconds for the next cell, or for one that comes ``again``; 0 if nothing is left."""
        now = time.monotonic()
        if self._deadline is None:
            self.total = self.seconds()
            self._deadline = now + self.total
        left = max(0.0, self._deadline - now)
        even = left * max(self.lanes, 1) / max(self.cells, 1)
        return min(left, even * _SECOND if again else max(even, self.total * _FIRST))

    @property
    def spent(self) -> bool:
        """Return whether the time is over; it is not before it began."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def done(self, cells: int = 1) -> None:
        """That many cells need no share any more."""
        self.cells -= cells


class Searcher:
    """Searches scenarios one after the other on one bench under control."""

    def __init__(
        self,
        bench: Bench,
        seed: int,
        out: Path,
        validation: Validation | None = VALIDATION,
    ) -> None:
        self.bench = bench
        self._seed = seed
        self._out = out
        self._validation = validation
        self._learnt: set[str] | None = None

    async def search(self, scenario: Scenario, seconds: float) -> Searched:
        """Search for ``seconds`` at most.

        A counterexample's witness and history are saved to the folder ``WITNESSES`` below the
        report's. Raises ``PaidonceError`` where the service or a backend cannot be used any more.
        """
        scenario = scenario.in_search
        # What the service does by itself is learnt once, before the first search.
        background = Background(learnt=set(self._learnt or ()))
        worlds = ServiceWorlds(scenario, self.bench, background=background)
        request = SearchRequest(
            scenario=scenario,
            variant=self.bench.variant,
            # Said alike for all cells, so that reports can say it once.
            budget=Budget(seconds=seconds, spent_words=_SPENT),
            seed=self._seed,
            watch=WATCH_S if self._learnt is None else 0.0,
            validation=self._validation,
            warm_beside=True,
            faults=scenario.faults,
        )
        try:
            explored = await explore([worlds], request)
        finally:
            await worlds.close()
        self._learnt = background.learnt
        return searched(explored, save(explored, self._out / WITNESSES), self._out)


def searched(explored: Explored, witness: Path | None, out: Path) -> Searched:
    """Return the results of ``explored`` as reports show them; ``witness`` lies somewhere in
    ``out``."""
    result, counts = explored.result, explored.result.counts
    broken = () if explored.witness is None else explored.witness.broken
    counterexample = result.found[0] if result.found else None
    return Searched(
        how=_ENDINGS[result.ending],
        reason=result.reason if result.ending is Ending.INCOMPLETE else "",
        coverage=result.coverage,
        explored=counts.explored,
        pruned=counts.pruned,
        invalid=counts.invalid,
        outcomes=counts.outcomes,
        seconds=result.seconds,
        execution=None if counterexample is None else counterexample.execution.number,
        broken=broken,
        witness=None if witness is None else witness.relative_to(out).as_posix(),
        grounds=result.grounds,
        failures=result.failures,
    )


def ran_out(search: Searched, seconds: float) -> bool:
    """Return whether more than ``seconds`` might have brought the search to its end."""
    return search.how is How.INCOMPLETE and search.seconds >= 0.95 * seconds


def unusable(error: PaidonceError) -> Searched:
    """Return what is said of a cell whose search could not be made to its end."""
    return Searched(how=How.INCOMPLETE, reason=f"the search could not be made: {error}")
