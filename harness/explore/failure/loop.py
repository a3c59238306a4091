"""The search under failures: one attempt alone with each of them, then all attempts.

Below each plan the search that exists is made, complete or not. A plan that nothing came to, since
no execution reached that step, is covered by the search without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from paidonce.harness.explore.cluster.service_lanes import Elsewhere
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.failing import Offers
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.failure.plans import Chosen, Plan, Usual, grown, in_words
from paidonce.harness.explore.relying import Relying
from paidonce.harness.explore.search import Ending, SearchResult
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.results.failures import PlanResult, UnderFailures
from paidonce.harness.service.script import clients_among

Search = Callable[[Sequence[ServiceWorlds], Mode, Elsewhere | None], Relying]
"""Makes a search in a mode on these lanes, with what is left of the budget."""


@dataclass
class Found:
    """A counterexample under failures: its search, and the lanes on which it can be made again."""

    result: SearchResult
    worlds: Sequence[ServiceWorlds]


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
    every_crash: bool = False
    plans: list[PlanResult] = field(default_factory=list)
    found: Found | None = None

    async def run(self) -> UnderFailures:
        """Search until all is done, something was found, or the time is over."""
        if len(clients_among(self.worlds[0].scenario.attempts)) > 1:
            await self._each_alone()
        if self.found is None:
            await self._below(self.worlds, self.known, self.offers, self.elsewhere, alone=False)
        if self.found is None:
            for each in self.worlds:
                each.mode = replace(each.mode, failures=frozenset())
        return UnderFailures(at_most=self.at_most, plans=tuple(self.plans))

    async def _each_alone(self) -> None:
        """One attempt of each kind, with nobody else there, and each failure."""
        seen = set()
        for attempt in clients_among(self.worlds[0].scenario.attempts):
            if attempt.likeness in seen or self.found is not None or self.spent():
                continue
            seen.add(attempt.likeness)
            alone = [
                replace(each.telling(each.scenario.keeping({attempt.name})), offers=Offers())
                for each in self.worlds[:1]
            ]
            relying = self.search(alone, replace(self.known, failures=frozenset()), None)
            result = await relying.result()
            # What is broken by who is alone and meets no failure needs the others.
            if result.ending is Ending.COMPLETE:
                await self._below(alone, relying.mode, alone[0].offers, None, alone=True)

    async def _below(
        self,
        worlds: Sequence[ServiceWorlds],
        known: Mode,
        offers: Offers,
        elsewhere: Elsewhere | None,
        *,
        alone: bool,
    ) -> None:
        """Search below every plan that ``offers`` lead to."""
        first = worlds[0]
        likeness = {
            one.name: one.likeness if known.in_turn else one.name for one in first.scenario.attempts
        }
        layer: list[tuple[Plan, Offers]] = [(frozenset(), offers)]
        for _ in range(self.at_most):
            plans: dict[Plan, None] = {}
            for plan, could in layer:
                every = self.every_crash or known.shared_memory
                found = grown(plan, could, likeness, self.chosen, every_crash=every)
                plans.update(dict.fromkeys(found))
            layer = []
            for plan in plans:
                could = await self._plan(worlds, known, plan, elsewhere, alone=alone)
                if self.found is not None:
                    return
                layer.append((plan, could))

    async def _plan(
        self,
        worlds: Sequence[ServiceWorlds],
        known: Mode,
        plan: Plan,
        elsewhere: Elsewhere | None,
        *,
        alone: bool,
    ) -> Offers:
        """Search below one plan; returns what could have gone wrong besides."""
        told = PlanResult(
            failures=tuple(sorted(one.label for one in plan)),
            kinds=tuple(sorted(one.possible.label for one in plan)),
            alone=alone,
        )
        if reason := self.spent():
            self.plans.append(msgspec.structs.replace(told, reason=reason))
            return Offers()
        for each in worlds:
            each.offers = Offers()
        if elsewhere is not None:
            elsewhere.offers = Offers()
        began = time.monotonic()
        relying = self.search(worlds, replace(known, failures=plan), elsewhere)
        try:
            result = await relying.result()
        except InvalidRun as error:
            seconds = time.monotonic() - began
            self.plans.append(msgspec.structs.replace(told, reason=str(error), seconds=seconds))
            return Offers()
        incomplete = result.ending is Ending.INCOMPLETE
        self.plans.append(
            msgspec.structs.replace(
                told,
                executions=result.counts.executions,
                seconds=time.monotonic() - began,
                reason=f"{in_words(plan)}: {result.reason}" if incomplete else "",
                found=result.ending is Ending.COUNTEREXAMPLE,
            )
        )
        if result.ending is Ending.COUNTEREXAMPLE:
            self.found = Found(result, worlds)
        could = Offers()
        for each in worlds:
            could.add(each.offers)
        if elsewhere is not None:
            could.add(elsewhere.offers)
        return could
