"""Lanes, budgets, and executions that say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from random import Random
from typing import Any

import msgspec
import pytest
from toy_worlds import Programs, ToyWorlds, harmless, verdict

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.search import (
    Bounded,
    Budget,
    DepthFirst,
    Ending,
    Pct,
    RandomWalk,
    Recheck,
    Reduced,
    Scheduler,
    SearchResult,
    search,
)
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken, World, Worlds
from paidonce.harness.verdict import Verdict

RACING: Programs = {
    "a": (("read", "x"), ("add", "x"), ("write", "y", 1)),
    "b": (("lock", "m"), ("read", "x"), ("add", "x"), ("unlock", "m")),
    "c": (("lock", "m"), ("scan", "y", "x"), ("unlock", "m")),
}


def bad(outcome: Any) -> Verdict:
    return verdict(dict(outcome[0])["x"] != 2)


def with_lanes(
    count: int, scheduler: Scheduler, judge: Callable[[Hashable], Verdict], **more: Any
) -> tuple[SearchResult, list[ToyWorlds]]:
    dice = Random(count)
    lanes = [ToyWorlds(RACING, yields=lambda: dice.randint(0, 7)) for _ in range(count)]
    return asyncio.run(search(lanes, judge, scheduler, **more)), lanes


SCHEDULERS: list[Callable[[], Scheduler]] = [
    DepthFirst,
    Reduced,
    Bounded,
    lambda: Bounded(1),
    lambda: RandomWalk(7, 40),
    lambda: Pct(7, 40),
]


@pytest.mark.parametrize("make", SCHEDULERS, ids=["dfs", "dpor", "bounded", "one", "walk", "pct"])
@pytest.mark.parametrize("more", [{}, {"stop_at_first": False}, {"budget": Budget(schedules=9)}])
def test_results_do_not_depend_on_the_number_of_lanes(
    make: Callable[[], Scheduler], more: dict[str, Any]
) -> None:
    judge = bad if "stop_at_first" not in more else harmless
    answers = []
    for count in (1, 2, 3):
        result, lanes = with_lanes(count, make(), judge, **more)
        assert all(lane.open == 0 for lane in lanes)
        found = tuple(msgspec.structs.replace(one, seconds=0) for one in result.found)
        answers.append(msgspec.structs.replace(result, seconds=0, found=found))
    assert answers[0] == answers[1] == answers[2]


def test_every_lane_is_used() -> None:
    _, lanes = with_lanes(3, Reduced(), harmless)
    assert all(lane.begun > 1 for lane in lanes)


class Unruly:
    """Worlds of which some are invalid: ``broken(number, moved)`` says why, before each step."""

    def __init__(self, programs: Programs, broken: Callable[[int, tuple[str, ...]], str]) -> None:
        self.inside = ToyWorlds(programs)
        self.broken = broken

    async def fresh(self) -> World:
        return _UnrulyWorld(await self.inside.fresh(), self, self.inside.begun)


class _UnrulyWorld:
    def __init__(self, world: World, worlds: Unruly, number: int) -> None:
        self._world = world
        self._worlds = worlds
        self._number = number
        self._moved: tuple[str, ...] = ()

    def pending(self) -> tuple[Pending, ...]:
        return self._world.pending()

    async def step(self, actor: str) -> Taken:
        self._check()
        self._moved = (*self._moved, actor)
        return await self._world.step(actor)

    async def finish(self) -> Hashable:
        self._check()
        return await self._world.finish()

    async def close(self) -> None:
        await self._world.close()

    def _check(self) -> None:
        reason = self._worlds.broken(self._number, self._moved)
        if reason:
            raise InvalidRun(reason)


TWO: Programs = {"a": (("write", "x", 1),), "b": (("write", "x", 2),)}


def run(worlds: Worlds, scheduler: Scheduler | None = None, **more: Any) -> SearchResult:
    return asyncio.run(search([worlds], harmless, scheduler or Reduced(), **more))


@pytest.mark.parametrize("make", [DepthFirst, Reduced, Bounded])
def test_an_execution_that_stays_invalid_is_never_complete(make: Callable[[], Scheduler]) -> None:
    worlds = Unruly(TWO, lambda _, moved: "attribution is ambiguous" if moved == ("b",) else "")
    result = run(worlds, make(), retries=2)
    assert result.ending is Ending.INCOMPLETE
    assert (result.counts.explored, result.counts.invalid) == (1, 3)
    assert result.invalid == ("attribution is ambiguous",)
    assert "attribution is ambiguous" in result.reason
    assert result.coverage.startswith("some ") or "no preemptive" in result.coverage
    assert worlds.inside.open == 0


def test_ambiguity_in_the_first_execution_leaves_nothing_explored() -> None:
    result = run(Unruly(TWO, lambda _, moved: "who was that?" if len(moved) == 2 else ""))
    assert result.ending is Ending.INCOMPLETE
    assert result.counts.explored == 0
    assert result.counts.invalid == 3


def test_an_invalid_execution_is_made_again() -> None:
    worlds = Unruly(TWO, lambda number, _: "a hiccup" if number in (1, 3, 4) else "")
    result = run(worlds, retries=2)
    assert result.ending is Ending.COMPLETE
    assert (result.counts.explored, result.counts.invalid) == (2, 3)
    assert result.invalid == ("a hiccup",)


def test_a_repeated_step_that_is_another_makes_the_run_invalid() -> None:
    class Drifting(ToyWorlds):
        async def fresh(self) -> Any:
            world = await super().fresh()
            if self.begun > 1:
                world._programs = {**self.programs, "a": (("write", "z", 9), ("write", "x", 1))}
            return world

    programs: Programs = {"a": (("write", "y", 9), ("write", "x", 1)), "b": (("write", "x", 2),)}
    result = run(Drifting(programs), retries=1)
    assert result.ending is Ending.INCOMPLETE
    assert result.counts.invalid == 1, "once is enough: the service is not what it seemed"
    (reason,) = result.invalid
    assert reason == (
        "not deterministic: after the same choices, step 1 was a \"('write', 'y', 9)\" "
        "and is now \"('write', 'z', 9)\""
    )


def test_an_actor_that_others_stop_makes_the_run_invalid() -> None:
    class Fading(ToyWorlds):
        async def fresh(self) -> Any:
            world = await super().fresh()
            whole = world.pending
            world.pending = lambda: whole() if not world.taken else whole()[:0]  # type: ignore[method-assign]
            return world

    result = run(Fading(TWO), retries=0)
    assert result.ending is Ending.INCOMPLETE
    assert "b could move and no longer can after a moved" in result.invalid[0]


def test_waiting_for_what_is_not_known_makes_the_run_invalid() -> None:
    class Vague(ToyWorlds):
        async def fresh(self) -> Any:
            world = await super().fresh()
            step = world.step

            async def vaguely(actor: str) -> Taken:
                taken = await step(actor)
                return msgspec.structs.replace(taken, footprint=Footprint())

            world.step = vaguely  # type: ignore[method-assign]
            return world

    locking = (("lock", "m"), ("unlock", "m"))
    result = run(Vague({"a": locking, "b": locking}), DepthFirst(), retries=0)
    assert result.counts.invalid == 0, "nobody has to wait if nothing is a choice"
    deadlock: Programs = {"a": (("lock", "m"),), "b": (("lock", "m"),)}
    result = run(Vague(deadlock), DepthFirst(), retries=0)
    assert result.ending is Ending.INCOMPLETE
    assert "b waits after \"('lock', 'm')\", which touches nothing" in result.reason


def test_budget_of_schedules_is_kept() -> None:
    programs: Programs = dict.fromkeys("abcd", (("write", "x", 1),))
    for schedules in (0, 1, 23):
        result = run(ToyWorlds(programs), budget=Budget(schedules=schedules))
        assert result.ending is Ending.INCOMPLETE
        assert result.counts.executions == schedules
        assert result.reason == f"the budget of {schedules} schedules is spent"
    assert run(ToyWorlds(programs), budget=Budget(schedules=24)).ending is Ending.COMPLETE


def test_budget_of_seconds_leaves_what_goes_on() -> None:
    class Stuck(ToyWorlds):
        async def pause(self) -> None:
            await asyncio.Event().wait()

    worlds = Stuck(TWO)
    result = run(worlds, budget=Budget(seconds=0.02))
    assert result.ending is Ending.INCOMPLETE
    assert result.reason == "the budget of 0.02 seconds is spent"
    told = run(worlds, budget=Budget(seconds=0.02, spent_words="its share was spent"))
    assert told.reason == "its share was spent"
    assert result.counts.executions == 0
    assert worlds.open == 0


def test_a_defect_of_the_world_is_raised_and_all_is_closed() -> None:
    class Broken(ToyWorlds):
        async def pause(self) -> None:
            raise ZeroDivisionError

    lanes = [Broken(TWO), Broken(TWO)]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(search(lanes, harmless, DepthFirst()))
    assert all(lane.open == 0 for lane in lanes)


def test_recheck_exposes_a_service_its_schedule_does_not_determine() -> None:
    class Counting(ToyWorlds):
        async def fresh(self) -> Any:
            world = await super().fresh()
            world._values["executions"] = self.begun
            return world

    result = run(Counting(TWO), recheck=Recheck())
    assert result.ending is Ending.INCOMPLETE
    assert result.counts.explored == 0
    assert result.invalid[0].startswith("nondeterministic: replayed step by step, the outcome was")


def test_recheck_lets_a_determined_service_be() -> None:
    worlds = ToyWorlds(RACING)
    result = run(worlds, recheck=Recheck())
    assert result.ending is Ending.COMPLETE
    assert worlds.begun == 2 * result.counts.explored + result.counts.pruned
    sampled = ToyWorlds(RACING)
    assert run(sampled, recheck=Recheck(share=0.5)).ending is Ending.COMPLETE
    assert result.counts.executions < sampled.begun < worlds.begun


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Budget(schedules=-1), "schedules is -1"),
        (lambda: Budget(seconds=float("nan")), "seconds is nan"),
        (lambda: Recheck(share=2), "share is 2"),
        (lambda: RandomWalk(0, 0), "runs is 0"),
        (lambda: Pct(0, 1, depth=0), "depth is 0"),
        (lambda: Pct(0, 1, length=0), "length is 0"),
        (lambda: asyncio.run(search([], harmless, Reduced())), "worlds_per_lane is empty"),
        (lambda: run(ToyWorlds(TWO), retries=-1), "retries is -1"),
    ],
)
def test_bad_input_is_one_clear_message(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
