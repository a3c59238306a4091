"""Failures as choices of the search: each kind finds what it breaks, and proves what it does not.

The service of ``failing/`` is sound as long as nothing goes wrong. Where something does, it tries
again: with a new key Stripe takes the money a second time, with the order's it does not.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.explore.failure.plans import AsSaid
from paidonce.harness.explore.search import Ending
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.taps.faults import Crash
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack

TILL = Path(__file__).parent / "failing" / "target.toml"
QUEUE = Path(__file__).parents[1] / "targets" / "queue" / "target.toml"
WITHIN_S = 600


def explored(variant, failing=None, target=TILL, attempts=(), **how):
    """A search of the till under at most one failure, of those that ``failing`` says."""

    async def main():
        loaded = load_target(target)
        script = script_of(loaded)
        if attempts:
            script = script.keeping(attempts)
        choice = Choice(
            postgres=os.environ[POSTGRES_VARIABLE],
            redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
        )
        if failing is not None:
            how["failing"] = failing
        request = SearchRequest(
            scenario=script, variant=variant, faults=1, validation=None, watch=0.0, **how
        )
        async with (
            open_stack(TargetSubject(loaded), choice) as stack,
            opened(stack, script, variant, 1) as worlds,
        ):
            return await explore(worlds, request)

    return asyncio.run(asyncio.wait_for(main(), WITHIN_S))


def only(on, kind):
    return AsSaid([FailureChoice(on, kind)])


KINDS = {
    "crash": only("process", "crash"),
    "stripe-lost": only("stripe", "lost_answer"),
    "stripe-saved": only("stripe", "api_error_saved_after"),
    "postgres-ended": only("postgres", "57P01"),
    "redis-no-contact": only("redis", "no_contact"),
    "redis-lost": only("redis", "lost_answer"),
}
DEFAULT = ("crash",)


@pytest.mark.parametrize(
    "kind", [k if k in DEFAULT else pytest.param(k, marks=pytest.mark.slow) for k in KINDS]
)
def test_a_failure_of_each_kind_is_found_where_another_key_is_taken(kind):
    found = explored("racy", KINDS[kind])
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    assert found.witness is not None
    assert len(found.witness.failures) == 1
    assert any("·" in step.label for step in found.witness.steps)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_none_of_them_breaks_what_keeps_its_key(kind):
    result = explored("fixed", KINDS[kind]).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    assert result.failures is not None
    assert result.failures.plans
    assert "with at most 1 failure of those asked for at any tap step, in all" in result.claimed


@pytest.mark.slow
@pytest.mark.parametrize("attempts", [(), ("tab 1",)], ids=["both", "alone"])
@pytest.mark.parametrize("variant", ["racy", "fixed"])
def test_crashes_that_come_to_the_same_are_left_out_and_nothing_else(variant, attempts):
    """With every crash before and after every step of everybody the outcomes are the same."""
    how = {"attempts": attempts, "stop_at_first": False}
    every, less = (
        explored(variant, KINDS["crash"], every_crash=each, **how).result for each in (True, False)
    )
    assert set(every.outcomes) == set(less.outcomes)
    assert less.ending is every.ending
    if less.ending is Ending.COMPLETE:  # else both end below the first plan that has anything
        assert less.failures.executions < every.failures.executions
    assert not less.failures.undecided
    assert not every.failures.undecided


@pytest.mark.slow
def test_of_several_processes_each_is_killed_at_its_own_steps():
    """Whoever has no answer asks again, and is put into the queue a second time."""
    crash = KINDS["crash"]
    found = explored("locked", crash, QUEUE, {"first"})
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    assert found.witness is not None
    (failure,) = found.witness.failures
    assert (failure.step, failure.fault) == (1, Crash("web"))
    assert [b.words for b in found.witness.broken if "charged twice" in b.words]
    assert found.result.failures is not None
    assert found.result.failures.processes == 2


@pytest.mark.parametrize("both", [True, False])
def test_a_client_that_comes_back_after_the_key_has_ended_is_found(tmp_path, both):
    """A day passes before it asks again: only recovery with time first finds the second charge.

    Receipts live for a minute, and the verdict's line says that they did not end.
    """
    for name in ("till.py", "schema.sql"):
        text = (TILL.parent / name).read_text()
        (tmp_path / name).write_text(text.replace('{order}", "1")', '{order}", "1", "EX", "60")'))
    target = tmp_path / "target.toml"
    target.write_text(TILL.read_text() + "\n[recovery]\npasses_s = 90000\n")
    found = explored("fixed", KINDS["crash"], target=target, attempts=("tab 1",), both_orders=both)
    if not both:
        assert found.result.ending is Ending.COMPLETE, found.result.reason
        assert found.result.claimed.endswith("; leases were not let run out under failures")
        plans = found.result.failures.plans  # both tabs are played to warm it up; one is searched
        assert all(each.startswith("tab 1, ") for plan in plans for each in plan.failures)
        return
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    assert found.witness.sweeps_first
    assert "invariants" in {one.checker for one in found.witness.broken}
