"""Services that make hundreds of statements for one request stay practical to search."""

from __future__ import annotations

import asyncio
import os

import pytest
from chatty_target import LIKE_REAL_SHOPS, chatty_worlds, story

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Budget, Ending
from paidonce.harness.testbed.stack import Choice

LANES = 2
DEADLINE_S = 600


def explored(variant, statements=LIKE_REAL_SHOPS, **how):
    scenario = story(statements)
    request = SearchRequest(scenario=scenario, variant=variant, lanes=LANES, **how)
    choice = Choice(
        postgres=os.environ[POSTGRES_VARIABLE],
        redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    )

    async def main():
        async with chatty_worlds(variant, scenario, choice, LANES) as worlds:
            return await explore(worlds, request)

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


@pytest.mark.slow
def test_the_one_race_among_six_hundred_statements_is_found_within_a_minute():
    found = explored("racy")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert found.result.found[0].seconds < 60
    assert found.result.counts.executions <= 10
    units = [step for step in found.witness.steps if step.label.startswith("postgres ")]
    # BEGIN is no step: it touches nothing.
    assert len(units) == 2 * (LIKE_REAL_SHOPS - 1)
    assert {"one-charge", "one-success"} <= {broken.checker for broken in found.witness.broken}


@pytest.mark.slow
def test_steps_that_commute_cost_nothing():
    few = explored("locked", 40).result
    many = explored("locked").result
    assert few.ending is many.ending is Ending.COMPLETE
    assert many.counts.longest > LIKE_REAL_SHOPS
    assert many.counts.executions == few.counts.executions
    assert set(many.outcomes) == set(few.outcomes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("switches", "words"),
    [
        (0, "no preemptive context switch"),
        (2, "at most 2 preemptive context switches"),
    ],
)
def test_a_bounded_search_says_exactly_what_it_covered(switches, words):
    found = explored("locked", search="bounded", switches=switches)
    assert found.result.ending is Ending.INCOMPLETE, "more switches are possible"
    assert found.result.coverage == (f"all interleavings of 2 attempts over tap steps with {words}")
    assert found.result.counts.invalid == 0


@pytest.mark.slow
def test_what_a_spent_budget_leaves_out_is_said():
    result = explored("locked", search="bounded", switches=2, budget=Budget(schedules=10)).result
    assert result.ending is Ending.INCOMPLETE
    assert "the budget of 10 schedules is spent" in result.reason
    assert "more executions are left" in result.coverage
    assert "at most 2" not in result.coverage
