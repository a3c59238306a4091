"""Programs of which it is known how many executions differ, and what they do."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Hashable
from typing import Any

import pytest
from rowlocks import RowLocksWorlds
from rowprograms import Begin, Call, Commit, Lock, Program, Read, StopIf, Write
from toy_worlds import Programs, Recording, ToyWorlds, explore, harmless, trace, verdict

from paidonce.harness.explore.search import (
    Bounded,
    Budget,
    DepthFirst,
    Ending,
    Reduced,
    SearchResult,
    search,
)
from paidonce.harness.explore.search.schedulers.tree import TreeScheduler
from paidonce.harness.verdict import Status, Verdict


def actors(count: int, *operations: tuple[Any, ...]) -> Programs:
    return dict.fromkeys("abcdefgh"[:count], operations)


def own(count: int, operation: str, *more: Any) -> Programs:
    return {name: ((operation, name, *more),) for name in "abcdefgh"[:count]}


LOCKED = (("lock", "m"), ("read", "x"), ("add", "x"), ("unlock", "m"))


@pytest.mark.parametrize(
    ("programs", "classes"),
    [
        pytest.param(own(1, "write", 1), 1, id="one actor"),
        pytest.param(own(5, "write", 1), 1, id="independent writers"),
        pytest.param(actors(4, ("read", "x"), ("read", "y")), 1, id="readers"),
        pytest.param(actors(4, ("local",), ("local",)), 1, id="local steps"),
        pytest.param(actors(3, ("write", "x", 1)), 6, id="three racing writers"),
        pytest.param(actors(4, ("write", "x", 1)), 24, id="four racing writers"),
        pytest.param(
            {**actors(4, ("read", "x")), "w": (("write", "x", 1),)}, 16, id="a writer, four readers"
        ),
        # Both serial orders, and both reads first with either write first.
        pytest.param(actors(2, ("read", "x"), ("add", "x")), 4, id="lost update"),
        # Whoever is second asks for the lock while it is held, or after it was let go.
        pytest.param(actors(2, *LOCKED), 4, id="critical sections"),
        # Each race by itself has two orders.
        pytest.param(
            actors(2, ("write", "x", 1), ("local",), ("write", "y", 1)), 4, id="two races"
        ),
        pytest.param({}, 1, id="nobody"),
    ],
)
def test_one_execution_for_each_class(programs: Programs, classes: int) -> None:
    result, worlds = explore(programs, Reduced())
    assert result.ending is Ending.COMPLETE
    assert result.counts.explored == classes
    assert len({trace(taken) for taken in worlds.finished}) == classes
    assert worlds.open == 0


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("length", [1, 2])
def test_depth_first_makes_every_schedule(count: int, length: int) -> None:
    programs = actors(count, *[("read", "x")] * length)
    result, worlds = explore(programs, DepthFirst())
    everything = math.factorial(count * length) // math.factorial(length) ** count
    assert result.counts.explored == everything
    assert len({tuple(step.actor for step in taken) for taken in worlds.finished}) == everything
    assert result.ending is Ending.COMPLETE
    assert result.coverage == f"all schedules of {count} attempts over tap steps"


def test_local_steps_are_no_choices_even_without_reduction() -> None:
    result, _ = explore(actors(3, ("local",), ("local",)), DepthFirst())
    assert result.counts.explored == 1


def test_critical_sections_lose_no_update() -> None:
    result, _ = explore(actors(3, *LOCKED), Reduced())
    assert result.ending is Ending.COMPLETE
    assert {dict(outcome[0])["x"] for outcome in result.outcomes} == {3}  # type: ignore[index]


@pytest.mark.parametrize("scheduler", [DepthFirst, Reduced, Bounded])
def test_lost_update_is_found_early(scheduler: type[TreeScheduler]) -> None:
    def judge(outcome: Any) -> Verdict:
        return verdict(dict(outcome[0])["x"] != 2)

    result, _ = explore(actors(2, ("read", "x"), ("add", "x")), scheduler(), judge)
    assert result.ending is Ending.COUNTEREXAMPLE
    (found,) = result.found
    assert found.execution.number == result.counts.executions <= 4
    assert found.execution.verdict.reason == "bad"
    assert result.reason == "stopped at a counterexample"


def test_going_on_after_a_counterexample_finds_each_once() -> None:
    def judge(outcome: Any) -> Verdict:
        return verdict(dict(outcome[0])["x"] != 2)

    programs = actors(2, ("read", "x"), ("add", "x"))
    result, _ = explore(programs, DepthFirst(), judge, stop_at_first=False)
    assert result.ending is Ending.COUNTEREXAMPLE
    assert result.counts.explored == 6
    assert len(result.found) == len({found.execution.outcome for found in result.found}) == 1
    assert result.reason == ""


def naive(*names: str) -> Program:
    pay = (Read(row=1), StopIf(answer=1), Call(thing="charge"), Write(row=1, value=1))
    return Program(actors=dict.fromkeys(names, pay), rows={1: 0})


def guarded() -> Program:
    pay = (
        Begin(),
        Lock(rows=(1,)),
        StopIf(answer=(1,)),
        Call(thing="charge"),
        Write(row=1, value=1),
        Commit(),
    )
    return Program(actors={"first": pay, "second": pay, "third": pay}, rows={1: 0})


def charges(outcome: Any) -> Verdict:
    return verdict(len(dict(outcome[2]).get("charge", ())) > 1)


def find(program: Program, scheduler: TreeScheduler) -> SearchResult:
    return asyncio.run(search([RowLocksWorlds(program)], charges, scheduler))


@pytest.mark.parametrize(
    ("scheduler", "names"), [(Reduced, "ab"), (Reduced, "abc"), (Reduced, "abcd"), (Bounded, "ab")]
)
def test_naive_double_payment_within_five_schedules(
    scheduler: type[TreeScheduler], names: str
) -> None:
    result = find(naive(*names), scheduler())
    assert result.ending is Ending.COUNTEREXAMPLE
    assert result.counts.executions <= 5


@pytest.mark.parametrize("scheduler", [Reduced, Bounded])
def test_row_lock_is_proved(scheduler: type[TreeScheduler]) -> None:
    result = find(guarded(), scheduler())
    assert result.ending is Ending.COMPLETE
    assert result.reason == ""
    assert result.coverage == "all interleavings of 3 attempts over tap steps"


def test_deadlock_has_both_victims() -> None:
    def locking(*rows: int) -> tuple[Any, ...]:
        return (Begin(), *(Write(row=row, value=7) for row in rows), Commit())

    program = Program(actors={"a": locking(1, 2), "b": locking(2, 1)}, rows={1: 0, 2: 0})
    result = asyncio.run(search([RowLocksWorlds(program)], harmless, Reduced()))
    told = [dict(outcome[1]) for outcome in result.outcomes]  # type: ignore[index]
    victims = {name for answers in told for name in answers if "40P01" in answers[name]}
    assert victims == {"a", "b"}
    assert any("40P01" not in (*answers["a"], *answers["b"]) for answers in told)


def test_either_of_two_who_share_a_lock_may_set_the_third_going() -> None:
    sharing = (Begin(), Lock(rows=(1,), mode="SHARE"), Commit())
    program = Program(
        actors={"a": sharing, "b": sharing, "c": (Write(row=1, value=2),)}, rows={1: 0}
    )
    recording = Recording(RowLocksWorlds(program))
    asyncio.run(search([recording], harmless, Reduced()))
    wakers = {step.actor for taken in recording.finished for step in taken if step.woken}
    assert wakers == {"a", "b"}
    both = [taken for taken in recording.finished if taken[2].actor == "c" and taken[2].blocked]
    assert {taken[-1].actor for taken in both} == {"a", "b"}


def test_stuck_actors_are_part_of_the_outcome() -> None:
    programs: Programs = {
        "a": (("lock", "m"), ("lock", "n"), ("unlock", "n"), ("unlock", "m")),
        "b": (("lock", "n"), ("lock", "m"), ("unlock", "m"), ("unlock", "n")),
    }
    result, _ = explore(programs, Reduced())
    stuck = {outcome[2] for outcome in result.outcomes}  # type: ignore[index]
    assert stuck == {(), ("a", "b")}


def test_what_is_touched_may_depend_on_what_was_read() -> None:
    programs: Programs = {
        "a": (("scan", "x", "y", "z"), ("write", "d", 1)),
        "b": (("write", "x", 1),),
        "c": (("write", "y", 1),),
        "d": (("branch", "d"), ("write", "z", 1)),
    }
    full, everything = explore(programs, DepthFirst())
    reduced, executed = explore(programs, Reduced())
    assert set(reduced.outcomes) == set(full.outcomes)
    classes = {trace(taken) for taken in everything.finished}
    assert {trace(taken) for taken in executed.finished} == classes
    assert reduced.counts.explored == len(classes)


def test_a_sleeper_may_touch_more_than_it_did_where_it_raced() -> None:
    # How far b looks depends on what c has written, so it races with a in some executions only.
    programs: Programs = {
        "a": (("write", "x", 1),),
        "b": (("scan", "y", "z", "x"),),
        "c": (("branch", "x"), ("write", "z", 1)),
    }
    _, everything = explore(programs, DepthFirst())
    reduced, executed = explore(programs, Reduced())
    classes = {trace(taken) for taken in everything.finished}
    assert {trace(taken) for taken in executed.finished} == classes
    assert len(classes) == reduced.counts.explored == 5


@pytest.mark.parametrize("scheduler", [Reduced, Bounded])
def test_many_commuting_steps_and_one_race_take_a_handful(scheduler: type[TreeScheduler]) -> None:
    def chatty(name: str) -> tuple[Any, ...]:
        half = [("read", f"{name}{number}") for number in range(150)]
        return (*half, ("write", "x", ord(name)), *half)

    result, _ = explore({"a": chatty("a"), "b": chatty("b")}, scheduler())
    assert result.ending is Ending.COMPLETE
    assert result.counts.outcomes == 2
    assert result.counts.executions <= 4
    assert result.counts.longest == 602


def test_coverage_is_true_of_a_search_cut_short() -> None:
    programs = actors(2, ("write", "x", 1), ("write", "x", 2))
    result, _ = explore(programs, Reduced(), budget=Budget(schedules=2))
    assert result.ending is Ending.INCOMPLETE
    assert result.reason == "the budget of 2 schedules is spent"
    assert result.coverage.startswith("some interleavings of 2 attempts over tap steps")


def test_progress_counts_up() -> None:
    seen = []
    worlds = ToyWorlds(actors(3, ("write", "x", 1)))
    result = asyncio.run(search([worlds], harmless, Reduced(), progress=seen.append))
    assert [one.counts.executions for one in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].counts == result.counts
    assert seen[-1].waiting == 0
    assert seen[0].waiting > 0
    assert all(one.rate > 0 and one.rest is not None for one in seen)


def test_an_unjudged_execution_is_never_complete() -> None:
    def judge(outcome: Hashable) -> Verdict:
        return Verdict(checker="toy", status=Status.UNKNOWN, reason="no ledger")

    result, _ = explore(own(2, "write", 1), Reduced(), judge)
    assert result.ending is Ending.INCOMPLETE
    assert result.reason == "1 execution could not be judged: no ledger"
