"""The smallest variant of a counterexample: fewest attempts, fewest context switches.

It has to break what the original breaks (one of its rules at least): a smaller schedule that
breaks something else would be another finding, and not this one made easier to read.

Nor is it the same finding where what is left breaks a rule by arithmetic: of two lawful payments
one alone falls short of "both are paid", in any order and however right the service. So attempts
are left out only where those that are left keep the rule when they come one after the other,
whoever is first.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.outcome import ExecutionOutcome, judge_outcome
from paidonce.harness.explore.search import Budget, Execution, Expected
from paidonce.harness.explore.search.shrink import Shrunk, shrink
from paidonce.harness.explore.search.world import InvalidRun, Worlds
from paidonce.harness.explore.witness.lenient_replay import follow
from paidonce.harness.service.script import clients_among
from paidonce.harness.verdict import Status, Verdict

BUDGET = Budget(schedules=200, seconds=20.0)
"""The budget of shrinking, unless another is given."""


async def shrunk(
    worlds: ServiceWorlds, found: Execution, budget: Budget
) -> tuple[ServiceWorlds, Shrunk | None]:
    """The smallest failing execution, and worlds with just its attempts.

    None in the place of the execution where the schedule did not fail when it was made again.
    """
    assert isinstance(found.outcome, ExecutionOutcome)
    everybody = tuple(attempt.name for attempt in worlds.scenario.attempts)
    clients = frozenset(attempt.name for attempt in clients_among(worlds.scenario.attempts))
    by_attempts = {everybody: worlds}
    wanted = {frozenset(everybody): frozenset(found.outcome.rules)}

    def judge(outcome: Hashable) -> Verdict:
        assert isinstance(outcome, ExecutionOutcome)
        verdict = judge_outcome(outcome)
        took_part = frozenset(attempt for attempt, *_ in outcome.answers) & clients
        alike = [rules for names, rules in wanted.items() if names & clients == took_part]
        expected = frozenset().union(*alike)
        if verdict.status is Status.INVALID and not expected & set(outcome.rules):
            reason = f"breaks something else: {', '.join(outcome.broken)}"
            return Verdict(checker=verdict.checker, status=Status.VALID, reason=reason)
        return verdict

    async def without(dropped: frozenset[str]) -> Worlds | None:
        names = tuple(name for name in everybody if name not in dropped)
        if not names:
            return None
        if names not in by_attempts:
            fewer = worlds.telling(worlds.scenario.keeping(names))
            by_attempts[names] = fewer
            mode = fewer.mode
            fewer.mode = replace(mode, failures=frozenset())
            broken = await broken_in_turn(fewer, names)
            fewer.mode = mode
            rules = wanted[frozenset(everybody)]
            wanted[frozenset(names)] = frozenset() if broken is None else rules - broken
        return by_attempts[names] if wanted[frozenset(names)] else None

    async def fewer_failures() -> None:
        """Leave out each failure without which the same schedule still breaks it."""
        for failure in sorted(
            worlds.mode.failures, key=lambda planned_failure: planned_failure.label
        ):
            mode = worlds.mode
            worlds.mode = replace(mode, failures=mode.failures - {failure})
            kept = await shrink(worlds, judge, found.schedule, budget=Budget(schedules=1))
            if kept is None:
                worlds.mode = mode

    if len(worlds.mode.failures) > 1:
        await fewer_failures()
    smallest = await shrink(worlds, judge, found.schedule, without=without, budget=budget)
    if smallest is None:
        return worlds, None
    names = tuple(
        attempt.name for attempt in worlds.scenario.attempts if attempt.name not in smallest.dropped
    )
    return by_attempts[names], smallest


async def broken_in_turn(worlds: ServiceWorlds, names: Sequence[str]) -> frozenset[str] | None:
    """The rules that attempts break one after the other, each of them being first once.

    None where that was not under control.
    """
    broken: set[str] = set()
    for first in names:
        try:
            followed = await follow(worlds, [Expected(actor=first)])
        except InvalidRun:
            return None
        assert isinstance(followed.outcome, ExecutionOutcome)
        broken.update(followed.outcome.rules)
    return frozenset(broken)
