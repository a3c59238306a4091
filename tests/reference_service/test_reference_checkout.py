"""An order that is paid on Stripe's page, under every guard: one request at a time."""

from __future__ import annotations

import uuid

import httpx
import pytest
from reference_run import Running

COMPLETED = "checkout.session.completed"
MONTH_S = 32 * 86_400


def code(answer: object) -> str:
    return str(answer.json()["error"]["code"])  # type: ignore[attr-defined]


def fresh() -> str:
    return f"evt_{uuid.uuid4().hex}"


@pytest.fixture
def clock(every: Running) -> object:
    """Stripe's clock, which is put back afterwards."""
    control = {"Paidonce-Control": "1"}
    url = f"{every.ledger_url}/_control"
    yield lambda seconds: httpx.post(
        f"{url}/clock", json={"advance_seconds": seconds}, headers=control
    ).raise_for_status()
    httpx.post(f"{url}/reset", json={"ahead_seconds": 0}, headers=control).raise_for_status()


def test_the_page_is_paid_and_whoever_tells_first_hands_out(every: Running) -> None:
    for told_first in (True, False):
        order = every.new_order(1200)
        opened = every.checkout(order)
        assert opened.status_code == 201
        session = opened.json()["checkout_id"]
        assert every.order(order)["checkout_id"] == session
        waiting = every.call("GET", f"/orders/{order}/checkout/return")
        assert (waiting.status_code, waiting.json()["payment_status"]) == (200, "unpaid")
        assert every.pay_on_page(order) == 303
        event = fresh()
        if told_first:
            told = every.told(COMPLETED, every.session(session), event)
            assert told.json() == {"applied": True}
        back = every.call("GET", f"/orders/{order}/checkout/return")
        assert (back.status_code, back.json()["payment_status"]) == (200, "paid")
        assert every.told(COMPLETED, every.session(session), event).status_code == 200
        shown = every.shown(order)
        assert shown["handed_out"] == [session]
        assert shown["payment_id"] == every.session(session)["payment_intent"]
        assert every.charged(order) == [1200]


def test_the_intents_own_event_hands_out_what_the_page_sold(every: Running) -> None:
    order = every.new_order()
    session = every.checkout(order).json()["checkout_id"]
    every.pay_on_page(order)
    intent = every.session(session)["payment_intent"]
    told = every.webhook(order, fresh(), "payment_intent.succeeded", intent)
    assert told.json() == {"applied": True}
    every.told(COMPLETED, every.session(session), fresh())
    assert every.shown(order)["handed_out"] == [session]


def test_nothing_else_is_paid_for_while_the_page_is_open(every: Running) -> None:
    order = every.new_order()
    every.checkout(order)
    for answer in (every.pay(order), every.intent(order), every.checkout(order)):
        assert (answer.status_code, code(answer)) == (409, "payment_in_progress")
    assert code(every.amend(order, 900)) == "payment_in_progress"
    assert every.charged(order) == []


def test_a_cancelled_order_can_no_longer_be_paid_on_its_page(every: Running) -> None:
    order = every.new_order()
    session = every.checkout(order).json()["checkout_id"]
    path = httpx.URL(every.session(session)["url"]).path
    assert every.cancel(order).status_code == 200
    assert every.session(session)["status"] == "expired"
    late = httpx.post(f"{every.ledger_url}{path}", data={})
    assert late.status_code == 400
    assert (
        every.told("checkout.session.expired", every.session(session), fresh()).status_code == 200
    )
    assert every.order(order)["payment_status"] == "cancelled"
    assert every.charged(order) == []


def test_a_paid_page_is_not_cancelled(every: Running) -> None:
    order = every.new_order()
    session = every.checkout(order).json()["checkout_id"]
    every.pay_on_page(order)
    late = every.cancel(order)
    assert (late.status_code, code(late)) == (409, "order_already_paid")
    assert every.told(COMPLETED, every.session(session), fresh()).json() == {"applied": True}
    shown = every.shown(order)
    assert (shown["payment_status"], shown["handed_out"]) == ("paid", [session])


def test_an_order_whose_page_is_over_is_payable_again(every: Running) -> None:
    order = every.new_order()
    session = every.checkout(order).json()["checkout_id"]
    every.stripe("POST", f"checkout/sessions/{session}/expire")
    assert (
        every.told("checkout.session.expired", every.session(session), fresh()).status_code == 200
    )
    assert every.order(order)["checkout_id"] is None
    assert every.pay(order).status_code == 200


def test_a_declined_page_leaves_the_order_to_another_try(every: Running) -> None:
    order = every.new_order()
    session = every.checkout(order).json()["checkout_id"]
    assert every.pay_on_page(order, "pm_card_chargeDeclined") == 402
    intent = every.session(session)["payment_intent"]
    every.webhook(order, fresh(), "payment_intent.payment_failed", intent)
    assert every.order(order)["payment_id"] is None
    assert every.pay_on_page(order) == 303


def test_a_renewal_is_served_once_whoever_brings_it(every: Running, clock: object) -> None:
    order = every.new_order(900)
    session = every.checkout(order, recurring=True).json()["checkout_id"]
    assert every.pay_on_page(order) == 303
    assert every.told(COMPLETED, every.session(session), fresh()).json() == {"applied": True}
    subscription = every.session(session)["subscription"]
    first = every.stripe("GET", f"subscriptions/{subscription}")["latest_invoice"]
    told = every.told("invoice.paid", every.stripe("GET", f"invoices/{first}"), fresh())
    assert told.json() == {"applied": False}  # the session has handed that out
    clock(MONTH_S)  # type: ignore[operator]
    second = every.stripe("GET", f"subscriptions/{subscription}")["latest_invoice"]
    assert second != first
    invoice, event = every.stripe("GET", f"invoices/{second}"), fresh()
    assert every.told("invoice.paid", invoice, event).json() == {"applied": True}
    assert every.told("invoice.paid", invoice, event).json() == {"applied": False}
    assert every.call("POST", "/internal/renewals").json() == {"renewed": 0}
    clock(MONTH_S)  # type: ignore[operator]
    assert every.call("POST", "/internal/renewals").json() == {"renewed": 1}
    late = every.told("invoice.paid", invoice, fresh())  # the older one, told of once more
    assert late.json() == {"applied": False}
    handed_out = every.shown(order)["handed_out"]
    assert handed_out[:2] == [session, second]
    assert len(handed_out) == len(set(handed_out)) == 3


def test_a_coupon_is_for_one_order(every: Running) -> None:
    first, second = every.new_order(1000), every.new_order(1000)
    with every.service.connect() as connection:
        connection.exec_driver_sql("UPDATE coupons SET used = 0")
    used = every.call("POST", f"/orders/{first}/coupon", {"code": "ONCE"})
    assert (used.status_code, used.json()["amount"]) == (200, 500)
    for order in (first, second):
        again = every.call("POST", f"/orders/{order}/coupon", {"code": "ONCE"})
        assert (again.status_code, code(again)) == (409, "coupon_used_up")
    assert every.order(second)["amount"] == 1000
    unknown = every.call("POST", f"/orders/{second}/coupon", {"code": "NEVER"})
    assert (unknown.status_code, code(unknown)) == (404, "coupon_not_found")


def test_what_stripe_was_paid_and_nobody_told_of_is_found(every: Running) -> None:
    plain, member = every.new_order(), every.new_order()
    sessions = [
        every.checkout(plain).json()["checkout_id"],
        every.checkout(member, recurring=True).json()["checkout_id"],
    ]
    for order, session in zip((plain, member), sessions, strict=True):
        every.pay_on_page(order)
        assert every.order(order)["payment_status"] == "unpaid"
        assert every.call("POST", "/internal/reconciliation").json() == {"applied": 1}
        shown = every.shown(order)
        assert (shown["payment_status"], shown["handed_out"]) == ("paid", [session])
    assert every.call("POST", "/internal/reconciliation").json() == {"applied": 0}
