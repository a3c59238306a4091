"""The pages for people: what happens live, and where a payer is asked."""

from __future__ import annotations

import re
import time

import httpx
import pytest
import stripe
from chromium_pipe import Browser
from simulator_process import Simulator

ASKED = {
    "amount": "1000",
    "currency": "usd",
    "confirm": "true",
    "payment_method": "pm_card_threeDSecure2Required",
    "return_url": "http://127.0.0.1:9/back?order=1",
}
SCRIPT = "<script>document.title='broken into'</script>"


def test_the_payer_answers_on_a_page_and_is_sent_back(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    intent = simulator.post("/v1/payment_intents", ASKED).json()
    assert intent["status"] == "requires_action"
    url = intent["next_action"]["redirect_to_url"]["url"]
    assert url.startswith(simulator.url)
    page = simulator.http.get(url)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert re.search(r'<form method="post" action="/_paidonce/authenticate/pi_', page.text)
    answered = simulator.http.post(url, data={"outcome": "complete"})
    assert answered.status_code == 303
    back = httpx.URL(answered.headers["location"])
    assert back.params["order"] == "1"
    assert back.params["payment_intent"] == intent["id"]
    assert client.v1.payment_intents.retrieve(intent["id"]).status == "succeeded"
    again = simulator.http.post(url, data={"outcome": "complete"})
    assert (again.status_code, "nothing to authenticate" in again.text) == (400, True)
    assert len(simulator.ledger()["charges"]) == 1


def test_the_payer_fails_or_is_somebody_else(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    intent = simulator.post("/v1/payment_intents", ASKED).json()
    url = intent["next_action"]["redirect_to_url"]["url"]
    assert simulator.http.get(url.partition("?")[0]).status_code == 403
    assert client.v1.payment_intents.retrieve(intent["id"]).status == "requires_action"
    simulator.http.post(url, data={"outcome": "fail"})
    failed = client.v1.payment_intents.retrieve(intent["id"])
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"


def test_the_harness_answers_through_the_control_api(simulator: Simulator) -> None:
    intent = simulator.post("/v1/payment_intents", ASKED).json()
    done = simulator.control("POST", "authenticate", {"payment_intent": intent["id"]})
    assert done["status"] == "succeeded"


def test_what_is_live_changes_its_mark_only_when_something_happens(simulator: Simulator) -> None:
    first = simulator.control("GET", "live")
    assert simulator.control("GET", "live", since=first["mark"]) == {"mark": first["mark"]}
    simulator.post("/v1/payment_intents", {"amount": "1000", "currency": "usd"})
    after = simulator.control("GET", "live", since=first["mark"])
    assert after["mark"] != first["mark"]
    assert len(after["intents"]) == len(after["requests"]) == 1


@pytest.mark.browser
def test_the_live_page_shows_what_happens_while_it_happens(
    simulator: Simulator, client: stripe.StripeClient, browser: Browser
) -> None:
    browser.open(f"{simulator.url}/_paidonce", width=1200)
    paid = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"},
        {"idempotency_key": SCRIPT},
    )
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 250})
    shown = ""
    deadline = time.monotonic() + 120
    while "1 refunds" not in shown:
        assert time.monotonic() < deadline, f"the page does not show the refund: {shown}"
        shown = browser.evaluate("document.body.innerText")
        time.sleep(0.05)
    assert paid.id[:12] in shown
    assert "charge.refunded" in shown
    assert "POST /v1/refunds" in shown
    # What a client sends is shown as text, never as markup.
    assert SCRIPT in shown
    assert browser.evaluate("document.title") == "Stripe simulator"
    assert browser.evaluate("document.querySelector('td.good').innerText") == "succeeded"
