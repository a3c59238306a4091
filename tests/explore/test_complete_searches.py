"""Every sound guard on every pair of attempts, searched to completion: the long version."""

from __future__ import annotations

import msgspec
import pytest
from test_exploration import explored

from paidonce.harness.explore.control.outcome import ExecutionOutcome
from paidonce.harness.explore.search import Budget, Ending, SearchResult
from paidonce.scenarios.reference import TARGET

pytestmark = pytest.mark.slow

FULL_S = 40
SOUND = [variant.name for variant in TARGET.variants if variant.sound]
PAIRS = [
    "two_tabs",
    "two_intents",
    "create_vs_pay",
    "pay_vs_cancel",
    "pay_vs_webhook",
    "refund_vs_refund",
    "return_vs_webhook",
    "session_expires_vs_paid",
    "webhook_within_call",
    "renewal_twice",
]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("guard", SOUND)
def test_two_attempts_are_searched_to_completion(guard, name):
    result = explored(name, guard, lanes=2).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    assert result.coverage == "all interleavings of 2 attempts over tap steps"
    assert (result.counts.invalid, result.counts.unjudged) == (0, 0)


@pytest.mark.parametrize("guard", SOUND)
def test_the_last_coupon_goes_to_one_order(guard):
    result = explored("coupon_limit", guard, lanes=2).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")


@pytest.mark.parametrize("guard", ["row_lock", "claim", "optimistic"])
def test_three_attempts_are_searched_to_completion(guard):
    result = explored("two_tabs", guard, attempts=3, lanes=2).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    assert result.coverage == "all interleavings of 3 attempts over tap steps"


@pytest.mark.parametrize("guard", [variant.name for variant in TARGET.variants])
def test_the_reduced_search_misses_no_outcome_of_the_full_one(guard):
    """Where the full search is too long, what it comes to in its time has to be known as well."""
    reduced = explored("two_tabs", guard, stop_at_first=False, lanes=2).result
    budget = Budget(seconds=FULL_S)
    full = explored(
        "two_tabs", guard, search="dfs", stop_at_first=False, budget=budget, lanes=2
    ).result
    assert whoever(full) <= whoever(reduced)
    assert (reduced.counts.invalid, full.counts.invalid) == (0, 0)
    if full.ending is reduced.ending is Ending.COMPLETE:
        assert whoever(full) == whoever(reduced)
        assert full.counts.explored >= reduced.counts.explored


def whoever(result: SearchResult) -> set[ExecutionOutcome]:
    """The outcomes, without which of the two tabs was answered what."""
    return {
        msgspec.structs.replace(
            came, answers=tuple(sorted(("a tab", *answer[1:]) for answer in came.answers))
        )
        for came in result.outcomes
    }


def test_a_lease_that_runs_out_in_a_search_is_caught_as_it_is_in_real_time():
    found = explored("slow_stripe_lease", "redis_lock_unfenced", lanes=2)
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert "one-charge" in {broken.checker for broken in found.witness.broken}
    assert "600 s pass" in {step.label for step in found.witness.steps}
