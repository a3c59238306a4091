"""Makes a failing schedule as small as it can: fewest attempts, then fewest context switches.

Every candidate is executed, and counts only if the judge calls its outcome INVALID; what is
returned did fail. Three passes:

1. Leave out an attempt, and again, as long as something still fails: the same schedule without
   it first, then a short search for another (``Bounded``: few preemptive switches first).
2. Merge two blocks of the same actor, or let the rest go as it likes from some point on (delta
   debugging: Zeller & Hildebrandt, *Simplifying and isolating failure-inducing input*, IEEE TSE
   2002), as long as that leaves fewer preemptive
   context switches, or as many and fewer in all.
3. Search for any counterexample with fewer preemptive switches.

Deterministic: the same schedule gives the same result, unless seconds ran out.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import msgspec

from paidonce.harness.explore.search.choices import at_once
from paidonce.harness.explore.search.engine import search
from paidonce.harness.explore.search.execute import execute
from paidonce.harness.explore.search.schedulers.bounded import Bounded
from paidonce.harness.explore.search.types import (
    Budget,
    Execution,
    Judge,
    Plan,
    Run,
    Schedule,
    context_switches,
    preemptive_switches,
)
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken, Worlds
from paidonce.harness.verdict import Status, Verdict

Without = Callable[[frozenset[str]], Awaitable[Worlds | None]]
"""Worlds without these actors, or None if they cannot be left out."""

SEARCH_SHARE = 4
"""One short search takes at most this fraction of what is left of the budget."""


class Shrunk(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest failing execution found.

    ``dropped`` are the actors it does without. ``executions`` counts what it took. ``settled``
    tells that no pass had anything left to try when it ended, rather than the budget: no actor
    can be left out without the failure going (as far as the short searches saw), and no pair of
    blocks merged. ``fewest`` claims that no schedule of the same actors fails with fewer
    preemptive switches, the last search having explored all of those.
    """

    execution: Execution
    dropped: frozenset[str]
    executions: int
    settled: bool
    fewest: bool


async def shrink(
    worlds: Worlds,
    judge: Judge,
    schedule: Schedule,
    *,
    without: Without | None = None,
    budget: Budget | None = None,
) -> Shrunk | None:
    """The smallest variant of ``schedule`` that fails; None if it does not fail itself.

    ``budget`` (by default 500 schedules) bounds all executions together. Invalid ones count as
    not failing. ``without`` is asked for worlds with fewer actors; None keeps all.
    """
    run = _Shrinking(judge, budget or Budget(schedules=500))
    first = await run.attempt(worlds, schedule, exactly=True)
    if first is None:
        return None
    run.best = first
    try:
        tidy = await run.attempt(worlds, _choices(first))
        if tidy is not None:
            run.best = tidy
        if without is not None:
            worlds = await _drop_actors(run, worlds, without)
        await _merge(run, worlds)
        fewest = await _search_fewer(run, worlds)
        await _merge(run, worlds)
        settled = True
    except _Spent:
        settled = fewest = False
    return Shrunk(
        execution=run.best,
        dropped=frozenset(run.dropped),
        executions=run.executions,
        settled=settled,
        fewest=fewest,
    )


class _Spent(Exception):
    """The budget is."""


@dataclass(slots=True)
class _Shrinking:
    judge: Judge
    budget: Budget
    began: float = field(default_factory=time.monotonic)
    executions: int = 0
    dropped: set[str] = field(default_factory=set)
    tried: set[tuple[frozenset[str], Schedule]] = field(default_factory=set)
    found: Execution | None = None

    @property
    def best(self) -> Execution:
        assert self.found is not None
        return self.found

    @best.setter
    def best(self, execution: Execution) -> None:
        self.found = execution

    def left(self) -> Budget:
        """Return what is left of the budget; raises ``_Spent`` if nothing is."""
        schedules = self.budget.schedules
        seconds = self.budget.seconds
        if schedules is not None:
            schedules -= self.executions
        if seconds is not None:
            seconds -= time.monotonic() - self.began
        if (schedules is not None and schedules <= 0) or (seconds is not None and seconds <= 0):
            raise _Spent
        return Budget(schedules=schedules, seconds=seconds)

    async def attempt(
        self, worlds: Worlds, wanted: Schedule, *, exactly: bool = False
    ) -> Execution | None:
        """Execute ``wanted`` as far as it can be followed; the execution if that fails.

        Unless it is to be followed ``exactly``, local steps are no part of ``wanted``.
        """
        self.left()
        self.executions += 1
        try:
            run = await execute(worlds, Plan(0, (), lambda: _Loosely(wanted, exactly)))
        except InvalidRun:
            return None
        return self._failing(run)

    def _failing(self, run: Run) -> Execution | None:
        verdict: Verdict = self.judge(run.outcome)
        if verdict.status is not Status.INVALID:
            return None
        return Execution(
            number=self.executions, taken=run.taken, outcome=run.outcome, verdict=verdict
        )

    async def short_search(
        self, worlds: Worlds, limit: int | None, share: int
    ) -> tuple[Execution | None, bool]:
        """The first counterexample with at most ``limit`` preemptive switches.

        Also, whether it is certain that there is none with fewer (or none at all, if none is
        given): ``Bounded`` has explored all with fewer before it comes to one with more.
        """
        left = self.left()
        part = Budget(
            schedules=None if left.schedules is None else max(1, left.schedules // share),
            seconds=None if left.seconds is None else left.seconds / share,
        )
        scheduler = Bounded(limit=limit)
        result = await search([worlds], self.judge, scheduler, budget=part, retries=0)
        self.executions += result.counts.executions
        certain = not (result.counts.invalid or result.counts.unjudged)
        if result.found:
            return result.found[0].execution, certain
        return None, certain and limit is not None and scheduler.covers(limit)


async def _drop_actors(run: _Shrinking, worlds: Worlds, without: Without) -> Worlds:
    again = True
    while again:
        again = False
        actors = sorted({actor for step in run.best.taken for actor in step.enabled})
        for actor in actors if len(actors) > 1 else ():
            fewer = await without(frozenset(run.dropped | {actor}))
            if fewer is None:
                continue
            kept = tuple(choice for choice in _choices(run.best) if choice != actor)
            execution = await run.attempt(fewer, kept)
            if execution is None:
                execution, _ = await run.short_search(fewer, None, SEARCH_SHARE)
            if execution is not None:
                run.best = execution
                run.dropped.add(actor)
                worlds = fewer
                again = True
    return worlds


async def _merge(run: _Shrinking, worlds: Worlds) -> None:
    again = True
    while again:
        again = False
        for candidate in _candidates(_choices(run.best)):
            key = (frozenset(run.dropped), candidate)
            if key in run.tried:
                continue
            execution = await run.attempt(worlds, candidate)
            run.tried.add(key)
            if execution is not None and _size(execution) < _size(run.best):
                run.best = execution
                again = True
                break


async def _search_fewer(run: _Shrinking, worlds: Worlds) -> bool:
    """Replace the best by one with the fewest preemptive switches; whether that is certain."""
    fewest = preemptive_switches(run.best.taken)
    if fewest == 0:
        return True
    execution, certain = await run.short_search(worlds, fewest - 1, 1)
    if execution is not None:
        run.best = execution
    return certain


def _size(execution: Execution) -> tuple[int, int, int]:
    taken = execution.taken
    return preemptive_switches(taken), context_switches(taken), len(taken)


def _choices(execution: Execution) -> Schedule:
    return tuple(step.actor for step in execution.taken if not step.footprint.empty)


def _candidates(schedule: Schedule) -> Iterator[Schedule]:
    """Schedules like ``schedule``, those with the most changed first."""
    blocks = [tuple(group) for _, group in groupby(schedule)]
    # Let the rest go as it likes, from ever later on.
    for end in range(1, len(blocks)):
        yield _joined(blocks[:end])
    for one in range(len(blocks)):
        for other in range(one + 2, len(blocks)):
            if blocks[one][0] != blocks[other][0]:
                continue
            between = blocks[one + 1 : other]
            head, tail = blocks[:one], blocks[other + 1 :]
            yield _joined([*head, blocks[one], blocks[other], *between, *tail])
            yield _joined([*head, *between, blocks[one], blocks[other], *tail])
    for one in range(len(blocks)):
        yield _joined([*blocks[:one], *blocks[one + 1 :]])


def _joined(blocks: Sequence[Schedule]) -> Schedule:
    return tuple(actor for block in blocks for actor in block)


class _Loosely:
    """Follows a schedule, leaving out who cannot move; after its end nobody is interrupted."""

    def __init__(self, schedule: Schedule, exactly: bool) -> None:
        self._exactly = exactly
        self._rest = list(reversed(schedule))
        self._last: str | None = None

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        able = [choice.actor for choice in pending]
        local = at_once(pending, self._last)
        if local is not None and not (self._exactly and self._rest):
            return local
        while self._rest:
            actor = self._rest.pop()
            if actor in able:
                return actor
        if local is not None:
            return local
        return self._last if self._last in able else able[0]

    def took(self, taken: Taken) -> None:
        if not taken.footprint.empty:
            self._last = taken.actor
