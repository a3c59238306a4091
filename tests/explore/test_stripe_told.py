"""What a simulated Stripe tells of its calls: it is true, and what is read of a call covers it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stripe_calls import CALLS, Account, Sent

from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.footprint.stripe_told import ToldByStripe
from paidonce.harness.simulator.api import pipeline as api
from paidonce.harness.simulator.domain.touched_tables import Touched
from paidonce.harness.simulator.wire.messages import ApiRequest

DELETED: Sent = ("DELETE", "/v1/customers/{anna}", {}, None)
PAYS: Sent = ("POST", "/v1/payment_intents/{open}/confirm", {}, None)


def commute(before: list[Sent], one: Sent, other: Sent) -> None:
    """Two calls that are told to touch nothing in common come to the same in either order.

    Where what is told conflicts, so does what is read of the calls' text.
    """
    first, second = Account(), Account()
    for sent in before:
        first.call(*sent)
        second.call(*sent)
    a, b = first.call(*one), first.call(*other)
    if a.touched.conflicts(b.touched):
        assert a.read.conflicts(b.read), f"{one} and {other}: {a.touched} and {b.touched}"
        return
    b2, a2 = second.call(*other), second.call(*one)
    assert (a.status, first.masked(a.body)) == (a2.status, second.masked(a2.body))
    assert (b.status, first.masked(b.body)) == (b2.status, second.masked(b2.body))
    assert first.state() == second.state()


BEFORE = st.lists(CALLS, max_size=2)


@given(BEFORE, CALLS, CALLS)
@example([], DELETED, PAYS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_calls_commute_unless_they_are_told_to_touch_the_same(before, one, other):
    commute(before, one, other)


@pytest.mark.slow
@given(BEFORE, CALLS, CALLS)
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_calls_commute_unless_they_are_told_to_touch_the_same(before, one, other):
    commute(before, one, other)


def test_a_customer_that_is_deleted_takes_her_cards_from_a_confirmation():
    account = Account()
    deleted, pays = account.call(*DELETED), account.call(*PAYS)
    assert deleted.touched.conflicts(pays.touched)
    assert deleted.read.conflicts(pays.read)
    assert pays.status == 400


def test_what_is_told_is_more_exact_than_what_can_be_read():
    account = Account()
    one = account.call(
        "POST", "/v1/payment_intents/{bare}/confirm", {"payment_method": "pm_card_visa"}
    )
    other = account.call("POST", "/v1/payment_intents/{open}/confirm", {})
    assert one.read.conflicts(other.read)  # who knows with which card the second is paid
    assert not one.touched.conflicts(other.touched)


def test_what_a_call_made_is_known_by_that_call():
    names = {}
    touched, told = Touched(), ToldByStripe(name=names.__setitem__)
    touched.made["payment_intent", "pi_1"] = None
    assert told.footprint(touched.text(), "tab 1 1") == Footprint()
    assert names == {"pi_1": "payment_intent 0 of tab 1 1"}
    touched = Touched()
    touched.changes.add(("payment_intent", "pi_1"))
    touched.changes.add(("payment_method", "pm_of_nobody_knows_whom"))
    keys = {r.place[-1]: r.key for r in told.footprint(touched.text(), "tab 2 1").publishes}
    assert keys == {"money": (("payment_intent", "pi_1"),), "method": ()}


def test_the_order_of_creation_matters_where_somebody_looks_through_a_list():
    touched = Touched()
    touched.added.add("intents")
    plain, ordered = ToldByStripe(), ToldByStripe(ordered={"intents"})
    makers = ("tab 1 1", "tab 2 1")
    one, other = (plain.footprint(touched.text(), maker) for maker in makers)
    assert not one.conflicts(other)
    one, other = (ordered.footprint(touched.text(), maker) for maker in makers)
    assert one.conflicts(other)
    account = Account()
    account.call("GET", "/v1/payment_intents", {"customer": "{anna}"})
    account.call("GET", "/v1/charges", {"payment_intent": "{paid}"})
    assert account.told.listed == {"intents"}


def test_nobody_is_told_who_does_not_ask():
    account = Account()
    headers = {"authorization": "Bearer sk_test_a"}
    reply = api.answer(account.simulation, ApiRequest("GET", "/v1/charges", b"", headers, b""))
    assert "paidonce-touched" not in reply.headers
