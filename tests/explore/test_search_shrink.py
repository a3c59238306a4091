"""Counterexamples made small."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from toy_worlds import Programs, ToyWorlds, preemptions, verdict

from paidonce.harness.explore.search import (
    Budget,
    RandomWalk,
    Schedule,
    Shrunk,
    search,
    shrink,
)
from paidonce.harness.explore.search.world import InvalidRun, Worlds
from paidonce.harness.verdict import Verdict

UPDATE = (("read", "noise"), ("local",), ("read", "x"), ("add", "x"))
FOUR: Programs = dict.fromkeys("abcd", UPDATE)


def lost(outcome: Any) -> Verdict:
    """An update of somebody who took part is missing."""
    took_part = sum(1 for _, seen in outcome[1] if seen)
    return verdict(dict(outcome[0]).get("x", 0) < took_part)


def smaller(
    programs: Programs, schedule: Schedule, *, drop: bool = True, schedules: int = 500
) -> Shrunk | None:
    async def without(dropped: frozenset[str]) -> Worlds | None:
        return ToyWorlds({name: ops for name, ops in programs.items() if name not in dropped})

    return asyncio.run(
        shrink(
            ToyWorlds(programs),
            lost,
            schedule,
            without=without if drop else None,
            budget=Budget(schedules=schedules),
        )
    )


def failing(programs: Programs, seed: int) -> Schedule:
    result = asyncio.run(search([ToyWorlds(programs)], lost, RandomWalk(seed, 50)))
    return result.found[0].execution.schedule


@pytest.mark.parametrize("seed", range(8))
def test_a_lost_update_needs_two_actors_and_one_interruption(seed: int) -> None:
    shrunk = smaller(FOUR, failing(FOUR, seed))
    assert shrunk is not None
    assert len(shrunk.dropped) == 2
    assert shrunk.settled
    assert shrunk.fewest
    taken = shrunk.execution.taken
    assert preemptions(taken) == 1
    assert shrunk.execution.switches == 2
    assert lost(shrunk.execution.outcome).status == "invalid"


@pytest.mark.parametrize("seed", range(4))
def test_actors_stay_if_they_may_not_be_left_out(seed: int) -> None:
    shrunk = smaller(FOUR, failing(FOUR, seed), drop=False)
    assert shrunk is not None
    assert shrunk.dropped == frozenset()
    assert preemptions(shrunk.execution.taken) == 1
    assert shrunk.fewest
    # One is interrupted by another, and the other two come before, after or meanwhile.
    assert shrunk.execution.switches == 4


def test_shrinking_is_deterministic() -> None:
    schedule = failing(FOUR, 5)
    assert smaller(FOUR, schedule) == smaller(FOUR, schedule)


def test_a_budget_bounds_it_and_what_comes_out_still_fails() -> None:
    schedule = failing(FOUR, 5)
    for schedules in (1, 2, 5, 20):
        shrunk = smaller(FOUR, schedule, schedules=schedules)
        assert shrunk is not None
        assert shrunk.executions <= schedules
        assert lost(shrunk.execution.outcome).status == "invalid"
    one = smaller(FOUR, schedule, schedules=1)
    assert one is not None
    assert one.execution.schedule == schedule
    assert not one.settled
    assert not one.fewest


def test_what_does_not_fail_cannot_be_shrunk() -> None:
    assert smaller(FOUR, tuple("aaaabbbbccccdddd")) is None


def test_actors_that_all_matter_are_kept() -> None:
    programs: Programs = {
        "a": (("write", "y", 1),),
        "b": (("cond", "y", "z", 1), ("write", "z", 2)),
        "c": (("read", "z"),),
    }

    def all_of_them(outcome: Any) -> Verdict:
        seen = dict(outcome[1])
        return verdict(seen.get("c") == (1,) and dict(outcome[0]).get("y") == 1)

    async def without(dropped: frozenset[str]) -> Worlds | None:
        return ToyWorlds({name: ops for name, ops in programs.items() if name not in dropped})

    shrunk = asyncio.run(shrink(ToyWorlds(programs), all_of_them, tuple("bcba"), without=without))
    assert shrunk is not None
    assert shrunk.dropped == frozenset()
    assert shrunk.fewest
    assert preemptions(shrunk.execution.taken) == 1, "c has to come between the steps of b"
    assert shrunk.execution.switches == 3


def test_an_invalid_candidate_counts_as_not_failing() -> None:
    schedule = failing(FOUR, 5)

    class Touchy(ToyWorlds):
        async def fresh(self) -> Any:
            if self.begun:
                raise InvalidRun("only once")
            return await super().fresh()

    shrunk = asyncio.run(shrink(Touchy(FOUR), lost, schedule))
    assert shrunk is not None
    assert shrunk.execution.schedule == schedule
    assert not shrunk.fewest
