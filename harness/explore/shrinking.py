"""The smallest variant of a counterexample: fewest attempts, fewest context switches.

It has to break what the original breaks (one of its checkers at least): a smaller schedule that
breaks something else would be another finding, and not this one made easier to read.
"""

from __future__ import annotations

from collections.abc import Hashable

from harness.explore.came import Came, judge_outcome
from harness.explore.search import Budget, Execution
from harness.explore.search.shrink import Shrunk, shrink
from harness.explore.service_worlds import ServiceWorlds
from harness.explore.world import Worlds
from harness.verdict import Status, Verdict

BUDGET = Budget(schedules=200, seconds=20.0)
"""What shrinking may cost, unless something else is said."""


async def shrunk(
    worlds: ServiceWorlds, found: Execution, budget: Budget
) -> tuple[ServiceWorlds, Shrunk | None]:
    """The smallest failing execution, and worlds with just its attempts.

    None in the place of the execution where the schedule did not fail when it was made again.
    """
    assert isinstance(found.outcome, Came)
    wanted = set(found.outcome.broken)
    by_attempts = {tuple(attempt.name for attempt in worlds.scenario.attempts): worlds}

    def judge(outcome: Hashable) -> Verdict:
        assert isinstance(outcome, Came)
        verdict = judge_outcome(outcome)
        if verdict.status is Status.INVALID and not wanted & set(outcome.broken):
            reason = f"breaks something else: {', '.join(outcome.broken)}"
            return Verdict(checker=verdict.checker, status=Status.VALID, reason=reason)
        return verdict

    async def without(dropped: frozenset[str]) -> Worlds | None:
        names = tuple(a.name for a in worlds.scenario.attempts if a.name not in dropped)
        if not names:
            return None
        if names not in by_attempts:
            by_attempts[names] = worlds.telling(worlds.scenario.keeping(names))
        return by_attempts[names]

    smallest = await shrink(worlds, judge, found.schedule, without=without, budget=budget)
    if smallest is None:
        return worlds, None
    names = tuple(
        attempt.name for attempt in worlds.scenario.attempts if attempt.name not in smallest.dropped
    )
    return by_attempts[names], smallest
