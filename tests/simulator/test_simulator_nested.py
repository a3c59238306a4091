"""Routes by which what belongs to another object is reached: they answer for that object alone."""

from __future__ import annotations

from typing import Any

import pytest
from simulator_process import Simulator

PAID = {"amount": "1000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}


def _made(simulator: Simulator, path: str, **form: str) -> dict[str, Any]:
    answer = simulator.post(f"/v1/{path}", form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _status(simulator: Simulator, path: str) -> int:
    return simulator.get(f"/v1/{path}").status_code


def _paid(simulator: Simulator) -> str:
    charge: str = _made(simulator, "payment_intents", **PAID)["latest_charge"]
    return charge


def test_a_charge_is_refunded_by_its_own_routes(simulator: Simulator) -> None:
    charge, other = _paid(simulator), _paid(simulator)
    refund = _made(simulator, f"charges/{charge}/refunds", amount="400")["id"]
    assert _made(simulator, f"charges/{charge}/refund", amount="100")["amount_refunded"] == 500
    assert len(simulator.get(f"/v1/charges/{charge}/refunds").json()["data"]) == 2
    assert simulator.get(f"/v1/charges/{other}/refunds").json()["data"] == []
    assert _status(simulator, f"charges/{charge}/refunds/{refund}") == 200
    assert _status(simulator, f"charges/{other}/refunds/{refund}") == 404
    assert _status(simulator, "charges/ch_none/refunds") == 404
    over = simulator.post(f"/v1/charges/{charge}/refunds", {"amount": "501"})
    assert over.status_code == 400
    named = simulator.post(f"/v1/charges/{charge}/refunds", {"charge": other})
    assert named.json()["error"]["param"] == "charge"


def test_a_payment_method_is_found_with_its_customer_only(simulator: Simulator) -> None:
    owner, other = (_made(simulator, "customers")["id"] for _ in range(2))
    card = {"type": "card", "card[token]": "tok_visa", "allow_redisplay": "always"}
    method = _made(simulator, "payment_methods", **card)
    assert method["allow_redisplay"] == "always"
    of = f"customers/{owner}/payment_methods/{method['id']}"
    assert _status(simulator, of) == 404
    _made(simulator, f"payment_methods/{method['id']}/attach", customer=owner)
    assert _status(simulator, of) == 200
    assert _status(simulator, f"customers/{other}/payment_methods/{method['id']}") == 404


def test_an_ephemeral_key_is_a_customers(simulator: Simulator) -> None:
    customer = _made(simulator, "customers")["id"]
    key = _made(simulator, "ephemeral_keys", customer=customer)
    assert key["associated_objects"] == [{"id": customer, "type": "customer"}]
    assert key["expires"] > key["created"]
    for form in ({}, {"customer": "cus_none"}, {"issuing_card": "ic_1"}):
        assert simulator.post("/v1/ephemeral_keys", form).status_code == 400


def test_a_dashboard_is_an_express_accounts(simulator: Simulator) -> None:
    express = _made(simulator, "accounts", type="express")["id"]
    link = _made(simulator, f"accounts/{express}/login_links")
    assert simulator.http.get(link["url"]).status_code == 200
    standard = _made(simulator, "accounts", type="standard")["id"]
    assert simulator.post(f"/v1/accounts/{standard}/login_links", {}).status_code == 400
    assert simulator.post("/v1/accounts/acct_none/login_links", {}).status_code == 404


@pytest.mark.parametrize("header", ["Stripe_Account", "Stripe_Context"])
def test_whoever_acts_for_a_connected_account_is_refused_by_name(
    simulator: Simulator, header: str
) -> None:
    account = _made(simulator, "accounts", type="express")["id"]
    answer = simulator.post("/v1/payment_intents", PAID, **{header: account})
    assert answer.status_code == 400
    assert header.replace("_", "-") in answer.json()["error"]["message"]
    own = {header: "acct_paidoncesimulator"}
    assert simulator.post("/v1/payment_intents", PAID, **own).status_code == 200
