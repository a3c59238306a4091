"""``paidonce predict`` as a person runs it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from test_cli_errors import asked, one_message

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker

SHOP = Path(__file__).parents[1] / "targets" / "shop" / "target.toml"


def paidonce(command, *arguments, cwd):
    """The command in this process, on the run's servers."""
    redis = redis_url_of_worker(os.environ[REDIS_VARIABLE])
    servers = ("--postgres", os.environ[POSTGRES_VARIABLE], "--redis", redis)
    return asked(command, *arguments, *servers, cwd=cwd)


def test_a_prediction_by_itself_is_no_verdict(tmp_path):
    run = paidonce("predict", "two_tabs", "--guard", "none", "--out", "told", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "not explored; --explore decides it" in run.stdout
    assert "stripe payment_intent.create" in run.stdout
    (one,) = json.loads((tmp_path / "told" / "predictions.json").read_text())
    assert one["standing"] == "open"
    assert "FOR UPDATE" in [fix["name"] for fix in one["prediction"]["fixes"]]
    assert "❔ open" in (tmp_path / "told" / "predictions.md").read_text()


@pytest.mark.parametrize(
    ("guard", "code", "said"),
    [
        ("none", 1, "confirmed"),
        pytest.param("row_lock", 0, "No bad order is predicted", marks=pytest.mark.slow),
    ],
)
def test_exploring_decides_and_gives_the_exit_code(tmp_path, guard, code, said):
    out = ("--out", "told", "--jobs", "1")
    run = paidonce("predict", "two_tabs", "--guard", guard, "--explore", *out, cwd=tmp_path)
    assert run.returncode == code, run.stdout + run.stderr
    assert said in run.stdout
    assert (tmp_path / "told" / "report.html").exists()
    witness = tmp_path / "told" / "none-two_tabs.witness.json"
    assert witness.exists() == (guard == "none")
    if guard == "none":
        assert "counterexample in execution 1," in run.stdout
        assert "FROM orders WHERE id = $1 FOR UPDATE" in run.stdout


def test_a_target_file_is_predicted_of_as_well(tmp_path):
    out = ("--variant", "locked", "--explore", "--out", "told", "--jobs", "1")
    run = paidonce("predict", SHOP, *out, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads((tmp_path / "told" / "predictions.json").read_text()) == []


def test_fixes_are_tried_with_the_service_as_it_is(tmp_path):
    """The shop reads in a transaction that stays open, so that a lock can be put there; a key keeps
    Stripe from charging twice, and not both tabs from being told of success: a part of a fix."""
    out = ("--variant", "racy", "--try", "--out", "told", "--jobs", "1")
    run = paidonce("predict", SHOP, *out, cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    told = tmp_path / "told"
    (one,) = json.loads((told / "predictions.json").read_text())
    assert one["standing"] == "confirmed"
    tried = {fix["fix"]: fix for fix in one["tried"]}
    assert [fix["name"] for fix in one["prediction"]["fixes"]] == list(tried)
    results = {name: fix["result"] for name, fix in tried.items()}
    assert results == {
        "FOR UPDATE": "closes it, proved",
        "conditional UPDATE": "cannot be tried from outside",
        "claim": "cannot be tried from outside",
        "advisory lock": "closes it, proved",
        "idempotency key": "closes a part",
    }
    assert "tried: closes it, proved: " in run.stdout
    assert "part of a fix: idempotency key" in run.stdout
    witness = told / tried["idempotency key"]["witness"]
    (change,) = json.loads(witness.read_text())["changes"]
    assert change == {"change": "keyed", "label": "payment_intent.create"}
    again = paidonce("replay", witness, cwd=tmp_path)
    assert again.returncode == 1, again.stdout + again.stderr
    assert "found under a change that is not in the service: payment_intent.create" in again.stdout
    assert "1 of 1 replays showed what the witness shows" in again.stdout


def test_a_variant_that_a_target_does_not_have_is_named(tmp_path):
    run = paidonce("predict", SHOP, "--variant", "no_such", "--out", "told", cwd=tmp_path)
    assert "has no variant 'no_such'; choose one of: racy" in one_message(run)
