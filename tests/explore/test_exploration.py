"""Exploration of the reference service on real parts: found, proved, replayed, not claimed."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest
from reference_worlds import LAB

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.explore.exploration import SearchRequest, explore, opened, play_again, save
from paidonce.harness.explore.search import Budget, Ending
from paidonce.harness.explore.witness.file import broken_of, read_witness
from paidonce.harness.explore.witness.narrative.narrate import WITHOUT_A_UNIT
from paidonce.harness.history import Effect, read_history
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.harness.verdict import Status
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

pytestmark = pytest.mark.xdist_group("reference service explored")

REPLAYS = 10
WITHIN_S = 900
"""What a search to completion may take on a busy machine; the longest makes 1,919 executions."""


def on_fresh_worlds(story, guard, work, lanes=1):
    """Run ``work(worlds)`` with a service of its own running under control."""

    async def main():
        choice = Choice(
            postgres=os.environ[POSTGRES_VARIABLE],
            redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
        )
        async with (
            open_stack(Described(TARGET), choice) as stack,
            opened(stack, story, guard, lanes) as worlds,
        ):
            return await work(worlds)

    return asyncio.run(asyncio.wait_for(main(), 600))


def explored(name, guard, *, attempts=None, lanes=1, **how):
    story = scenario(name).in_search
    if attempts is not None:
        story = story.with_attempts(attempts)
    request = SearchRequest(scenario=story, variant=guard, lanes=lanes, **how)
    return LAB.on(story, guard, lambda worlds: explore(worlds, request), lanes)


@pytest.mark.parametrize("attempts", [2, 3])
def test_the_naive_double_payment_is_found_within_five_schedules(attempts):
    found = explored("two_tabs", "none", attempts=attempts)
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert found.result.counts.executions <= 5
    assert found.witness is not None
    assert {"one-charge", "one-intent"} <= {broken.checker for broken in found.witness.broken}


def test_a_counterexample_is_made_smaller_and_still_replays(tmp_path):
    found = explored("two_tabs", "none", attempts=3, shrink=Budget(schedules=200))
    assert found.shrunk is not None
    assert found.witness is not None
    assert (len(found.shrunk.dropped), found.shrunk.settled) == (1, True)
    assert found.witness.attempts == tuple(
        name for name in ("tab 1", "tab 2", "tab 3") if name not in found.shrunk.dropped
    )
    assert {step.actor for step in found.witness.steps} == set(found.witness.attempts)
    path = save(found, tmp_path)
    witness = read_witness(path)
    story = scenario("two_tabs").told_by(witness.attempts)
    steps = tuple(step.expected() for step in witness.steps)

    async def again(worlds):
        replayed, judged = await play_again(worlds[0], steps)
        assert replayed.divergence is None
        return broken_of(judged.verdicts, worlds[0].last.reader.names)

    assert LAB.on(story, "none", again) == witness.broken


@pytest.mark.parametrize(
    ("name", "guard"),
    [
        ("two_tabs", "row_lock"),
        ("two_tabs", "claim"),
        pytest.param("pay_vs_cancel", "optimistic", marks=pytest.mark.slow),
        # Its 26 executions are what the other two default rows show of smaller searches.
        pytest.param("pay_vs_webhook", "unique_index", marks=pytest.mark.slow),
    ],
)
def test_sound_guards_are_searched_to_completion(name, guard):
    result = explored(name, guard).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    assert result.established.endswith(
        "provided that nobody gives up who waits for a lock of the database's or an answer of "
        "Stripe's"
    )
    assert result.coverage == "all interleavings of 2 attempts over tap steps"
    assert result.counts.explored >= 2


@pytest.mark.parametrize(
    ("guard", "attempts"),
    [
        ("row_lock", 2),
        ("row_lock", 3),
        ("advisory_lock", 2),
        pytest.param("advisory_lock", 3, marks=pytest.mark.slow),
        pytest.param("row_lock", 4, marks=pytest.mark.slow),
        pytest.param("advisory_lock", 4, marks=pytest.mark.slow),
    ],
)
def test_who_would_only_wait_costs_no_executions(guard, attempts):
    lanes = 1 if attempts < 4 else 2  # a second service takes longer to start than it saves
    result = explored("two_tabs", guard, attempts=attempts, lanes=lanes, validation=None).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    # 1 * 3 * 5 * 7: who comes next finds that each before it has begun, or is through.
    assert result.counts.explored == {2: 3, 3: 15, 4: 105}[attempts]
    assert (result.counts.pruned, result.counts.invalid) == (0, 0)


@pytest.mark.parametrize(
    "name",
    [pytest.param("two_intents", marks=pytest.mark.slow), "pay_vs_webhook", "refund_vs_refund"],
)
def test_every_kind_of_race_is_found_in_the_unprotected_service(name):
    result = explored(name, "none", budget=Budget(schedules=100)).result
    assert result.ending is Ending.COUNTEREXAMPLE


def test_a_witness_replays_to_the_same_verdict_and_trace(tmp_path):
    found = explored("two_tabs", "none")
    path = save(found, tmp_path)
    assert path is not None
    witness = read_witness(path)
    history = read_history(tmp_path / witness.history)
    taps = {effect.tap for _, effect in history.of(Effect)}
    assert taps == {"postgres", "stripe"}
    assert {effect.attempt for _, effect in history.of(Effect)} == set(witness.attempts)
    for step in witness.steps:
        unit = None if step.event is None else history.events[step.event]
        assert (unit is None) is (step.label in WITHOUT_A_UNIT)
        assert unit is None or (unit.attempt, unit.tap) == (step.actor, step.label.split()[0])

    async def replays(worlds):
        seen = []
        for _ in range(REPLAYS):
            steps = tuple(step.expected() for step in witness.steps)
            replayed, judged = await play_again(worlds[0], steps)
            assert replayed.divergence is None
            trace = tuple(f"{step.actor}: {step.label}" for step in replayed.run.taken)
            names = worlds[0].last.reader.names
            told = (trace, broken_of(judged.verdicts, names), judged.came)
            if told not in seen:
                seen.append(told)
        return seen

    # A service freshly started on a freshly created database, and then again and again.
    (once,) = on_fresh_worlds(scenario("two_tabs"), "none", replays)
    assert once[0] == witness.trace
    assert once[1] == witness.broken


def test_a_fixed_service_goes_another_way_and_the_replay_says_where():
    witness = explored("two_tabs", "none").witness

    async def replayed(worlds):
        return await play_again(worlds[0], tuple(step.expected() for step in witness.steps))

    replay, judged = LAB.on(scenario("two_tabs"), "row_lock", replayed)
    assert judged is None
    assert "FOR UPDATE" in str(replay.divergence)


@pytest.mark.slow
def test_lanes_change_nothing_but_the_time():
    one = explored("two_tabs", "claim", lanes=1).result
    two = explored("two_tabs", "claim", lanes=2).result
    assert one.counts == two.counts
    assert one.ending is two.ending


def test_a_spent_budget_is_never_complete():
    result = explored("two_tabs", "row_lock", budget=Budget(schedules=2)).result
    assert result.ending is Ending.INCOMPLETE
    assert "budget of 2 schedules is spent" in result.reason


@pytest.mark.parametrize("search", ["random", pytest.param("pct", marks=pytest.mark.slow)])
def test_random_searches_find_the_race_and_repeat_themselves(search):
    first, second = (
        explored("two_tabs", "none", search=search, seed=7, budget=Budget(schedules=50))
        for _ in range(2)
    )
    assert first.result.ending is Ending.COUNTEREXAMPLE
    assert first.witness.trace == second.witness.trace
    assert first.result.counts == second.result.counts


def test_an_invalid_history_is_kept_with_the_verdict_it_was_given():
    found = explored("pay_vs_cancel", "none")
    assert found.witness.status is Status.INVALID
    story = replace(scenario("pay_vs_cancel"))
    assert found.witness.scenario == story.name
