"""The claims that a search relied on, gathered from its executions: each kind once.

*Pairs*: steps of two actors taken to commute. *Moments*: statements that commit by themselves,
taken to happen at once. *Deferrals*: statements not sent before the holder of a lock commits,
since they would only wait. *Kills*: what others looked at or locked, taken to come to the same
before and after the kill of their process; a kill is in no pair, since who is dead does nothing.

A step is told by its kind and the kind of its actor's next one, since it lasts until that: what
the service does in between belongs to it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from paidonce.harness.explore.footprint.model import EVERYTHING, Footprint
from paidonce.harness.explore.search.happens_before import Footprints, Order, OrderedStep
from paidonce.harness.explore.search.types import Run
from paidonce.harness.explore.search.world import Taken
from paidonce.harness.explore.validate.learnt import Pair, kind, pair
from paidonce.harness.explore.validate.linear import Linearization, last
from paidonce.harness.taps.faults import Crash

END = "the end"
Step = tuple[str, str]
"""The kind of a step, and that of its actor's next one."""
PairOfSteps = tuple[Step, Step]
_STRIPE = "stripe "
PLACES = 3
"""In how many different places a moment is held open: before which steps of the others."""


@dataclass
class Kept:
    """An execution worth repeating in another order."""

    run: Run
    footprints: Footprints

    @cached_property
    def order(self) -> Order:
        return order_of(self.run.taken, self.footprints)

    def beside(self, kill: int) -> tuple[int, ...]:
        """The steps before that one, of others, that are taken to come to the same after it."""
        order = self._searched
        return tuple(
            one
            for one in range(kill)
            if order.steps[one].actor != order.steps[kill].actor and not order.before(one, kill)
        )

    @cached_property
    def _searched(self) -> Order:
        """Happens-before as the search had it: with kills that commute."""
        return order_of(self.run.taken, self.footprints, kills_commute=True)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return steps_of(self.run.taken)

    @property
    def actors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.run.schedule))

    def names(self, one: int, other: int) -> PairOfSteps:
        first, second = sorted((self.steps[one], self.steps[other]))
        return first, second

    def kinds(self, one: int, other: int) -> Pair:
        return pair(self.steps[one][0], self.steps[other][0])

    def schedule(self, linearization: Linearization) -> tuple[str, ...]:
        return tuple(self.run.taken[step].actor for step in linearization)

    def last(self, actor: str) -> Linearization:
        return last(self.order, actor)


@dataclass(frozen=True, slots=True)
class Moment:
    """Step ``at`` of ``kept``, to be held open while ``other`` goes as far as it can."""

    kept: Kept
    at: int
    other: str


@dataclass(frozen=True, slots=True)
class Deferral:
    """Step ``at`` of ``kept``, which waits if it is made after step ``after``."""

    kept: Kept
    at: int
    after: int


@dataclass
class Claims:
    """See the module. Of a search that is not ``reduced`` there are no pairs."""

    reduced: bool = True
    wanted: bool = True
    """False where none of them will be tried: then it is only seen who waited."""
    pairs: dict[PairOfSteps, tuple[Kept, int, int]] = field(default_factory=dict)
    moments: dict[str, dict[str, Moment]] = field(default_factory=dict)
    """By the kind of the statement, and of the step that the other would make next."""
    deferrals: dict[str, Deferral] = field(default_factory=dict)
    kills: dict[PairOfSteps, tuple[Kept, int]] = field(default_factory=dict)
    whole: list[Kept] = field(default_factory=list)
    """The first few executions."""
    waited: bool = False
    """True if anybody waited for a lock of the database's, or was deferred instead."""
    called_stripe: bool = False
    """True if any step was a call to Stripe, whose answer was waited for."""
    runs: int = 0
    footprints: Footprints = field(default_factory=Footprints)

    def add(self, run: Run) -> None:
        """Look at an execution that went to its end."""
        self.runs += 1
        self.waited = self.waited or any(one.at_lock or one.tenures for one in run.taken)
        self.called_stripe = self.called_stripe or any(map(_is_stripes, run.taken))
        if not self.wanted:
            return
        kept = Kept(run, self.footprints)
        if len(self.whole) < PLACES:
            self.whole.append(kept)
        if self.reduced:
            self._add_pairs(kept)
            self._add_kills(kept)
        for at, step in enumerate(run.taken):
            if step.moment:
                self._add_moment(kept, at)
            if step.tenures and kind(step.actor, step.label) not in self.deferrals:
                self._add_deferral(kept, at)

    def _add_pairs(self, kept: Kept) -> None:
        taken, order = kept.run.taken, kept.order
        for later, step in enumerate(taken):
            for earlier in range(later):
                if taken[earlier].actor != step.actor and not order.before(earlier, later):
                    self.pairs.setdefault(kept.names(earlier, later), (kept, earlier, later))

    def _add_kills(self, kept: Kept) -> None:
        for at, step in enumerate(kept.run.taken):
            if isinstance(step.fault, Crash):
                for one in kept.beside(at):
                    self.kills.setdefault(kept.names(one, at), (kept, at))

    def leave_out(self, settled: Settled) -> None:
        """Leave out what was confirmed before."""
        self.pairs = {n: c for n, c in self.pairs.items() if n not in settled.pairs}
        self.kills = {n: c for n, c in self.kills.items() if n not in settled.kills}
        self.moments = {n: c for n, c in self.moments.items() if n not in settled.moments}
        self.deferrals = {n: c for n, c in self.deferrals.items() if n not in settled.deferrals}

    @property
    def nothing(self) -> bool:
        """Return whether nothing was relied on, or nothing is left of it."""
        return not (self.pairs or self.moments or self.deferrals or self.kills)

    def _add_moment(self, kept: Kept, at: int) -> None:
        taken = kept.run.taken
        name = kind(taken[at].actor, taken[at].label)
        places = self.moments.setdefault(name, {})
        for other in kept.actors:
            if other == taken[at].actor:
                continue
            coming = next((step for step in taken[at + 1 :] if step.actor == other), None)
            if coming is None:
                continue
            before = kind(other, coming.label)
            if before not in places and len(places) < PLACES:
                places[before] = Moment(kept, at, other)

    def _add_deferral(self, kept: Kept, at: int) -> None:
        """A place within a tenure where the step has all it needs, and nobody else is before it
        until it is made in ``kept``."""
        order, step = kept.order, kept.run.taken[at]
        mine = self.footprints.number(step.footprint)
        for tenure in step.tenures:
            own = [one for one in range(at) if order.steps[one].actor == step.actor]
            after = max([tenure.first, *own, *([] if step.follows is None else [step.follows])])
            in_the_way = any(
                self.footprints.conflict(mine, order.steps[one].footprint)
                and not (order.steps[one].actor == tenure.actor and one <= tenure.last)
                for one in range(after + 1, at)
            )
            if after < tenure.last < at and not in_the_way:
                self.deferrals[kind(step.actor, step.label)] = Deferral(kept, at, after)
                return


@dataclass
class Settled:
    """The claims that searches before have confirmed, by their names."""

    pairs: set[PairOfSteps] = field(default_factory=set)
    kills: set[PairOfSteps] = field(default_factory=set)
    moments: set[str] = field(default_factory=set)
    deferrals: set[str] = field(default_factory=set)

    def add(
        self,
        pairs: Collection[PairOfSteps],
        kills: Collection[PairOfSteps],
        moments: Collection[str],
        deferrals: Collection[str],
    ) -> None:
        """Take in what was confirmed."""
        self.pairs.update(pairs)
        self.kills.update(kills)
        self.moments.update(moments)
        self.deferrals.update(deferrals)


def order_of(
    taken: Sequence[Taken], footprints: Footprints, *, kills_commute: bool = False
) -> Order:
    """Happens-before of an execution, in which a kill comes after all that was made before it and
    before all that was made later, unless ``kills_commute``."""

    def touched(step: Taken) -> Footprint:
        kills = isinstance(step.fault, Crash) and not kills_commute
        return EVERYTHING if kills else step.footprint

    return Order(
        footprints,
        [
            OrderedStep(
                step.actor,
                footprints.number(touched(step)),
                step.chosen_from,
                step.tenures,
                step.follows,
            )
            for step in taken
        ],
    )


def steps_of(taken: Sequence[Taken]) -> tuple[Step, ...]:
    """The kind of each step, with that of its actor's next one."""
    coming: dict[str, str] = {}
    found: list[Step] = []
    for step in reversed(taken):
        name = kind(step.actor, step.label)
        found.append((name, coming.get(step.actor, END)))
        coming[step.actor] = name
    return tuple(reversed(found))


def _is_stripes(step: Taken) -> bool:
    """Return whether a step is a call to Stripe: labels begin with the tap's name."""
    return step.label.startswith(_STRIPE)
