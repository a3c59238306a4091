"""The search itself: executes a scheduler's plans on several lanes and judges what they give.

```
scheduler.upcoming ──> lanes execute, several ahead ──> commit in the scheduler's order ──> judge
        ^                                                        |
        └────────────────────────────────────────────────────────┘
```

What is executed ahead is not counted before its turn, so results do not depend on the number of
lanes, nor on where they are and who of them is first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.search.determinism import Recheck
from paidonce.harness.explore.search.lane import Elsewhere, Gone, PlanResult, Repetition, make
from paidonce.harness.explore.search.types import (
    Budget,
    Counts,
    Ending,
    Execution,
    FoundExecution,
    Judge,
    Plan,
    Progress,
    Scheduler,
    SearchResult,
)
from paidonce.harness.explore.search.words import with_besides
from paidonce.harness.explore.search.world import Worlds
from paidonce.harness.results.words import count
from paidonce.harness.verdict import Status

Hand = Callable[[Plan, Repetition], Awaitable[PlanResult]]
"""A lane, here or elsewhere: what it is given, and what becomes of it."""

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
    besides: Collection[str] = (),
    elsewhere: Elsewhere | None = None,
    learns: bool = False,
) -> SearchResult:
    """Explore until a counterexample, the end, or the budget's.

    One execution at a time goes on in each of ``worlds_per_lane``, and as many as it has lanes
    ``elsewhere``. An invalid execution is made
    again, at most ``retries`` times; if none succeeds, or a recheck finds that a schedule does
    not determine its execution, the result is never complete. ``steps`` is what the statement
    of coverage calls the steps, ``besides`` are actors that it names and does not count as
    attempts. ``stop_at_first`` false goes on after a counterexample.
    Whoever ``learns`` which values have no name is raised ``Unnamed``; else such an execution is
    invalid.

    Whatever escapes from a world other than ``InvalidRun`` ends the search and is raised.
    Raises ``UsageError`` without a lane or with negative ``retries``.
    """
    count = len(worlds_per_lane) + (0 if elsewhere is None else elsewhere.lanes)
    if not count:
        raise UsageError("search: worlds_per_lane is empty; expected at least one lane")
    if retries < 0:
        raise UsageError(f"search: retries is {retries}; expected 0 or more")
    lanes = _Lanes(worlds_per_lane, elsewhere, Repetition(retries, recheck, learns))
    ahead = AHEAD * count if count > 1 else 1
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
    return _result(scheduler, tally, reason, with_besides(steps, besides), besides)


def _spent(budget: Budget, tally: _Tally, deadline: float | None) -> str:
    if budget.schedules is not None and tally.counts.executions >= budget.schedules:
        return f"the budget of {budget.schedules} schedules is spent"
    if deadline is not None and time.monotonic() >= deadline:
        if budget.spent_words:
            return budget.spent_words
        whole = budget.seconds if budget.whole is None else budget.whole
        source = f" ({budget.source})" if budget.source else ""
        return f"the budget of {whole:.3g} seconds is spent{source}"
    return ""


def _result(
    scheduler: Scheduler, tally: _Tally, reason: str, steps: str, besides: Collection[str]
) -> SearchResult:
    coverage = scheduler.coverage(len(tally.actors - set(besides)), steps)
    reasons = [reason] if reason else []
    if tally.failed:
        reasons.append(
            f"{count(tally.failed, 'execution')} stayed invalid, the first because: "
            f"{tally.invalid[0]}"
        )
    unjudged = tally.counts.unjudged
    if unjudged:
        reasons.append(f"{count(unjudged, 'execution')} could not be judged: {tally.why_unjudged}")
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
    return SearchResult(
        ending=ending,
        coverage=coverage.words,
        reason="; ".join(reasons),
        counts=tally.counts,
        seconds=time.monotonic() - tally.began,
        outcomes=tuple(tally.outcomes),
        found=tuple(tally.found),
        invalid=tuple(tally.invalid),
    )


class _Lanes:
    """Has plans executed, each on a lane of its own, the first ones first."""

    def __init__(
        self, worlds_per_lane: Sequence[Worlds], elsewhere: Elsewhere | None, care: Repetition
    ) -> None:
        here: list[Hand] = [partial(make, worlds) for worlds in worlds_per_lane]
        there: list[Hand] = [] if elsewhere is None else [elsewhere.make] * elsewhere.lanes
        self._free = [*reversed(there), *reversed(here)]
        self._care = care
        self._tasks: dict[int, asyncio.Task[PlanResult]] = {}

    async def result(self, plans: Sequence[Plan], deadline: float | None) -> PlanResult | None:
        """Return the result of the first of ``plans``; the others are begun meanwhile.

        None if there is time to look again: something else came first, the deadline passed, or
        whoever was to execute it is gone. Raises ``Gone`` when nobody is left.
        """
        for plan in plans:
            if self._free and plan.key not in self._tasks:
                lane = self._free.pop()
                task = asyncio.create_task(self._make(lane, plan))
                self._tasks[plan.key] = task
        if not self._tasks:
            raise Gone("no lane is left to execute anything")
        head = self._tasks.get(plans[0].key)
        if head is None or not head.done():
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            running = [task for task in self._tasks.values() if not task.done()]
            await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        self._forget_lost()
        if head is None or not head.done() or plans[0].key not in self._tasks:
            return None
        del self._tasks[plans[0].key]
        return head.result()

    async def _make(self, lane: Hand, plan: Plan) -> PlanResult:
        try:
            made = await lane(plan, self._care)
        except Gone:
            raise  # nothing is asked of it again
        except BaseException:
            self._free.append(lane)
            raise
        self._free.append(lane)
        return made

    def _forget_lost(self) -> None:
        """Forget the plans whose worker was lost, so that they are begun again elsewhere."""
        for key, task in list(self._tasks.items()):
            if task.done() and not task.cancelled() and isinstance(task.exception(), Gone):
                del self._tasks[key]

    async def stop(self) -> None:
        """Leave every execution that still goes on; each closes its world."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()


@dataclass(slots=True)
class _Tally:
    """The running count of what was found so far."""

    judge: Judge
    began: float = field(default_factory=time.monotonic)
    counts: Counts = field(default_factory=Counts)
    outcomes: dict[Hashable, None] = field(default_factory=dict)
    found: list[FoundExecution] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    failed: int = 0
    why_unjudged: str = ""
    actors: set[str] = field(default_factory=set)

    def add(self, made: PlanResult) -> None:
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
            self.found.append(
                FoundExecution(execution=execution, seconds=time.monotonic() - self.began)
            )

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
