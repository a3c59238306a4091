"""The search under failures: one attempt alone with each of them, then all attempts.

Below each plan the search that exists is made, complete or not. A plan that nothing came to, since
no execution reached that step, is covered by the search without it.

What must never happen is looked for below all plans first. An execution that is only not at rest
once it has recovered is the counterexample where nothing worse was found: else the first answer
that Stripe keeps would hide a second charge.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from paidonce.harness.explore.cluster.service_lanes import Elsewhere, parted
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.failing import Offers
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.outcome import (
    ExecutionOutcome,
    judge_outcome,
    judge_safety,
)
from paidonce.harness.explore.failure.plans import Chosen, Plan, Usual, grown, in_words
from paidonce.harness.explore.relying import Relying
from paidonce.harness.explore.search import Ending, Judge, SearchResult
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.history import Outcome
from paidonce.harness.results.failures import PlanResult, UnderFailures, together
from paidonce.harness.results.grounds import Grounds, Wrong
from paidonce.harness.service.script import clients_among
from paidonce.harness.taps.faults import Crash

Search = Callable[[Sequence[ServiceWorlds], Mode, Elsewhere | None], Relying]
"""Makes a search in a mode on these lanes, with what is left of the budget."""


@dataclass
class Found:
    """A counterexample under failures: its search, and the lanes on which it can be made again."""

    result: SearchResult
    worlds: Sequence[ServiceWorlds]


@dataclass(frozen=True)
class Below:
    """The result of the search below one plan."""

    told: PlanResult
    offers: Offers = field(default_factory=Offers)
    outcomes: tuple[Hashable, ...] = ()
    found: Found | None = None
    swept: bool = False
    """True if only those do not come to rest that recovered with sweeps first."""

    @property
    def unsettled(self) -> bool:
        """Return whether an execution does not come to rest, and nothing worse."""
        return any(
            isinstance(outcome, ExecutionOutcome) and outcome.unsettled for outcome in self.outcomes
        )


@dataclass(frozen=True)
class _Again:
    """The search below a plan that is to be made again."""

    on: _Lanes
    known: Mode
    plan: Plan
    alone: bool


@dataclass(frozen=True)
class _Lanes:
    """Lanes that make one search together."""

    worlds: Sequence[ServiceWorlds]
    elsewhere: Elsewhere | None

    @property
    def one_execution(self) -> bool:
        """Return whether nobody can move but one attempt."""
        return len(self.worlds[0].scenario.attempts) == 1

    async def parted(self) -> str:
        """Return how what was played once the services were warm goes another way by now; empty
        if it does not."""
        return await parted(self.worlds, self.elsewhere)

    def begin(self) -> None:
        """Forget what could have gone wrong in the search before."""
        for each in self.worlds:
            each.offers = Offers()
        if self.elsewhere is not None:
            self.elsewhere.offers = Offers()

    def offers(self) -> Offers:
        """Return what could have gone wrong in the search that is over."""
        could = Offers()
        for each in self.worlds:
            could.add(each.offers)
        if self.elsewhere is not None:
            could.add(self.elsewhere.offers)
        return could


@dataclass
class FailureLoop:
    """Searches under at most ``at_most`` failures, after a search without any."""

    worlds: Sequence[ServiceWorlds]
    search: Search
    spent: Callable[[], str]
    """Tells why no more is searched; empty as long as there is time."""
    at_most: int
    known: Mode
    """The mode in which the search without failures ended."""
    offers: Offers
    """The failures that were possible in that."""
    chosen: Chosen = field(default_factory=Usual)
    elsewhere: Elsewhere | None = None
    both_orders: bool = False
    """True if one attempt alone recovers in both orders: it asks again first, and sweeps first."""
    swept: int = 0
    """The plans of one attempt alone below which both orders were searched."""
    outcomes: dict[Hashable, None] = field(default_factory=dict)
    """The outcomes that differ, of all searches."""
    plans: list[PlanResult] = field(default_factory=list)
    found: Found | None = None
    grounds: Grounds | None = None
    """The claims that these searches relied on beyond those of the one before them, where they were
    tried."""
    _kills_matter: bool = False
    """True if a kill was found to make a difference that it was taken not to make."""
    _unsettled: _Again | None = None
    """The first plan below which an execution does not come to rest."""

    async def run(self) -> UnderFailures:
        """Search until all is done, something was found, or the time is over."""
        await self._below_all()
        if self._kills_matter and self.found is None and not self.known.every_crash:
            # Then no kill is taken to come to the same as another.
            self.known = replace(self.known, every_crash=True)
            self.plans, self._unsettled, self.swept = [], None, 0
            await self._below_all()
        if self.found is None and (again := self._unsettled) is not None:
            below = await self._plan(again.on, again.known, again.plan, judge_outcome, again.alone)
            self.found, plan = below.found, below.told
            if self.found is None and not plan.reason:
                reason = "an execution did not come to rest, and did when it was made again"
                plan = msgspec.structs.replace(plan, reason=f"{in_words(again.plan)}: {reason}")
            self.plans.append(plan)
        if self.found is None:
            for each in self.worlds:
                each.mode = replace(each.mode, failures=frozenset(), sweeps_first=False)
        return UnderFailures(at_most=self.at_most, plans=tuple(self.plans), grounds=self.grounds)

    async def _below_all(self) -> None:
        """Search below all plans: of one attempt alone first, then of all."""
        if len(clients_among(self.worlds[0].scenario.attempts)) > 1:
            await self._each_alone()
        if self.found is None:
            lanes = _Lanes(self.worlds, self.elsewhere)
            await self._below([lanes], self.known, self.offers, alone=False)

    async def _each_alone(self) -> None:
        """One attempt of each kind, with nobody else there, and each failure.

        Most of these searches are one execution: so each lane makes one of them.
        """
        seen = set()
        for attempt in clients_among(self.worlds[0].scenario.attempts):
            if attempt.likeness in seen or self.found is not None or self.spent():
                continue
            seen.add(attempt.likeness)
            alone = [
                replace(each.telling(each.scenario.keeping({attempt.name})), offers=Offers())
                for each in self.worlds
            ]
            relying = self.search(alone[:1], replace(self.known, failures=frozenset()), None)
            result = await relying.result()
            # What is broken by who is alone and meets no failure needs the others.
            if result.ending is Ending.COMPLETE:
                lanes = [_Lanes([each], None) for each in alone]
                await self._below(lanes, relying.mode, alone[0].offers, alone=True)

    async def _below(
        self, lanes: Sequence[_Lanes], known: Mode, offers: Offers, *, alone: bool
    ) -> None:
        """Search below every plan that ``offers`` lead to, one plan on each of ``lanes``."""
        first, only = lanes[0].worlds[0], lanes[0].one_execution
        likeness = {
            attempt.name: attempt.likeness if known.in_turn else attempt.name
            for attempt in first.scenario.attempts
        }
        layer: list[tuple[Plan, Offers]] = [(frozenset(), offers)]
        for _ in range(self.at_most):
            plans: dict[Plan, None] = {}
            for plan, could in layer:
                every = known.every_crash or known.shared_memory
                found = grown(plan, could, likeness, self.chosen, every_crash=every, alone=only)
                plans.update(dict.fromkeys(found))
            layer = await self._layer(lanes, known, list(plans), alone=alone)
            if self.found is not None:
                return

    async def _layer(
        self, lanes: Sequence[_Lanes], known: Mode, plans: Sequence[Plan], *, alone: bool
    ) -> list[tuple[Plan, Offers]]:
        """Search below ``plans``, and take what comes of it in their order; returns what could
        have gone wrong besides, by plan."""
        left = iter(enumerate(plans))
        made: dict[int, tuple[Below, _Lanes]] = {}

        async def work(on: _Lanes) -> None:
            unsure: list[tuple[int, Plan]] = []

            async def sure() -> None:
                # What is left behind stays, so it is looked for once after several plans.
                if unsure and await on.parted():
                    for number, plan in unsure:
                        made[number] = await self._in_orders(on, known, plan, alone), on
                unsure.clear()

            for number, plan in left:
                if any(below.found is not None for below, _ in made.values()):
                    return
                later = on.one_execution and not any(isinstance(f.fault, Crash) for f in plan)
                if not later:  # with a process goes what it remembers
                    await sure()
                below = await self._in_orders(on, known, plan, alone, looks_back=not later)
                made[number] = below, on
                if later:
                    unsure.append((number, plan))
            await sure()

        await asyncio.gather(*(work(on) for on in lanes))
        layer = []
        for number in sorted(made):
            below, on = made[number]
            self.plans.append(below.told)
            self.outcomes.update(dict.fromkeys(below.outcomes))
            layer.append((plans[number], below.offers))
            if below.unsettled and self._unsettled is None:
                again = replace(known, sweeps_first=below.swept)
                self._unsettled = _Again(on, again, plans[number], alone)
            if below.found is not None:
                self.found = below.found
                break
        return layer

    async def _in_orders(
        self, on: _Lanes, known: Mode, plan: Plan, alone: bool, *, looks_back: bool = True
    ) -> Below:
        """Search below one plan, of one attempt alone in both orders of recovery."""
        below = await self._plan(on, known, plan, judge_safety, alone, looks_back=looks_back)
        only = len(clients_among(on.worlds[0].scenario.attempts)) == 1
        if not (self.both_orders and only) or below.found is not None or below.told.reason:
            return below
        if all(map(_answered_well, below.outcomes)):  # nobody asks again, nothing is delivered
            return below
        swept = replace(known, sweeps_first=True)
        other = await self._plan(on, swept, plan, judge_safety, alone, looks_back=looks_back)
        self.swept += 1
        told = msgspec.structs.replace(
            other.told,
            executions=below.told.executions + other.told.executions,
            seconds=below.told.seconds + other.told.seconds,
        )
        outcomes = (*below.outcomes, *other.outcomes)
        return Below(told, below.offers, outcomes, other.found, swept=not below.unsettled)

    async def _plan(
        self,
        on: _Lanes,
        known: Mode,
        plan: Plan,
        judge: Judge,
        alone: bool,
        *,
        looks_back: bool = True,
    ) -> Below:
        """Search below one plan for what ``judge`` finds invalid."""
        told = PlanResult(
            failures=tuple(sorted(planned_failure.label for planned_failure in plan)),
            kinds=tuple(sorted(planned_failure.possible.label for planned_failure in plan)),
            alone=alone,
        )
        if reason := self.spent():
            return Below(msgspec.structs.replace(told, reason=reason))
        on.begin()
        began = time.monotonic()
        relying = self.search(on.worlds, replace(known, failures=plan), on.elsewhere)
        relying.judge, relying.looks_back = judge, looks_back
        try:
            result = await relying.result()
        except InvalidRun as error:
            seconds = time.monotonic() - began
            reason = f"{in_words(plan)}: {error}"
            return Below(msgspec.structs.replace(told, reason=reason, seconds=seconds))
        self._kills_matter |= any(lesson.wrong is Wrong.KILL for lesson in relying.lessons)
        if relying.validation is not None:
            self.grounds = together(self.grounds or Grounds(), result.grounds or Grounds())
        incomplete = result.ending is Ending.INCOMPLETE
        found = result.ending is Ending.COUNTEREXAMPLE
        told = msgspec.structs.replace(
            told,
            executions=result.counts.executions,
            seconds=time.monotonic() - began,
            reason=f"{in_words(plan)}: {result.reason}" if incomplete else "",
            found=found,
        )
        return Below(
            told, on.offers(), result.outcomes, Found(result, on.worlds) if found else None
        )


def _answered_well(outcome: Hashable) -> bool:
    """Return whether all that was asked in an execution was answered well at once."""
    assert isinstance(outcome, ExecutionOutcome)
    return all(answer[2] == Outcome.OK for answer in outcome.answers)
