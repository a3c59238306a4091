"""Random walks, PCT, and exact replay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from toy_worlds import Programs, ToyWorlds, explore, verdict

from paidonce.harness.explore.search import (
    DepthFirst,
    Ending,
    Expected,
    Pct,
    RandomWalk,
    Scheduler,
    bare,
    expectations,
    replay,
)
from paidonce.harness.verdict import Verdict

PROGRAMS: Programs = dict.fromkeys("abc", (("read", "x"), ("local",), ("add", "x"), ("read", "y")))


def schedules(make: Scheduler) -> list[tuple[str, ...]]:
    _, worlds = explore(PROGRAMS, make)
    return [tuple(step.actor for step in taken) for taken in worlds.finished]


@pytest.mark.parametrize("make", [RandomWalk, Pct])
def test_a_seed_determines_everything(make: Callable[[int, int], Scheduler]) -> None:
    first = schedules(make(3, 30))
    assert len(first) == 30
    assert first == schedules(make(3, 30))
    assert first != schedules(make(4, 30))
    assert first[:10] == schedules(make(3, 10))


def test_a_walk_reaches_everything_in_the_end() -> None:
    _, full = explore({name: PROGRAMS[name] for name in "ab"}, DepthFirst())
    every = {tuple(step.actor for step in taken) for taken in full.finished}
    result, walked = explore(
        {name: PROGRAMS[name] for name in "ab"}, RandomWalk(1, 40 * len(every))
    )
    assert {tuple(step.actor for step in taken) for taken in walked.finished} == every
    assert result.ending is Ending.INCOMPLETE
    assert result.coverage.endswith("random schedules of 2 attempts over tap steps (seed 1)")
    assert result.reason == "this search does not explore everything"


def test_pct_finds_a_deep_bug_as_often_as_it_promises() -> None:
    # Depth 2: b has to write between the two reads of a, each of whom makes many more steps.
    def noise(name: str) -> tuple[tuple[str, str], ...]:
        return tuple(("read", f"{name}{number}") for number in range(8))

    programs: Programs = {
        "a": (*noise("a"), ("read", "x"), ("read", "x"), *noise("a")),
        "b": (*noise("b"), ("write", "x", 1), *noise("b")),
    }

    def torn(outcome: Any) -> Verdict:
        seen = dict(outcome[1])["a"]
        return verdict(seen[8:10] == (0, 1))

    hits = 0
    scheduler = Pct(11, 600, depth=3, length=35)
    runs: list[bool] = []

    def count(outcome: Any) -> Verdict:
        runs.append(torn(outcome).status == "invalid")
        return verdict(False)

    result, _ = explore(programs, scheduler, count)
    hits = sum(runs)
    assert scheduler.chance == pytest.approx(1 / (2 * 35**2))
    assert hits / 600 >= scheduler.chance
    assert "with a probability of at least" in result.coverage
    assert "(depth 3, seed 11)" in result.coverage


def test_pct_claims_nothing_when_executions_are_longer_than_allowed_for() -> None:
    scheduler = Pct(1, 5, depth=2, length=4)
    result, _ = explore(PROGRAMS, scheduler)
    assert scheduler.chance == 0
    assert "no probability is claimed" in result.coverage


def test_pct_of_depth_one_never_interrupts() -> None:
    for order in schedules(Pct(5, 20, depth=1)):
        movers = [one for one, before in zip(order, (None, *order), strict=False) if one != before]
        assert len(movers) <= 6, "local steps aside, each goes on to its end"


def follow(expected: tuple[Expected, ...], programs: Programs = PROGRAMS) -> Any:
    worlds = ToyWorlds(programs)
    answer = asyncio.run(replay(worlds, expected))
    assert worlds.open == 0
    return answer


def test_replay_follows_exactly() -> None:
    _, worlds = explore(PROGRAMS, RandomWalk(9, 1))
    (taken,) = worlds.finished
    again = follow(expectations(taken))
    assert again.divergence is None
    assert again.run.taken == taken
    assert follow(bare(again.run.schedule)).run == again.run


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (
            (Expected(actor="a", label="pay"),),
            "step 1: expected a 'pay', found \"('read', 'x')\"",
        ),
        (
            (Expected(actor="a"), Expected(actor="b", enabled=("a", "b"))),
            "step 2: expected that a, b can move, found that these can: a \"('local',)\", "
            "b \"('read', 'x')\", c \"('read', 'x')\"",
        ),
        (bare(("a", "z")), "step 2: expected that z can move, found that these can: "),
        (bare(("a",)), "step 2: expected the end, found that these can: "),
        (bare(("a",) * 4 + ("b",) * 4 + ("c",) * 5), "step 13: expected that c can move, found "),
    ],
)
def test_replay_reports_the_first_divergence(expected: tuple[Expected, ...], message: str) -> None:
    answer = follow(expected)
    assert str(answer.divergence).startswith(message)
    assert answer.run.outcome is None
