"""Random programs: what is reduced reaches what the full search reaches, and repeats nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import programs as row_programs
from rowlocks import RowLocksWorlds
from rowprograms import Program
from toy_worlds import (
    Programs,
    Recording,
    ToyWorlds,
    harmless,
    preemptions,
    trace,
)

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
from paidonce.harness.explore.search.world import Taken, Worlds

MOST = 120
"""A program with more schedules is passed over."""

# The slow tests try several hundred; a Hypothesis profile with more examples scales both.
many = settings(
    max_examples=settings.default.max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

some = settings(many, max_examples=settings.default.max_examples // 4)
"""For what takes several searches of each."""


def at_length(test: Any, *strategies: st.SearchStrategy[Any], usual: settings = many) -> Any:
    """Return the same with four times as many examples, as a slow test."""
    longer = settings(many, max_examples=usual.max_examples * 4)
    return pytest.mark.slow(longer(given(*strategies)(test.hypothesis.inner_test)))


_variable = st.sampled_from(["x", "y", "z"])
_mutex = st.sampled_from(["m", "n"])
_operation = st.one_of(
    st.tuples(st.sampled_from(["read", "add", "branch"]), _variable),
    st.tuples(st.just("write"), _variable, st.integers(0, 2)),
    st.tuples(st.just("cond"), _variable, _variable, st.integers(1, 2)),
    st.permutations(["x", "y", "z"]).map(lambda names: ("scan", *names)),
    st.tuples(st.just("scan"), _variable, _variable),
    st.tuples(st.just("local")),
    st.tuples(st.sampled_from(["lock", "lock", "unlock"]), _mutex),
)


def _program(longest: int) -> st.SearchStrategy[Any]:
    free = st.lists(_operation, min_size=1, max_size=longest).map(tuple)
    if longest < 3:
        return free
    locked = st.tuples(_mutex, _operation).map(
        lambda both: (("lock", both[0]), both[1], ("unlock", both[0]))
    )
    return st.one_of(free, locked)


toy_programs: st.SearchStrategy[Programs] = st.one_of(
    st.fixed_dictionaries({name: _program(4) for name in "ab"}),
    st.fixed_dictionaries({name: _program(2) for name in "abc"}),
    st.fixed_dictionaries({"a": _program(3), "b": _program(2), "c": _program(1)}),
    st.fixed_dictionaries({name: _program(1) for name in "abcd"}),
)


def executed(
    worlds: Worlds, scheduler: TreeScheduler
) -> tuple[SearchResult, list[tuple[Taken, ...]]]:
    recording = Recording(worlds)
    budget = Budget(schedules=MOST)
    return asyncio.run(search([recording], harmless, scheduler, budget=budget)), recording.finished


def agree(worlds: Worlds) -> None:
    full, everything = executed(worlds, DepthFirst())
    assert not full.invalid
    if full.ending is not Ending.COMPLETE:
        return
    classes = {trace(taken) for taken in everything}
    reduced, chosen = executed(worlds, Reduced())
    assert reduced.ending is Ending.COMPLETE, reduced.reason
    assert set(reduced.outcomes) == set(full.outcomes)
    assert {trace(taken) for taken in chosen} == classes
    assert reduced.counts.explored == len(classes), "an execution was repeated"
    assert reduced.counts.executions <= full.counts.executions


def bounds_hold(worlds: Worlds) -> None:
    full, everything = executed(worlds, DepthFirst())
    if full.ending is not Ending.COMPLETE:
        return
    for limit in (0, 1, 2):
        result, chosen = executed(worlds, Bounded(limit))
        classes = {trace(taken) for taken in chosen}
        wanted = {trace(taken) for taken in everything if preemptions(taken) <= limit}
        assert wanted <= classes
        assert all(preemptions(taken) <= limit for taken in chosen)
        assert result.counts.executions <= full.counts.executions
        if result.ending is Ending.COMPLETE:
            assert classes == {trace(taken) for taken in everything}
        else:
            claim = ("no preemptive", "at most 1 preemptive", "at most 2 preemptive")[limit]
            assert claim in result.coverage
    result, chosen = executed(worlds, Bounded())
    assert result.ending is Ending.COMPLETE
    assert {trace(taken) for taken in chosen} == {trace(taken) for taken in everything}


@many
@given(toy_programs)
def test_reduced_agrees_with_full_on_variables(programs: Programs) -> None:
    agree(ToyWorlds(programs))


@many
@given(row_programs(most_actors=3, longest=2, most_sections=1))
def test_reduced_agrees_with_full_on_row_locks(program: Program) -> None:
    agree(RowLocksWorlds(program))


@many
@given(row_programs(most_actors=3, longest=2, most_sections=1))
def test_deferring_leaves_out_no_outcome_but_for_who_is_who(program: Program) -> None:
    """Neither statements that would only wait, nor the beginnings of those who do the same."""
    full, _ = executed(RowLocksWorlds(program), DepthFirst())
    if full.ending is not Ending.COMPLETE:
        return
    deferring, _ = executed(RowLocksWorlds(program, defers=True), Reduced())
    assert deferring.ending is Ending.COMPLETE, deferring.reason
    assert not deferring.invalid
    whoever = exchanges(program)
    assert {whoever(outcome) for outcome in deferring.outcomes} == {
        whoever(outcome) for outcome in full.outcomes
    }


def exchanges(program: Program) -> Callable[[Any], str]:
    """Turns outcomes that differ only by exchanging actors who do the same into one."""
    alike: dict[Any, list[str]] = {}
    for name, steps in program.actors.items():
        alike.setdefault(steps, []).append(name)
    groups = list(alike.values())
    ways = [
        {
            a: b
            for group, order in zip(groups, orders, strict=True)
            for a, b in zip(group, order, strict=True)
        }
        for orders in itertools.product(*(itertools.permutations(group) for group in groups))
    ]

    def renamed(outcome: Any, names: dict[str, str]) -> str:
        (rows, owners), answers, calls = outcome
        return repr(
            (
                rows,
                tuple((key, names.get(owner, owner)) for key, owner in owners),
                sorted((names[actor], told) for actor, told in answers),
                tuple((thing, tuple(names[one] for one in callers)) for thing, callers in calls),
            )
        )

    return lambda outcome: min(renamed(outcome, names) for names in ways)


@some
@given(toy_programs)
def test_context_bounds_cover_what_they_claim_on_variables(programs: Programs) -> None:
    bounds_hold(ToyWorlds(programs))


@some
@given(row_programs(most_actors=3, longest=2, most_sections=1))
def test_context_bounds_cover_what_they_claim_on_row_locks(program: Program) -> None:
    bounds_hold(RowLocksWorlds(program))


@some
@given(toy_programs, st.integers(1, 30))
def test_a_bounded_search_cut_short_claims_only_what_is_true(
    programs: Programs, schedules: int
) -> None:
    full, everything = executed(ToyWorlds(programs), DepthFirst())
    if full.ending is not Ending.COMPLETE:
        return
    recording = Recording(ToyWorlds(programs))
    scheduler = Bounded()
    asyncio.run(search([recording], harmless, scheduler, budget=Budget(schedules=schedules)))
    covered = {trace(taken) for taken in recording.finished}
    for taken in everything:
        if scheduler.covers(preemptions(taken)):
            assert trace(taken) in covered


test_more_reduced_agree_with_full_on_variables = at_length(
    test_reduced_agrees_with_full_on_variables, toy_programs
)
test_more_reduced_agree_with_full_on_row_locks = at_length(
    test_reduced_agrees_with_full_on_row_locks,
    row_programs(most_actors=3, longest=2, most_sections=1),
)
test_more_deferring_leaves_out_no_outcome = at_length(
    test_deferring_leaves_out_no_outcome_but_for_who_is_who,
    row_programs(most_actors=3, longest=2, most_sections=1),
)
test_more_context_bounds_cover_what_they_claim_on_variables = at_length(
    test_context_bounds_cover_what_they_claim_on_variables, toy_programs, usual=some
)
test_more_context_bounds_cover_what_they_claim_on_row_locks = at_length(
    test_context_bounds_cover_what_they_claim_on_row_locks,
    row_programs(most_actors=3, longest=2, most_sections=1),
    usual=some,
)
test_more_bounded_searches_cut_short_claim_only_what_is_true = at_length(
    test_a_bounded_search_cut_short_claims_only_what_is_true,
    toy_programs,
    st.integers(1, 30),
    usual=some,
)
