"""What is told of a fix that was tried, where there is a counterexample with it all the same."""

from __future__ import annotations

import msgspec
import pytest
from tape import ORDER, Tape, catalog

from paidonce.harness.history import Header, History
from paidonce.harness.predict import Trial, forecast
from paidonce.harness.predict.trying import SearchedUnderChanges, once, open_still
from paidonce.harness.taps.changes import Keyed

READ = "SELECT status FROM orders WHERE id = $1"
PAID = "UPDATE orders SET status = 'paid' WHERE id = $1"
MADE_UP = "2f9c1d1e-7c1b-4d5c-9a57-4b3a64a1b7de"
CREATED = Keyed(label="payment_intent.create")
(PREDICTION,) = forecast(
    [Tape().sql(READ, ORDER).stripe(key=MADE_UP).sql(PAID, ORDER).solo()], catalog()
).predictions
FIXES = {fix.name: fix for fix in PREDICTION.fixes}
KEY, LOCK = FIXES["idempotency key"], FIXES["advisory lock"]


def call(attempt, *, payment="pi_1", status=200, label="payment_intent.create", amount="1999"):
    (effect,) = Tape(attempt).stripe(label, key="ours", amount=amount).solo().effects
    return msgspec.structs.replace(effect, answer={"status": status, "id": payment})


def taken_for_one(*effects, changes=(CREATED,)):
    return once(
        History([Header(run="r", scenario="s", target="t", variant="v"), *effects]), changes
    )


def test_calls_of_two_attempts_are_one_if_they_make_one_payment():
    assert taken_for_one(call("a"), call("b"))
    assert not taken_for_one(call("a"), call("b", payment="pi_2"))
    assert not taken_for_one(call("a"), call("a")), "one attempt's own calls meet no other"
    assert not taken_for_one()


def test_calls_that_differ_are_not_to_be_one():
    assert not taken_for_one(call("a"), call("b", amount="500"))
    both = (call("a"), call("b"), call("a", amount="500", payment="pi_2"))
    assert taken_for_one(*both)
    assert not taken_for_one(*both, call("b", amount="500", payment="pi_3"))


def test_a_call_that_is_refused_while_its_equal_is_under_way_is_no_second_one():
    told = {"status": 409, "type": "idempotency_error", "code": "idempotency_key_in_use"}
    waits = msgspec.structs.replace(call("b"), answer=told)
    assert taken_for_one(waits, call("a"))
    assert not taken_for_one(call("a"), waits, call("b", payment="pi_2"))
    assert not taken_for_one(waits), "nobody else has asked"


def test_what_is_not_keyed_or_made_nothing_or_is_nobodys_does_not_count():
    other = (call("a"), call("b"))
    assert not taken_for_one(*other, changes=(Keyed(label="refund.create"),))
    assert taken_for_one(*other, call("b", label="refund.create", payment="re_1"))
    assert not taken_for_one(call("a"), call("b", status=409))
    assert taken_for_one(*other, call("b", status=409, payment="None"))
    assert taken_for_one(*other, msgspec.structs.replace(call("a", payment="pi_2"), attempt=None))


@pytest.mark.parametrize(
    ("fix", "taken", "shown", "result"),
    [
        (KEY, True, True, Trial.PART),
        (KEY, True, False, Trial.PART),
        (KEY, False, True, Trial.DOES_NOT),
        (KEY, False, False, Trial.UNDECIDED),
        (LOCK, True, True, Trial.DOES_NOT),
        (LOCK, True, False, Trial.UNDECIDED),
    ],
)
def test_a_key_that_did_what_a_key_does_closes_a_part_and_nothing_else_does(
    fix, taken, shown, result
):
    searched = SearchedUnderChanges(
        result=Trial.DOES_NOT,
        reason="both were told of success",
        witness="tried/1/witness.json",
        shown=(PREDICTION,) if shown else (),
        once=taken,
    )
    tried = open_still(fix, PREDICTION, searched)
    assert (tried.fix, tried.result) == (fix.name, result)
    assert tried.witness == searched.witness
    assert tried.reason.endswith(searched.reason)
