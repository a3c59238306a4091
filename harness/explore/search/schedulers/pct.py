"""Probabilistic concurrency testing: few, well-placed random switches, with a known chance.

Burckhardt, Kothari, Musuvathi & Nagarakatte, *A randomized scheduler with probabilistic
guarantees of finding bugs* (ASPLOS 2010). Actors get distinct random priorities and the highest
that can move does. At d - 1 random steps the one about to move falls below all others. A bug of
depth d, which shows if d steps come in a certain order, is found with a probability of at least
1 / (n * k ** (d - 1)) in each execution with n actors and at most k steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.search.choices import Continued, at_once
from paidonce.harness.explore.search.happens_before import Footprints
from paidonce.harness.explore.search.schedulers.kind import Extent, SchedulerKind
from paidonce.harness.explore.search.schedulers.random_walk import Sampling
from paidonce.harness.explore.search.types import Coverage, Guide, Plan, Run
from paidonce.harness.explore.search.words import attempts
from paidonce.harness.explore.search.world import Pending, Taken


class Pct(Sampling):
    """Depth ``depth`` >= 1. Execution 0 only measures: it makes no switch that is not needed.

    ``length`` is the k of the bound, in steps that are not local; by default twice what
    execution 0 made, as others may be longer. Raises ``UsageError`` for numbers below 1.
    """

    def __init__(self, seed: int, runs: int, depth: int = 3, length: int | None = None) -> None:
        super().__init__(seed, runs)
        if depth < 1:
            raise UsageError(f"pct: depth is {depth}; expected 1 or more")
        if length is not None and length < 1:
            raise UsageError(f"pct: length is {length}; expected 1 or more")
        self.depth = depth
        self.length = length
        self._longest = 0
        self._most_actors = 0

    def upcoming(self, count: int) -> Sequence[Plan]:
        # The length is known only after execution 0, so nothing is executed ahead of it.
        return super().upcoming(count if self.made else min(count, 1))

    def guide(self, number: int) -> Callable[[], Guide]:
        if number == 0:
            return Continued(Footprints(), {}, None)
        return partial(_Priorities, f"pct {self.seed} {number}", self.depth, self.length or 1)

    def commit(self, plan: Plan, run: Run) -> bool:
        steps = sum(not step.footprint.empty for step in run.taken)
        self._longest = max(self._longest, steps)
        actors = {actor for step in run.taken for actor in step.enabled}
        self._most_actors = max(self._most_actors, len(actors))
        if self.length is None:
            self.length = max(1, 2 * steps)
        return super().commit(plan, run)

    @property
    def chance(self) -> float:
        """The bound for one execution; 0 if one was longer than it allows for."""
        if self.length is None or self._longest > self.length:
            return 0.0
        return 1.0 / (max(1, self._most_actors) * float(self.length) ** (self.depth - 1))

    def coverage(self, actors: int, steps: str) -> Coverage:
        random_ones = max(0, self.drawn - 1)
        words = (
            f"{random_ones} schedules of {attempts(actors)} over {steps}, drawn by PCT "
            f"(depth {self.depth}, seed {self.seed})"
        )
        if self.chance:
            all_of_them = 1.0 - (1.0 - self.chance) ** random_ones
            words += (
                f": a given bug of depth {self.depth} is found with a probability of at least "
                f"{all_of_them:.2g} ({self.chance:.2g} each)"
            )
        elif self.length is not None and self._longest > self.length:
            words += (
                f"; an execution had {self._longest} steps, more than the {self.length} allowed "
                "for, so no probability is claimed"
            )
        return Coverage(complete=False, words=words)


class _Priorities:
    def __init__(self, seed: str, depth: int, length: int) -> None:
        self._dice = Random(seed)
        self._changes = {
            step: float(depth - at) for at, step in enumerate(self._draw(depth - 1, length), 1)
        }
        self._base = depth
        self._priorities: dict[str, float] = {}
        self._steps = 0

    def _draw(self, count: int, length: int) -> list[int]:
        return [self._dice.randint(1, length) for _ in range(count)]

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        local = at_once(pending, None)
        if local is not None:
            return local
        for choice in pending:
            if choice.actor not in self._priorities:
                self._priorities[choice.actor] = self._base + self._dice.random()
        best = self._best(pending)
        lowered = self._changes.pop(self._steps + 1, None)
        if lowered is not None:
            self._priorities[best] = lowered
            best = self._best(pending)
        return best

    def _best(self, pending: tuple[Pending, ...]) -> str:
        return max((choice.actor for choice in pending), key=self._priorities.__getitem__)

    def took(self, taken: Taken) -> None:
        if not taken.footprint.empty:
            self._steps += 1


def _make(extent: Extent) -> Pct:
    return Pct(extent.seed, extent.runs)


KIND = SchedulerKind(
    name="pct",
    summary="as many as the budget allows, with few switches drawn",
    make=_make,
)
