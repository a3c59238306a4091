"""Reported ways to lose or double money in a failure: found where it is racy, proved where not."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.explore.search import Ending
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack

HERE = Path(__file__).parent / "mechanisms"
WITHIN_S = 600
PAYS = """
[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "POST /pay/{order}"
json = {}
headers = { Idempotency-Key = "{fresh}" }
"""
TOLD = """
[[attempts]]
name = "stripe"
count = 2
[[attempts.steps]]
webhook = "payment_intent.succeeded"
object = { id = "pi_1", metadata = { order_id = "{order}" } }
request = "POST /webhook/{order}"
"""
LATER = """
[recovery]
later = { status = 409 }
"""
CRASH, SAVED = ("process", "crash"), ("stripe", "api_error_saved_after")
MECHANISMS = {
    "swallows": (CRASH, TOLD, "paid == 1", "", "invariants"),
    "enqueues": (CRASH, PAYS, "receipts == paid", "", "invariants"),
    "keeps_key": (CRASH, PAYS, "charges <= 1", LATER, "key-lost"),
    "credits": (("stripe", "rate_limit"), PAYS, "credited == 0 or paid == 0", "", "invariants"),
    "replays": (SAVED, PAYS, "charges <= 1", "", "invariants"),
}


def target(folder, mechanism, fixed):
    """The shop as a target file, with that mechanism, its failure and its rule."""
    (on, kind), attempts, check, more, _ = MECHANISMS[mechanism]
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    path = folder / "target.toml"
    path.write_text(f"""name = "{mechanism}"
[[process]]
name = "shop"
command = "{{python}} shop.py"
ready = "/"
[process.env]
DATABASE_URL = "{{postgres_url}}"
STRIPE_API_BASE = "{{stripe_url}}"
STRIPE_API_KEY = "{{stripe_key}}"
PORT = "{{port}}"
MECHANISM = "{mechanism}"
FIXED = "{int(fixed)}"
[database]
schema = ["schema.sql"]
[[prepare]]
request = "POST /orders"
json = {{}}
capture = {{ order = "json:$.id" }}
{attempts}
[success]
status = 200
[rejection]
status = 409
[observe.charges]
stripe = "charges"
where = {{ status = "succeeded" }}
[observe.paid]
sql = "SELECT count(*) FROM orders WHERE id = {{order}} AND status = 'paid'"
[observe.credited]
sql = "SELECT credited FROM orders WHERE id = {{order}}"
[observe.receipts]
sql = "SELECT count(*) FROM receipts WHERE order_id = {{order}}"
[[invariants]]
name = "the rule"
check = "{check}"
[taps]
need = ["postgres"]
[[faults]]
on = "{on}"
kind = "{kind}"
{more}""")
    return load_target(path)


def explored(loaded):
    """The search of one attempt alone, under at most one failure."""

    async def main():
        whole = script_of(loaded)
        script = whole.keeping({whole.attempts[0].name})
        choice = Choice(
            postgres=os.environ[POSTGRES_VARIABLE],
            redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
        )
        request = SearchRequest(
            scenario=script, variant="default", faults=1, validation=None, watch=0.0
        )
        async with (
            open_stack(TargetSubject(loaded), choice) as stack,
            opened(stack, script, "default", 1) as worlds,
        ):
            return await explore(worlds, request)

    return asyncio.run(asyncio.wait_for(main(), WITHIN_S))


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_it_is_found_with_the_failure_that_does_it(tmp_path, mechanism):
    found = explored(target(tmp_path, mechanism, fixed=False))
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    assert found.witness is not None
    assert MECHANISMS[mechanism][-1] in {broken.checker for broken in found.witness.broken}
    assert len(found.witness.failures) == 1


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_it_is_proved_where_it_is_mended(tmp_path, mechanism):
    result = explored(target(tmp_path, mechanism, fixed=True)).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    assert result.failures is not None
    assert result.failures.plans
