"""Where claims are tried: services that are free, time that is left, and what is known so far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.search.types import Execution, Judge, Run
from paidonce.harness.explore.search.world import InvalidRun, Taken, Worlds
from paidonce.harness.explore.validate.learnt import Pair
from paidonce.harness.explore.validate.stories import Parting, Told, parting, stories
from paidonce.harness.explore.validate.trial import Trial
from paidonce.harness.results.words import quoted
from paidonce.harness.verdict import Status

Exchanged = Callable[[Hashable, Mapping[str, str]], Hashable]
"""An outcome with the attempts called something else."""
Differing = Callable[[Hashable, Hashable], frozenset[str] | None]
"""The names of those parts in which two outcomes differ; None where they do in anything else."""
Without = Callable[[Hashable, frozenset[str]], Hashable]
"""An outcome without its parts of these names."""
RETRIES = 2


def in_everything(one: Hashable, other: Hashable) -> frozenset[str] | None:
    """``Differing`` for outcomes that have no parts."""
    return frozenset() if one == other else None


def as_it_is(outcome: Hashable, names: frozenset[str]) -> Hashable:
    """``Without`` for outcomes that have no parts."""
    return outcome


@dataclass(frozen=True, slots=True)
class Lane:
    """One service: as it is, and with every statement that commits by itself held open."""

    plain: Worlds
    held: Worlds


@dataclass(frozen=True, kw_only=True)
class Refutation:
    """A claim that trying has refuted. One of the fields is set; ``found`` may be beside it."""

    pair: Pair | None = None
    """Kinds of steps that do not commute."""
    memory: Parting | None = None
    """An attempt that went another way for no reason that was seen."""
    apart: str = ""
    """The kind of a statement that is no single moment."""
    deferral: str = ""
    """The kind of a statement that does not only wait."""
    kill: tuple[tuple[str, str], ...] = ()
    """The kinds of a kill and of a step beside it of which the order makes a difference."""
    exchange: tuple[str, ...] = ()
    """Attempts that are not interchangeable."""
    unsteady: str = ""
    """How one and the same schedule came to something else."""
    unexplained: str = ""
    """The sign that something was left out, with nobody knowing why."""
    found: Execution | None = None
    """A counterexample met on the way."""


@dataclass
class Lab:
    """See the module. ``known`` are the outcomes of the search."""

    lanes: Sequence[Lane]
    judge: Judge
    told: Told
    exchanged: Exchanged
    known: Collection[Hashable]
    deadline: float
    most: int | None = None
    """Executions at most."""
    differing: Differing = in_everything
    without: Without = as_it_is
    executions: int = 0
    found: Execution | None = None
    blurred: set[str] = field(default_factory=set)
    """Kinds of steps whose answers differ for no reason."""
    ignored: frozenset[str] = frozenset()
    """Parts of outcomes that do: what is counted over all executions, say."""
    _free: list[Lane] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._free = list(self.lanes)

    @property
    def spent(self) -> bool:
        """Return whether nothing more can be tried."""
        if self.most is not None and self.executions >= self.most:
            return True
        return time.monotonic() >= self.deadline

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, self.deadline - time.monotonic())

    def same(self, one: Hashable, other: Hashable) -> bool:
        """Return whether two outcomes are the same but for what differs for no reason."""
        return one == other or self.without(one, self.ignored) == self.without(other, self.ignored)

    def is_known(self, outcome: Hashable) -> bool:
        """Return whether the search has come to this outcome."""
        if outcome in self.known:
            return True
        seen = {self.without(one, self.ignored) for one in self.known}
        return self.without(outcome, self.ignored) in seen

    @property
    def noise(self) -> tuple[int, int]:
        """Return how much is known to differ for no reason."""
        return len(self.blurred), len(self.ignored)

    def unsteady(self, run: Run, again: Trial) -> str:
        """Return what differs between two executions of the same choices and makes them different
        ones; empty if nothing does.

        Answers and observed values that differ all the same are not looked at any more.
        """
        for at, (one, other) in enumerate(zip(run.taken, again.taken, strict=False)):
            if (one.actor, one.label) != (other.actor, other.label):
                return (
                    f"made again with the same choices, step {at + 1} was {other.actor} "
                    f"{quoted(other.label)} instead of {one.actor} {quoted(one.label)}"
                )
        parts = self.differing(run.outcome, again.outcome)
        if parts is None or again.departed is not None or len(again.taken) != len(run.taken):
            return "made again with the same choices, an execution came to something else"
        self.ignored |= parts
        while (parted := self.parts(run.taken, run.outcome, again)) is not None:
            if not parted.answered:
                return f"made again with the same choices, {parted.actor} went another way"
            self.blurred.add(parted.after)
        return ""

    async def make(
        self, work: Callable[[Worlds], Awaitable[Trial]], *, held: bool = False
    ) -> Trial | None:
        """Have an execution made on a free lane, again if it said nothing; None if it never did.

        Use no more at a time than there are lanes.
        """
        lane = self._free.pop()
        try:
            for _ in range(1 + RETRIES):
                self.executions += 1
                try:
                    trial = await work(lane.held if held else lane.plain)
                except InvalidRun:
                    continue
                self._look(trial)
                return trial
            return None
        finally:
            self._free.append(lane)

    async def side_by_side(
        self, works: Sequence[Callable[[Worlds], Awaitable[Trial]]], *, held: bool = False
    ) -> list[Trial | None]:
        """``make`` for each of ``works``: as many as there are lanes at most.

        What one of them raises is raised when all are through: no lane is at work then.
        """
        made = await asyncio.gather(
            *(self.make(work, held=held) for work in works), return_exceptions=True
        )
        trials: list[Trial | None] = []
        for each in made:
            if isinstance(each, BaseException):
                raise each
            trials.append(each)
        return trials

    def _look(self, trial: Trial) -> None:
        if self.found is None:
            verdict = self.judge(trial.outcome)
            if verdict.status is Status.INVALID:
                self.found = Execution(
                    number=self.executions,
                    taken=trial.taken,
                    outcome=trial.outcome,
                    verdict=verdict,
                )

    def parts(self, taken: Sequence[Taken], outcome: Hashable, trial: Trial) -> Parting | None:
        """Return where an attempt's story in ``trial`` parts from what it was."""
        return parting(
            stories(taken),
            stories(trial.taken),
            self.blurred,
            told=lambda actor: self.told(outcome, actor) == self.told(trial.outcome, actor),
        )
