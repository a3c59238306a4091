"""Services that search at Stripe, whose index lags behind what was written."""

from __future__ import annotations

import os

import pytest
from small_services import HERE, check, explored, on_worlds, run

from paidonce.harness.backends.shared import POSTGRES_VARIABLE
from paidonce.harness.cli.main import app
from paidonce.harness.errors import Unavailable
from paidonce.harness.explore.exploration import SearchRequest, explore
from paidonce.harness.explore.search import Ending
from paidonce.harness.service.passing import SEARCH_CAUGHT_UP
from paidonce.harness.simulator.domain.errors import DEFECT
from paidonce.harness.taps.stripe.tap import StripeTap

TARGET = HERE / "searching" / "target.toml"


def test_who_searches_for_what_was_just_paid_finds_nothing_whatever_lock_it_holds(tmp_path):
    found = explored(TARGET, "search")
    assert found.result.ending is Ending.COUNTEREXAMPLE
    assert SEARCH_CAUGHT_UP in found.witness.schedule
    labels = [step.label for step in found.witness.steps]
    searched = [at for at, label in enumerate(labels) if label.endswith("payment_intent.search")]
    assert labels.index("Stripe's search catches up") > searched[-1]
    out = tmp_path / "out"
    said = check(TARGET, out, "--variant", "search", "--time", "200s")
    assert said.exit_code == 1, said.output
    (witness,) = (out / "witnesses").glob("*.json")
    servers = ["--postgres", os.environ[POSTGRES_VARIABLE]]
    replayed = run.invoke(app, ["replay", str(witness), *servers])
    assert replayed.exit_code == 1, replayed.output
    assert "Stripe's search catches up" in (out / "comment.md").read_text()


def test_where_the_simulator_itself_fails_nothing_is_decided(monkeypatch):
    async def failing(self, *asked):
        answer = await from_stripe(self, *asked)
        if answer is not None and asked[0].target.startswith("/v1/payment_intents/search"):
            answer.headers[DEFECT] = "KeyError: 'a defect'"
        return answer

    from_stripe = StripeTap._from_stripe
    monkeypatch.setattr(StripeTap, "_from_stripe", failing)
    with pytest.raises(Unavailable, match=r"failed at payment_intent\.search with KeyError"):
        explored(TARGET, "search_and_status")


def test_a_list_sees_every_write_and_nothing_more_is_searched():
    result = explored(TARGET, "list").result
    assert result.ending is Ending.COMPLETE, result.reason
    assert SEARCH_CAUGHT_UP not in result.coverage


def test_a_search_beside_a_claim_is_no_hindrance():
    result = explored(TARGET, "search_and_status").result
    assert result.ending is Ending.COMPLETE, result.reason
    assert f"with {SEARCH_CAUGHT_UP} at any of them" in result.coverage


def test_where_a_search_cannot_be_held_back_nothing_is_complete():
    async def unheld(worlds, script):
        for each in worlds:
            each.bench.hold_search = None
        request = SearchRequest(scenario=script, variant="search_and_status", validation=None)
        return (await explore(worlds, request)).result

    result = on_worlds(TARGET, "search_and_status", unheld)
    assert result.ending is Ending.INCOMPLETE
    assert "(payment_intent.search), whose index lags" in result.reason
