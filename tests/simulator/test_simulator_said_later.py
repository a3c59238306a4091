"""What is said of a payment after it was made, and lists by what they are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from simulator_process import Simulator

HELD = {
    "amount": "5000",
    "currency": "usd",
    "confirm": "true",
    "payment_method": "pm_card_visa",
    "capture_method": "manual",
    "return_url": "http://shop.test/back",
}


@pytest.fixture
def account(simulator: Simulator) -> str:
    able = {"type": "express", "capabilities[transfers][requested]": "true"}
    return str(simulator.post("/v1/accounts", able).json()["id"])


def capture(simulator: Simulator, intent: str, **form: str) -> Any:
    return simulator.post(f"/v1/payment_intents/{intent}/capture", form).json()


@pytest.mark.parametrize(
    ("said", "kept"), [({}, 300), ({"application_fee_amount": "100"}, 100), ({"x": ""}, 200)]
)
def test_a_fee_may_be_said_when_it_is_captured_and_is_no_more_than_that(
    simulator: Simulator, account: str, said: dict[str, str], kept: int
) -> None:
    """Without another one it is what was said first, but never more than is captured."""
    part = {} if "x" not in said else {"amount_to_capture": "200"}
    said = {name: value for name, value in said.items() if name != "x"}
    sent_on = {"transfer_data[destination]": account, "application_fee_amount": "300"}
    intent = simulator.post("/v1/payment_intents", {**HELD, **sent_on}).json()["id"]
    done = capture(simulator, intent, statement_descriptor_suffix="LATE", **said, **part)
    assert (done["status"], done["statement_descriptor_suffix"]) == ("succeeded", "LATE")
    (fee,) = simulator.get("/v1/application_fees").json()["data"]
    assert fee["amount"] == kept


def test_a_fee_of_what_is_sent_on_to_nobody_is_refused_and_nothing_is_captured(
    simulator: Simulator,
) -> None:
    intent = simulator.post("/v1/payment_intents", HELD).json()["id"]
    refused = capture(simulator, intent, application_fee_amount="100")
    assert refused["error"]["param"] == "application_fee_amount"
    path = f"/v1/payment_intents/{intent}"
    assert simulator.get(path).json()["status"] == "requires_capture"
    fresh = simulator.post("/v1/payment_intents", {"amount": "900", "currency": "usd"}).json()["id"]
    changed = simulator.post(f"/v1/payment_intents/{fresh}", {"application_fee_amount": "9"})
    assert changed.status_code == 400


def test_the_types_that_pay_may_be_changed(simulator: Simulator) -> None:
    intent = simulator.post(
        "/v1/payment_intents",
        {"amount": "900", "currency": "usd", "payment_method_types[]": "card"},
    ).json()["id"]
    path = f"/v1/payment_intents/{intent}"
    bank = {"payment_method": "pm_usBankAccount_success", "return_url": "http://shop.test/back"}
    assert simulator.post(f"{path}/confirm", bank).status_code == 400
    assert simulator.post(path, {"payment_method_types[]": "klarna"}).status_code == 400
    types = {"payment_method_types[]": "us_bank_account"}
    assert simulator.post(path, types).json()["payment_method_types"] == ["us_bank_account"]
    assert simulator.post(f"{path}/confirm", bank).json()["status"] == "processing"


def test_lists_are_of_what_they_are_asked_for(simulator: Simulator) -> None:
    paid = {**HELD, "capture_method": "automatic"}
    ids = {}
    for group, currency in (("a", "usd"), ("b", "eur")):
        form = {**paid, "transfer_group": group, "currency": currency}
        ids[group] = simulator.post("/v1/payment_intents", form).json()["latest_charge"]

    def listed(path: str, **by: str) -> list[Any]:
        return list(simulator.get(path, **by).json()["data"])

    assert [one["id"] for one in listed("/v1/charges", transfer_group="a")] == [ids["a"]]
    moved = listed("/v1/balance_transactions", currency="eur")
    assert [one["source"] for one in moved] == [ids["b"]]
    simulator.post("/v1/products", {"name": "Tea", "url": "http://shop.test/tea"})
    simulator.post("/v1/products", {"name": "Cup"})
    (tea,) = listed("/v1/products", url="http://shop.test/tea")
    assert tea["name"] == "Tea"


@pytest.mark.parametrize(
    ("card", "wanted", "status"),
    [
        ("threeDSecureOptional", "automatic", "succeeded"),
        ("threeDSecureOptional", "any", "requires_action"),
        ("threeDSecureOptional", "challenge", "requires_action"),
        ("visa", "any", "succeeded"),
    ],
)
def test_a_card_that_need_not_be_asked_is_where_that_is_wanted(
    simulator: Simulator, card: str, wanted: str, status: str
) -> None:
    """https://docs.stripe.com/testing#three-ds-cards; said at once, and when it is confirmed."""
    option = {"payment_method_options[card][request_three_d_secure]": wanted}
    how = {"payment_method": f"pm_card_{card}", "return_url": "http://shop.test/back"}
    sale = {"amount": "900", "currency": "usd"}
    at_once = simulator.post(
        "/v1/payment_intents", {**sale, **how, **option, "confirm": "true"}
    ).json()
    made = simulator.post("/v1/payment_intents", sale).json()["id"]
    later = simulator.post(f"/v1/payment_intents/{made}/confirm", {**how, **option}).json()
    assert [at_once["status"], later["status"]] == [status, status]
    if status == "requires_action":
        simulator.control("POST", "authenticate", {"payment_intent": made})
        assert simulator.get(f"/v1/payment_intents/{made}").json()["status"] == "succeeded"
