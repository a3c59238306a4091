"""Goes on without any reduction: all of a small tree, or some of a large one at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import factorial, isfinite, prod

from paidonce.harness.explore.search.engine import search
from paidonce.harness.explore.search.schedulers.dfs import DepthFirst
from paidonce.harness.explore.search.schedulers.random_walk import RandomWalk
from paidonce.harness.explore.search.types import Budget, Ending, Scheduler, SearchResult
from paidonce.harness.explore.search.world import Worlds
from paidonce.harness.explore.validate.claims import Claims
from paidonce.harness.explore.validate.lab import Lab, Refutation

SMALL = 300
"""A tree is searched whole if it seems to have at most so many schedules; it may turn out to have
a few more."""
MORE = 2
SAMPLE = 200
"""Schedules drawn at random from a larger one, at most."""


@dataclass
class Unreduced:
    """Makes executions without reduction, and says whether the search has come to all of theirs."""

    claims: Claims
    lab: Lab
    seed: int
    sample: int
    schedules: int = 0
    whole: bool = False

    async def try_some(self) -> Refutation | None:
        """As far as the time goes; what comes up that was not known shows that the reduction has
        left something out."""
        lab = self.lab
        if lab.spent:
            return None
        small = size(self.claims) <= SMALL
        most = SMALL * MORE if small else self.sample
        if lab.most is not None:
            most = min(most, lab.most - lab.executions)
        if most < 1:
            return None
        scheduler: Scheduler = DepthFirst() if small else RandomWalk(self.seed, most)
        result = await self._searched(scheduler, most)
        lab.executions += result.counts.executions
        self.schedules = result.counts.explored
        self.whole = small and result.ending is Ending.COMPLETE
        if result.found:
            return Refutation(
                unexplained="a schedule that was left out breaks", found=result.found[0].execution
            )
        new = [outcome for outcome in result.outcomes if not lab.is_known(outcome)]
        if new:
            return Refutation(unexplained="a schedule that was left out comes to something else")
        return None

    async def _searched(self, scheduler: Scheduler, most: int) -> SearchResult:
        left = self.lab.left
        lanes: Sequence[Worlds] = [lane.plain for lane in self.lab.lanes]
        return await search(
            lanes,
            self.lab.judge,
            scheduler,
            budget=Budget(schedules=most, seconds=left if isfinite(left) else None),
        )


def size(claims: Claims) -> int:
    """About how many schedules there are: as many as there are ways to merge the attempts' steps,
    but for points at which not all of them could move."""
    sizes = [
        min(
            prod(len(step.enabled) for step in kept.run.taken if not step.footprint.empty),
            _merged(Counter(s.actor for s in kept.run.taken if not s.footprint.empty).values()),
        )
        for kept in claims.whole
    ]
    return max(sizes, default=1)


def _merged(lengths: Collection[int]) -> int:
    """In how many ways sequences of these lengths can be merged."""
    return factorial(sum(lengths)) // prod(map(factorial, lengths))
