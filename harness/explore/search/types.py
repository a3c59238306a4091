"""The orders and results of a search: plain frozen data, and the small protocols."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken
from paidonce.harness.results.failures import UnderFailures, claimed
from paidonce.harness.results.grounds import Grounds, resting
from paidonce.harness.verdict import Status, Verdict

Schedule = tuple[str, ...]
"""Which actor moved, step by step. With a fresh world it determines an execution."""

Judge = Callable[[Hashable], Verdict]
"""Judges an outcome, as ``World.finish`` gave it."""


class Nondeterministic(InvalidRun):
    """The same choices led to something else: the schedule does not determine the execution."""


SERVINGS = 30
"""How often more an execution is tried again because the server served another first."""


class ServedAnother(InvalidRun):
    """Of several who waited for one thing not the one who waited longest was served first, or
    another than when the same choices were made before.

    PostgreSQL serves them in turn as a rule and makes no promise: those who wait for a row that
    is changed meanwhile may overtake each other (src/backend/access/heap/README.tuplock). It is
    sound to try again, and to insist on turns: who overtakes another comes to what he comes to
    where he began to wait first, which is searched as well.
    """


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """When to stop although something is left; None means no bound.

    ``schedules`` bounds the executions that count (explored, pruned and invalid together),
    ``seconds`` the time. Where this is what is left of more, ``whole`` has the seconds it was in
    the beginning; ``source`` says where they come from. ``spent_words`` are what is said when the
    time is over, where that is not to be said with its seconds. Raises ``UsageError`` for a bound
    below zero.
    """

    schedules: int | None = None
    seconds: float | None = None
    whole: float | None = None
    source: str = ""
    spent_words: str = ""

    def __post_init__(self) -> None:
        if self.schedules is not None and self.schedules < 0:
            raise UsageError(f"budget: schedules is {self.schedules}; expected 0 or more")
        if self.seconds is not None and not self.seconds >= 0:
            raise UsageError(f"budget: seconds is {self.seconds}; expected 0 or more")

    def within(self, seconds: float | None) -> Budget:
        """Return the same with no more than so many seconds; None for as many as it has."""
        if seconds is None or (self.seconds is not None and self.seconds <= seconds):
            return self
        return msgspec.structs.replace(self, seconds=seconds)

    def spent(self, after: float) -> Budget:
        """Return what is left of the budget when so many seconds are over."""
        if self.seconds is None:
            return self
        whole = self.seconds if self.whole is None else self.whole
        return msgspec.structs.replace(self, seconds=max(0.0, self.seconds - after), whole=whole)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A step that is to be repeated, as far as it is known; None stands for what is not."""

    actor: str
    label: str | None = None
    enabled: tuple[str, ...] | None = None
    footprint: Footprint | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution as it went, not judged yet.

    ``rest`` holds who could still have moved at its end. A ``pruned`` run was left there, because
    everything that could follow is explored elsewhere; it has no outcome.
    """

    taken: tuple[Taken, ...]
    rest: tuple[str, ...] = ()
    pruned: bool = False
    outcome: Hashable = None

    @property
    def schedule(self) -> Schedule:
        return tuple(step.actor for step in self.taken)


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One execution that went to its end, judged. ``number`` counts executions, from 1."""

    number: int
    taken: tuple[Taken, ...]
    outcome: Hashable
    verdict: Verdict

    @property
    def schedule(self) -> Schedule:
        return tuple(step.actor for step in self.taken)

    @property
    def switches(self) -> int:
        """Return how often another actor than before made a step that is not local."""
        return context_switches(self.taken)


class FoundExecution(msgspec.Struct, frozen=True, kw_only=True):
    """A counterexample, and how soon it was found."""

    execution: Execution
    seconds: float


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """``explored`` executions went to their end, ``pruned`` were left early, ``invalid`` said
    nothing. The judge called ``unjudged`` of those explored UNKNOWN.

    ``longest`` is in steps, ``outcomes`` counts those that differ.
    """

    explored: int = 0
    pruned: int = 0
    invalid: int = 0
    longest: int = 0
    outcomes: int = 0
    unjudged: int = 0

    @property
    def executions(self) -> int:
        return self.explored + self.pruned + self.invalid


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a search; ``rate`` is executions a second.

    ``waiting`` counts the executions known to be left. Each may show more of them, so it and
    ``rest`` (in seconds, None as long as there is no rate) are lower bounds.
    """

    counts: Counts
    seconds: float
    waiting: int
    found: int

    @property
    def rate(self) -> float:
        return self.counts.executions / self.seconds if self.seconds > 0 else 0.0

    @property
    def rest(self) -> float | None:
        return self.waiting / self.rate if self.rate else None


class Ending(enum.StrEnum):
    """The end of a search."""

    COUNTEREXAMPLE = "counterexample"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"

    @property
    def status(self) -> Status:
        """Return the verdict on what was searched, by a search that ended so."""
        return _STATUS[self]


_STATUS = {
    Ending.COMPLETE: Status.VALID,
    Ending.COUNTEREXAMPLE: Status.INVALID,
    Ending.INCOMPLETE: Status.UNKNOWN,
}


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a search.

    ``coverage`` says in words what was explored, and no more than is true. ``reason`` tells why
    the search is not complete, empty if it is. ``outcomes`` are those that differ, in the order
    they were met; ``found`` has the first counterexample of each outcome that is one.
    """

    ending: Ending
    coverage: str
    reason: str
    counts: Counts
    seconds: float
    outcomes: tuple[Hashable, ...]
    found: tuple[FoundExecution, ...] = ()
    invalid: tuple[str, ...] = ()
    """Why executions were invalid, each reason once."""
    grounds: Grounds | None = None
    """The grounds of a complete search, and what it has learnt; None where nothing was tried."""
    failures: UnderFailures | None = None
    """The searches under failures; None where nothing goes wrong."""

    @property
    def established(self) -> str:
        """The coverage, and what it rests on."""
        return resting(self.coverage, self.grounds)

    @property
    def claimed(self) -> str:
        """The claim of a complete search, in words."""
        return claimed(self.established, self.failures, tried=self.grounds is not None)


class Guide(Protocol):
    """Makes the choices of one execution, beyond the part that is repeated."""

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        """Return who moves; None leaves the execution (``pending`` is never empty)."""
        ...

    def took(self, taken: Taken) -> None:
        """Be told of the step that was made, also of a choice that was forced."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """One execution to make: repeat ``prefix``, then follow a new ``guide``.

    ``key`` names the plan within its scheduler. It can be pickled, to be executed elsewhere.
    """

    key: int
    prefix: tuple[Expected, ...]
    guide: Callable[[], Guide]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """``complete`` claims that no execution is left that differs from those explored."""

    complete: bool
    words: str


class Scheduler(Protocol):
    """Decides which executions to make, one after the other.

    Plans are committed strictly in the order of ``upcoming``, whoever executed them and when;
    so what a search does, counts and finds does not depend on how many lanes it has.
    """

    def upcoming(self, count: int) -> Sequence[Plan]:
        """The next plans, at most ``count``, as far as known; empty when nothing is left."""
        ...

    def commit(self, plan: Plan, run: Run) -> bool:
        """Learn from the run of the first upcoming plan.

        False if the run was made ahead and its choices are not those that would be made now:
        then the plan stays first, to be executed again.
        """
        ...

    def abandon(self, plan: Plan) -> None:
        """The first upcoming plan cannot be executed; what it would have shown stays unknown."""
        ...

    @property
    def waiting(self) -> int:
        """Return how many plans are known to be left."""
        ...

    def coverage(self, actors: int, steps: str) -> Coverage:
        """Return what the runs committed so far cover; ``steps`` says what kind of steps there
        are."""
        ...


def context_switches(taken: Sequence[Taken]) -> int:
    """Return how often another actor than before makes a step that is not local."""
    movers = [step.actor for step in taken if not step.footprint.empty]
    return sum(one != other for one, other in pairwise(movers))


def preemptive_switches(taken: Sequence[Taken]) -> int:
    """Return how often the turn is taken from an actor that could make another step; local ones,
    which are made at once, do not count."""
    movers = [step for step in taken if not step.footprint.empty]
    return sum(
        one.actor != other.actor and one.actor in other.enabled for one, other in pairwise(movers)
    )
