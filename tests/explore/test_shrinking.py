"""What is left out of a counterexample must not be what makes it one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from paidonce.harness.explore.control.failures import PlannedFailure
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.outcome import ExecutionOutcome, judge_outcome
from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search import Budget, DepthFirst, search
from paidonce.harness.explore.search.world import Pending, Taken
from paidonce.harness.explore.shrinking import shrunk
from paidonce.harness.taps.faults import LostAnswer
from paidonce.harness.verdict import Status
from paidonce.scenarios.catalog import scenario

X = frozenset({Resource(("toy",))})
Rules = Callable[[tuple[str, ...], int], tuple[str, ...]]
"""The rules that are broken: by who took part, and the sum that came of it."""


class Sums:
    """Each attempt reads a sum and writes it back, one more: an update may be lost."""

    def __init__(self, script, rules: Rules):
        self.scenario = script
        self.rules = rules
        self.mode = Mode()

    def telling(self, script):
        return Sums(script, self.rules)

    async def fresh(self):
        return _World(tuple(attempt.name for attempt in self.scenario.attempts), self.rules)


class _World:
    def __init__(self, names, rules):
        self.names, self.rules = names, rules
        self.sum = 0
        self.read = {}
        self.wrote = set()

    def pending(self):
        return tuple(
            Pending(actor=name, label=self._label(name), footprint=self._footprint(name))
            for name in self.names
            if name not in self.wrote
        )

    def _label(self, name):
        return "write" if name in self.read else "read"

    def _footprint(self, name):
        return Footprint(publishes=X) if name in self.read else Footprint(looks=X)

    async def step(self, actor):
        enabled = tuple(one.actor for one in self.pending())
        label, footprint = self._label(actor), self._footprint(actor)
        if label == "read":
            self.read[actor] = self.sum
        else:
            self.sum = self.read[actor] + 1
            self.wrote.add(actor)
        return Taken(actor=actor, label=label, footprint=footprint, enabled=enabled)

    async def finish(self):
        rules = self.rules(self.names, self.sum)
        return ExecutionOutcome(
            status=Status.INVALID if rules else Status.VALID,
            answers=tuple((name, "request", "ok", "") for name in self.names),
            broken=("invariants",) if rules else (),
            rules=rules,
            orders=(),
            intents=(),
            charges=(),
        )

    async def close(self):
        pass


def made_smaller(rules: Rules, attempts: int):
    script = scenario("two_tabs")
    worlds = Sums(script if attempts == 2 else script.with_attempts(attempts), rules)

    async def main():
        result = await search([worlds], judge_outcome, DepthFirst())
        return await shrunk(worlds, result.found[0].execution, Budget(schedules=200))

    return asyncio.run(main())


def test_two_lawful_payments_are_both_needed_to_lose_one():
    def both_count(names, total):
        return () if total == len(names) == 2 else ("invariants: both are paid and count",)

    _, smallest = made_smaller(both_count, 2)
    assert smallest.dropped == frozenset()


def test_who_is_not_needed_is_left_out():
    def each_counts(names, total):
        return () if total == len(names) else ("invariants: each counts",)

    told, smallest = made_smaller(each_counts, 3)
    assert len(smallest.dropped) == 1
    assert len(told.scenario.attempts) == 2


def test_another_rule_that_breaks_by_arithmetic_does_not_stand_in_for_the_first():
    def rules(names, total):
        few = ("invariants: three are paid",) if len(names) < 3 else ()
        return few if total == len(names) else (*few, "invariants: each counts")

    _, smallest = made_smaller(rules, 3)
    assert len(smallest.dropped) == 1
    assert "invariants: each counts" in smallest.execution.outcome.rules


def test_a_failure_without_which_it_breaks_as_well_is_left_out():
    needed, beside = (
        PlannedFailure(attempt="tab 1", step=step, fault=LostAnswer()) for step in (1, 2)
    )

    class Struck(Sums):
        """Breaks by what goes wrong, whatever the attempts do."""

        def telling(self, script):
            return Struck(script, self.rules)

        async def fresh(self):
            struck = needed in self.mode.failures
            rules = ("invariants: each counts",) if struck else ()
            return _World(("tab 1",), lambda names, total: rules)

    worlds = Struck(scenario("two_tabs").keeping({"tab 1"}), lambda names, total: ())
    worlds.mode = Mode(failures=frozenset({needed, beside}))

    async def main():
        result = await search([worlds], judge_outcome, DepthFirst())
        return await shrunk(worlds, result.found[0].execution, Budget(schedules=20))

    told, smallest = asyncio.run(main())
    assert told.mode.failures == {needed}
    assert smallest is not None
