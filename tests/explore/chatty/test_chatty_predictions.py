"""Of the hundreds of statements of one checkout, the pair that matters is predicted, and soon."""

from __future__ import annotations

import asyncio
import os

import pytest
from chatty_target import LIKE_REAL_SHOPS, chatty_worlds, story

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Ending
from paidonce.harness.predict import Standing, decided, orders_of, predicted
from paidonce.harness.testbed.stack import Choice


def explored(variant, statements, *, search=True):
    scenario = story(statements)
    choice = Choice(
        postgres=os.environ[POSTGRES_VARIABLE],
        redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
    )

    async def main():
        async with chatty_worlds(variant, scenario, choice, 1) as worlds:
            found = await predicted(worlds[0])
            if not search:
                return found, None
            request = SearchRequest(scenario=scenario, variant=variant, first=orders_of(found))
            return found, await explore(worlds, request)

    return asyncio.run(asyncio.wait_for(main(), 600))


@pytest.mark.parametrize("statements", [40, pytest.param(LIKE_REAL_SHOPS, marks=pytest.mark.slow)])
def test_the_one_race_is_predicted_and_found_in_the_first_execution(statements):
    found, result = explored("racy", statements)
    assert len(found.predictions) <= 3
    assert result.result.ending is Ending.COUNTEREXAMPLE
    assert result.result.found[0].execution.number == 1
    first = decided(found, result.result, result.history)[0]
    assert first.standing is Standing.CONFIRMED
    assert first.prediction.read.text.startswith("SELECT payment_status")
    assert first.prediction.act.label == "stripe payment_intent.create"


@pytest.mark.slow
def test_nothing_is_predicted_of_the_locked_shop():
    found, _ = explored("locked", LIKE_REAL_SHOPS, search=False)
    assert found.predictions == ()
