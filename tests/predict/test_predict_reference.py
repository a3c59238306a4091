"""The reference service on real parts: what is predicted of each guard, and what becomes of it."""

from __future__ import annotations

import asyncio
import os

import msgspec
import pytest
from reference_worlds import LAB

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.explore.search import Ending
from paidonce.harness.predict import Standing, decided, orders_of, predicted
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

pytestmark = pytest.mark.xdist_group("reference service predicted")

PAIRS = ["two_tabs", "create_vs_pay", "refund_vs_refund", "pay_vs_cancel"]
SOUND = ["row_lock", "claim", "unique_index", "optimistic", "serializable", "advisory_lock"]
NO_LEASE = msgspec.structs.replace(
    TARGET, under_control={**TARGET.under_control, "redis_lease_ms": "1"}
)
"""With it a lease has run out whenever somebody else moves."""


def explored(name, guard, *, target=TARGET, watch=0.1, steered=True):
    """The predictions, and what an exploration with them first comes to."""
    story = scenario(name)

    async def work(worlds):
        found = await predicted(worlds[0], watch)
        first = orders_of(found) if steered else ()
        request = SearchRequest(scenario=story, variant=guard, first=first, watch=watch)
        return found, await explore(worlds, request)

    if target is TARGET:
        return LAB.on(story, guard, work)

    async def main():
        choice = Choice(
            postgres=os.environ[POSTGRES_VARIABLE],
            redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
        )
        async with (
            open_stack(Described(target), choice) as stack,
            opened(stack, story, guard, 1) as worlds,
        ):
            return await work(worlds)

    return asyncio.run(asyncio.wait_for(main(), 600))


def only_some(cells, quick):
    """All cells, those that are not ``quick`` for the long run only."""
    return [
        pytest.param(*cell, marks=() if cell in quick else pytest.mark.slow, id="-".join(cell))
        for cell in cells
    ]


VULNERABLE = [(name, guard) for guard in ("none", "optimistic_late") for name in PAIRS]
QUICK = [*((name, "none") for name in PAIRS), ("pay_vs_cancel", "optimistic_late")]


@pytest.mark.parametrize(("name", "guard"), only_some(VULNERABLE, QUICK))
def test_the_pair_that_the_counterexample_shows_is_predicted_first(name, guard):
    found, result = explored(name, guard)
    assert result.result.ending is Ending.COUNTEREXAMPLE
    assert result.result.found[0].execution.number == 1
    first = decided(found, result.result, result.history)[0]
    assert first.standing is Standing.CONFIRMED
    assert first.prediction.act.label.startswith("stripe ")
    assert "FROM orders" in first.prediction.read.text
    names = [fix.name for fix in first.prediction.fixes]
    # Its UPDATE writes down what Stripe answered, and so cannot come before the call; and a claim
    # by whoever pays stops nobody who does something else.
    claimed = () if name == "pay_vs_cancel" else ("claim",)
    # Only two tabs call Stripe for the same.
    keyed = ("idempotency key",) if name == "two_tabs" else ()
    assert names == ["FOR UPDATE", *claimed, "advisory lock", *keyed]


@pytest.mark.parametrize(
    ("name", "guard"),
    only_some(VULNERABLE, [("two_tabs", "none")]),
)
def test_a_counterexample_found_without_help_is_recognized(name, guard):
    found, result = explored(name, guard, steered=False)
    assert result.result.ending is Ending.COUNTEREXAMPLE
    assert result.result.found[0].execution.number > 1
    first = decided(found, result.result, result.history)[0]
    assert first.standing is Standing.CONFIRMED


@pytest.mark.parametrize(
    ("name", "guard"),
    only_some(
        [(name, guard) for guard in SOUND for name in PAIRS],
        [("two_tabs", "row_lock")],
    ),
)
def test_nothing_is_predicted_of_a_sound_guard(name, guard):
    found, result = explored(name, guard)
    assert [prediction.why for prediction in found.predictions] == []
    assert result.result.ending is Ending.COMPLETE


@pytest.mark.parametrize(
    "guard", ["row_lock", pytest.param("advisory_lock", marks=pytest.mark.slow)]
)
def test_what_is_predicted_of_a_sound_guard_all_the_same_is_refuted(guard):
    """A customer's own confirmation is not under the service's lock."""
    found, result = explored("two_intents", guard)
    assert found.predictions
    assert result.result.ending is Ending.COMPLETE
    standings = {one.standing for one in decided(found, result.result, result.history)}
    assert standings == {Standing.REFUTED}


@pytest.mark.slow
def test_a_lease_stays_open_as_long_as_it_does_not_run_out():
    found, result = explored("two_tabs", "redis_lock_unfenced")
    assert result.result.ending is Ending.COMPLETE
    (one,) = decided(found, result.result, result.history)
    assert one.standing is Standing.OPEN
    assert "is a lease, which was not let run out" in one.reason


@pytest.mark.parametrize("name", only_some([(n,) for n in PAIRS], [("two_tabs",)]))
def test_a_lease_that_runs_out_is_confirmed(name):
    found, result = explored(name, "redis_lock_unfenced", target=NO_LEASE)
    assert result.result.ending is Ending.COUNTEREXAMPLE
    first = decided(found, result.result, result.history)[0]
    assert first.standing is Standing.CONFIRMED
    assert first.prediction.lease == "the Redis lock order-lock:?"
