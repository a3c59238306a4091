"""The search itself: executes a scheduler's plans on several lanes and judges what they give.

```
scheduler.upcoming ──> lanes execute, several ahead ──> commit in the scheduler's order ──> judge
        ^                                                        |
        └────────────────────────────────────────────────────────┘
```

What is executed ahead is not counted before its turn, so results do not depend on the number of
lanes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from harness.errors import UsageError
from harness.explore.search.determinism import Recheck
from harness.explore.search.running import execute
from harness.explore.search.types import (
    Budget,
    Counts,
    Ending,
    Execution,
    Found,
    Judge,
    Nondeterministic,
    Plan,
    Progress,
    Result,
    Run,
    Scheduler,
    ServedAnother,
)
from harness.explore.world import InvalidRun, Worlds
from harness.verdict import Status

AHEAD = 2
"""Plans looked at for each lane; more would be executed earlier, and more of them in vain."""


async def search(
    worlds_per_lane: Sequence[Worlds],
    judge: Judge,
    scheduler: Scheduler,
    *,
    budget: Budget | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop_at_first: bool = True,
    retries: int = 2,
    recheck: Recheck | None = None,
    steps: str = "tap steps",
) -> Result:
    """Explore until a counterexample, the end, or the budget's.

    One execution at a time goes on in each of ``worlds_per_lane``. An invalid execution is made
    again, at most ``retries`` times; if none succeeds, or a recheck finds that a schedule does
    not determine its execution, the result is never complete. ``steps`` is what the statement
    of coverage calls the steps. ``stop_at_first`` false goes on after a counterexample.

    Whatever escapes from a world other than ``InvalidRun`` ends the search and is raised.
    Raises ``UsageError`` without a lane or with negative ``retries``.
    """
    if not worlds_per_lane:
        raise UsageError("search: worlds_per_lane is empty; expected at least one lane")
    if retries < 0:
        raise UsageError(f"search: retries is {retries}; expected 0 or more")
    lanes = _Lanes(worlds_per_lane, retries, recheck)
    ahead = AHEAD * len(worlds_per_lane) if len(worlds_per_lane) > 1 else 1
    tally = _Tally(judge)
    bounds = budget or Budget()
    deadline = None if bounds.seconds is None else tally.began + bounds.seconds
    reason = ""
    try:
        while plans := scheduler.upcoming(ahead):
            reason = _spent(bounds, tally, deadline)
            if reason:
                break
            made = await lanes.result(plans, deadline)
            if made is None:
                continue
            if made.run is None:
                scheduler.abandon(plans[0])
            elif not scheduler.commit(plans[0], made.run):
                continue
            tally.add(made)
            if progress is not None:
                progress(tally.progress(scheduler.waiting))
            if tally.found and stop_at_first:
                break
    finally:
        await lanes.stop()
    return _result(scheduler, tally, reason, steps)


def _spent(budget: Budget, tally: _Tally, deadline: float | None) -> str:
    if budget.schedules is not None and tally.counts.executions >= budget.schedules:
        return f"the budget of {budget.schedules} schedules is spent"
    if deadline is not None and time.monotonic() >= deadline:
        return f"the budget of {budget.seconds:g} seconds is spent"
    return ""


def _result(scheduler: Scheduler, tally: _Tally, reason: str, steps: str) -> Result:
    coverage = scheduler.coverage(len(tally.actors), steps)
    reasons = [reason] if reason else []
    if tally.failed:
        reasons.append(
            f"{tally.failed} executions stayed invalid, the first because: {tally.invalid[0]}"
        )
    unjudged = tally.counts.unjudged
    if unjudged:
        reasons.append(f"{unjudged} executions could not be judged: {tally.why_unjudged}")
    if tally.found:
        ending = Ending.COUNTEREXAMPLE
        if not coverage.complete and not reasons:
            reasons.append("stopped at a counterexample")
    elif coverage.complete and not reasons:
        ending = Ending.COMPLETE
    else:
        ending = Ending.INCOMPLETE
        if not reasons:
            reasons.append("this search does not explore everything")
    return Result(
        ending=ending,
        coverage=coverage.words,
        reason="; ".join(reasons),
        counts=tally.counts,
        seconds=time.monotonic() - tally.began,
        outcomes=tuple(tally.outcomes),
        found=tuple(tally.found),
        invalid=tuple(tally.invalid),
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """What became of a plan: its run, None if every try was invalid; and why those were."""

    run: Run | None
    invalid: tuple[str, ...]


_SERVINGS = 30
"""How often more an execution is tried again because the server served another first."""
_IN_TURN = 6
"""How often it is tried with those who wait served in turn: somebody may wait for more than what
another is given."""


class _Lanes:
    """Executes plans, each on a lane of its own, the first ones first."""

    def __init__(
        self, worlds_per_lane: Sequence[Worlds], retries: int, recheck: Recheck | None
    ) -> None:
        self._free = list(reversed(worlds_per_lane))
        self._retries = retries
        self._recheck = recheck
        self._tasks: dict[int, asyncio.Task[_Made]] = {}

    async def result(self, plans: Sequence[Plan], deadline: float | None) -> _Made | None:
        """What became of the first of ``plans``; the others are begun meanwhile.

        None if there is time to look again: something else came first, or the deadline passed.
        """
        for plan in plans:
            if self._free and plan.key not in self._tasks:
                lane = self._free.pop()
                task = asyncio.create_task(self._make(lane, plan))
                self._tasks[plan.key] = task
        head = self._tasks.get(plans[0].key)
        if head is None or not head.done():
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            running = [one for one in self._tasks.values() if not one.done()]
            await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if head is None or not head.done():
            return None
        del self._tasks[plans[0].key]
        return head.result()

    async def _make(self, worlds: Worlds, plan: Plan) -> _Made:
        invalid: list[str] = []
        served_another = 0
        try:
            while len(invalid) - served_another <= self._retries:
                try:
                    in_turn = served_another < _IN_TURN
                    run = await execute(worlds, plan, in_turn=in_turn)
                    if self._recheck is not None:
                        await self._recheck.check(worlds, run)
                except Nondeterministic as error:
                    return _Made(None, (*invalid, str(error)))
                except ServedAnother as error:
                    invalid.append(str(error))
                    served_another += served_another < _SERVINGS
                except InvalidRun as error:
                    invalid.append(str(error))
                else:
                    return _Made(run, tuple(invalid))
            return _Made(None, tuple(invalid))
        finally:
            self._free.append(worlds)

    async def stop(self) -> None:
        """Leave every execution that still goes on; each closes its world."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()


@dataclass(slots=True)
class _Tally:
    """What was found so far."""

    judge: Judge
    began: float = field(default_factory=time.monotonic)
    counts: Counts = field(default_factory=Counts)
    outcomes: dict[Hashable, None] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    failed: int = 0
    why_unjudged: str = ""
    actors: set[str] = field(default_factory=set)

    def add(self, made: _Made) -> None:
        for reason in made.invalid:
            if reason not in self.invalid:
                self.invalid.append(reason)
        self._count(invalid=len(made.invalid))
        run = made.run
        if run is None:
            self.failed += 1
            return
        self.actors.update(run.rest, *(step.enabled for step in run.taken))
        if run.pruned:
            self._count(pruned=1, length=len(run.taken))
            return
        new = run.outcome not in self.outcomes
        self.outcomes[run.outcome] = None
        verdict = self.judge(run.outcome)
        unjudged = verdict.status is Status.UNKNOWN
        self._count(explored=1, length=len(run.taken), unjudged=int(unjudged))
        if unjudged:
            self.why_unjudged = self.why_unjudged or verdict.reason
        elif verdict.status is Status.INVALID and new:
            execution = Execution(
                number=self.counts.executions,
                taken=run.taken,
                outcome=run.outcome,
                verdict=verdict,
            )
            self.found.append(Found(execution=execution, seconds=time.monotonic() - self.began))

    def _count(
        self,
        *,
        explored: int = 0,
        pruned: int = 0,
        invalid: int = 0,
        length: int = 0,
        unjudged: int = 0,
    ) -> None:
        old = self.counts
        self.counts = Counts(
            explored=old.explored + explored,
            pruned=old.pruned + pruned,
            invalid=old.invalid + invalid,
            longest=max(old.longest, length),
            outcomes=len(self.outcomes),
            unjudged=old.unjudged + unjudged,
        )

    def progress(self, waiting: int) -> Progress:
        return Progress(
            counts=self.counts,
            seconds=time.monotonic() - self.began,
            waiting=waiting,
            found=len(self.found),
        )
