"""Executions drawn at random from a seed; the base of every scheduler that samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.search.choices import at_once
from paidonce.harness.explore.search.schedulers.kind import Extent, SchedulerKind
from paidonce.harness.explore.search.types import Coverage, Guide, Plan, Run
from paidonce.harness.explore.search.words import attempts
from paidonce.harness.explore.search.world import Pending, Taken


class Sampling(ABC):
    """``runs`` executions, each of which follows from ``seed`` and its number alone.

    Raises ``UsageError`` when ``runs`` is below 1.
    """

    def __init__(self, seed: int, runs: int) -> None:
        if runs < 1:
            raise UsageError(f"search: runs is {runs}; expected 1 or more")
        self.seed = seed
        self.runs = runs
        self.made = 0
        """Executions committed or abandoned."""
        self.drawn = 0
        """Executions committed."""

    @abstractmethod
    def guide(self, number: int) -> Callable[[], Guide]:
        """Return a maker of the guide for execution ``number``, counted from 0."""

    @abstractmethod
    def coverage(self, actors: int, steps: str) -> Coverage: ...

    @property
    def waiting(self) -> int:
        return self.runs - self.made

    def upcoming(self, count: int) -> Sequence[Plan]:
        last = min(self.made + count, self.runs)
        return [Plan(number, (), self.guide(number)) for number in range(self.made, last)]

    def commit(self, plan: Plan, run: Run) -> bool:
        self.made += 1
        self.drawn += 1
        return True

    def abandon(self, plan: Plan) -> None:
        self.made += 1


class RandomWalk(Sampling):
    """At every point, everyone who can move is as likely to; local steps come at once.

    That is not the same as every schedule being as likely.
    """

    def guide(self, number: int) -> Callable[[], Guide]:
        return partial(_Walk, f"walk {self.seed} {number}")

    def coverage(self, actors: int, steps: str) -> Coverage:
        return Coverage(
            complete=False,
            words=f"{self.drawn} random schedules of {attempts(actors)} over {steps} "
            f"(seed {self.seed})",
        )


class _Walk:
    def __init__(self, seed: str) -> None:
        self._dice = Random(seed)

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        return at_once(pending, None) or self._dice.choice(pending).actor

    def took(self, taken: Taken) -> None:
        pass


def _make(extent: Extent) -> RandomWalk:
    return RandomWalk(extent.seed, extent.runs)


KIND = SchedulerKind(
    name="random",
    summary="as many as the budget allows, each choice drawn",
    make=_make,
)
