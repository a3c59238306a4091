"""Which rows are meant: of baskets nobody captured, and where two pairs are shown."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from paidonce.harness.backends.shared import POSTGRES_VARIABLE
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.explore.search import Ending
from paidonce.harness.predict import Blind, Standing, decided, orders_of, predicted, weighed
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack

CARTS = Path(__file__).parent / "carts"
APPLIED = ("FOR UPDATE", "conditional UPDATE", "claim")


def foretold(path, variant, *, search=False):
    """What is predicted of a variant and, after a search, what it came to and what of each."""
    loaded = load_target(path)
    script = script_of(loaded)

    async def main():
        choice = Choice(postgres=os.environ[POSTGRES_VARIABLE])
        async with (
            open_stack(TargetSubject(loaded), choice) as stack,
            opened(stack, script, variant, 1) as worlds,
        ):
            found = await predicted(worlds[0], 0.0)
            if not search:
                return found, None, ()
            request = SearchRequest(
                scenario=script, variant=variant, first=orders_of(found), watch=0.0
            )
            came = await explore(worlds, request)
            matters = await weighed(worlds[0], found, came)
            settled = decided(found, came.result, came.history, matters)
            return found, came.result.ending, settled

    return asyncio.run(asyncio.wait_for(main(), 120))


def test_a_basket_that_nobody_captured_is_the_same_for_both_attempts():
    found, *_ = foretold(CARTS / "target.toml", "basket")
    (one,) = found.predictions
    assert one.read.text.startswith("SELECT status FROM cart")
    assert one.act.label == "stripe payment_intent.create"
    assert found.looked.unjudged == ()


def test_of_a_number_that_was_calculated_it_is_said_that_it_is_not_known():
    found, *_ = foretold(CARTS / "target.toml", "receipts")
    assert found.predictions == ()
    (doubt,) = found.looked.unjudged
    assert (doubt.blind, doubt.detail) == (Blind.VALUE, "number")
    assert doubt.spot.text.startswith("SELECT 1 FROM receipt")


@pytest.fixture(scope="module")
def coupon():
    _, ending, settled = foretold(CARTS / "apart.toml", "coupon", search=True)
    assert ending is Ending.COUNTEREXAMPLE
    return {one.prediction.read.text.split()[3]: one for one in settled}


def test_what_two_read_of_baskets_of_their_own_is_not_predicted(coupon):
    assert set(coupon) == {"coupon", "visits"}


def test_the_pair_on_the_row_that_they_share_is_confirmed(coupon):
    assert coupon["coupon"].standing is Standing.CONFIRMED
    assert "nothing is broken if" in coupon["coupon"].reason


def test_a_pair_that_is_shown_and_changes_nothing_is_not_confirmed(coupon):
    assert coupon["visits"].standing is Standing.OPEN
    assert "but it breaks as well if" in coupon["visits"].reason


@pytest.fixture(scope="module")
def advice():
    found, *_ = foretold(CARTS / "target.toml", "basket")
    return {fix.name: fix for fix in found.predictions[0].fixes}


def test_all_of_these_are_advised(advice):
    assert list(advice) == [*APPLIED, "advisory lock", "idempotency key"]


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLIED)
def test_advice_that_is_taken_closes_the_race(advice, name, tmp_path):
    folder = shutil.copytree(CARTS, tmp_path / "carts")
    path = folder / "target.toml"
    told = {"HOW": "fixed", "FIX": name, "SQL": advice[name].after}
    env = ", ".join(f"{key} = {json.dumps(value)}" for key, value in told.items())
    path.write_text(path.read_text().replace('env = { HOW = "basket" }', f"env = {{ {env} }}"))
    _, ending, _ = foretold(path, "basket", search=True)
    assert ending is Ending.COMPLETE
