"""Reported ways to lose or double money in a failure: found where it is racy, proved where not."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.explore.search import Ending
from paidonce.harness.history import Outcome
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack

HERE = Path(__file__).parent / "mechanisms"
WITHIN_S = 600
PAYS = """
[[attempts]]
name = "tab"
count = {count}
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
REFUNDED = """
[[attempts]]
name = "seller"
[[attempts.steps]]
request = "POST /refund/{order}"
json = {}
[[attempts]]
name = "stripe"
counts = false
[[attempts.steps]]
event = "refund.created"
where = { payment_intent = "{intent}" }
request = "POST /webhook/{order}"
retries = 1
"""
LOOKS_FIRST = """
[[attempts]]
name = "page"
[[attempts.steps]]
request = "POST /look/{order}"
json = {}
[[attempts.steps]]
request = "POST /pay/{order}"
json = {}
"""
A_MINUTE = """
[[time]]
name = "a minute"
sql = "UPDATE locks SET until = until - interval '1 minute' WHERE order_id = {order}"
"""
EXPIRED = """
[[attempts]]
name = "payer"
counts = false
[[attempts.steps]]
to = "stripe"
request = "POST /_paidonce/checkout/{session}"
form = { payment_method = "pm_card_visa" }
[[attempts]]
name = "stripe"
counts = false
[[attempts.steps]]
event = "checkout.session.completed"
where = { id = "{session}" }
request = "POST /webhook/{order}"
optional = true
[[attempts]]
name = "sweep"
counts = false
[[attempts.steps]]
request = "POST /expire/{order}?{session}"
json = {}
"""
IMPATIENT = """
[[attempts]]
name = "tab"
gives_up = "new key"
[[attempts.steps]]
request = "POST /pay/{order}"
json = {}
headers = { Idempotency-Key = "{fresh}" }
"""
COMMANDED = """
[[attempts]]
name = "sweep"
counts = false
[[attempts.steps]]
command = "{python} sweep.py {order}"
"""
SWEPT = """
[[attempts]]
name = "sweep"
counts = false
[[attempts.steps]]
request = "POST /sweep/{order}"
json = {}
"""
LATER = """
[recovery]
later = { status = 409 }
"""


def failing(on: str, kind: str) -> str:
    """The failure that does it, as a target file says it."""
    return f'[[faults]]\non = "{on}"\nkind = "{kind}"\n'


@dataclass(frozen=True)
class Mechanism:
    """Who comes, what goes wrong for the first of them where nobody else is needed, and the rule
    that is broken."""

    attempts: str
    check: str
    failure: str = ""
    more: str = ""
    checker: str = "invariants"
    prepared: str = 'order = "json:$.id"'


CRASH, PAID = failing("process", "crash"), PAYS.replace("{count}", "1")
TABS = PAYS.replace("{count}", "2")
MECHANISMS = {
    "swallows": Mechanism(TOLD, "paid == 1", CRASH),
    "enqueues": Mechanism(TABS, "receipts == paid", CRASH),
    "keeps_key": Mechanism(TABS, "charges <= 1", CRASH, LATER, "key-lost"),
    "credits": Mechanism(TABS, "credited == 0 or paid == 0", failing("stripe", "rate_limit")),
    "replays": Mechanism(TABS, "charges <= 1", failing("stripe", "api_error_saved_after")),
    "serializes": Mechanism(TABS, "charges <= 1", failing("postgres", "40001")),
    "automatic": Mechanism(TABS, "charges <= 1", CRASH),
    "refunds": Mechanism(
        REFUNDED, "booked == refunded", prepared='order = "json:$.id", intent = "json:$.intent"'
    ),
    "releases": Mechanism(PAID + LOOKS_FIRST, "charges <= 1", more=A_MINUTE),
    "expires": Mechanism(
        EXPIRED, "charges == paid", prepared='order = "json:$.id", session = "json:$.session"'
    ),
    "asks_again": Mechanism(IMPATIENT, "charges <= 1 and paid == charges"),
    "swept": Mechanism(PAID + COMMANDED, "charges == paid"),
    "cancels": Mechanism(PAID + SWEPT, "charges == paid"),
}


def target(folder, mechanism, fixed):
    """The shop as a target file, with that mechanism, its failure and its rule."""
    told = MECHANISMS[mechanism]
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
capture = {{ {told.prepared} }}
{told.attempts}
[success]
status = [200, 303]
[rejection]
status = [400, 409]
[observe.charges]
stripe = "charges"
where = {{ status = "succeeded" }}
[observe.paid]
sql = "SELECT count(*) FROM orders WHERE id = {{order}} AND status = 'paid'"
[observe.credited]
sql = "SELECT credited FROM orders WHERE id = {{order}}"
[observe.receipts]
sql = "SELECT count(*) FROM receipts WHERE order_id = {{order}}"
[observe.booked]
sql = "SELECT count(*) FROM refunds WHERE order_id = {{order}}"
[observe.refunded]
stripe = "refunds"
[[invariants]]
name = "the rule"
check = "{told.check}"
[taps]
need = ["postgres"]
{told.failure}{told.more}""")
    return load_target(path)


def explored(loaded):
    """The search of one attempt alone under at most one failure; of all where nothing fails."""

    async def main():
        whole = script_of(loaded)
        fails = bool(MECHANISMS[loaded.file.name].failure)
        script = whole.keeping({whole.attempts[0].name}) if fails else whole
        choice = Choice(
            postgres=os.environ[POSTGRES_VARIABLE],
            redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
        )
        request = SearchRequest(
            scenario=script, variant="default", faults=int(fails), validation=None, watch=0.0
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
    assert MECHANISMS[mechanism].checker in {broken.checker for broken in found.witness.broken}
    assert len(found.witness.failures) == bool(MECHANISMS[mechanism].failure)


@pytest.mark.slow
@pytest.mark.parametrize(("which", "keys"), [("same key", 1), ("new key", 2)])
def test_who_gives_up_asks_again_under_the_key_that_is_said(tmp_path, which, keys):
    target(tmp_path, "asks_again", fixed=False)
    path = tmp_path / "target.toml"
    path.write_text(path.read_text().replace('gives_up = "new key"', f'gives_up = "{which}"'))
    found = explored(load_target(path))
    assert found.result.ending is Ending.COUNTEREXAMPLE, found.result.reason
    first, second = found.history.operations
    assert {first.invoked.attempt, second.invoked.attempt} == {"tab"}
    assert (first.outcome, second.outcome) == (Outcome.UNKNOWN, Outcome.OK)
    assert len({first.invoked.key, second.invoked.key}) == keys


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_it_is_proved_where_it_is_mended(tmp_path, mechanism):
    result = explored(target(tmp_path, mechanism, fixed=True)).result
    assert (result.ending, result.reason) == (Ending.COMPLETE, "")
    if MECHANISMS[mechanism].failure:
        assert result.failures is not None
        assert result.failures.plans
