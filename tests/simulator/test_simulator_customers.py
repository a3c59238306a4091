"""Customers as services make them, and what belongs to them filled in."""

from __future__ import annotations

from typing import Any

import pytest
from simulator_process import Simulator

VISA = {
    "payment_method": "pm_card_visa",
    "invoice_settings[default_payment_method]": "pm_card_visa",
}


def test_a_customer_keeps_what_is_said_of_them(simulator: Simulator) -> None:
    said = {
        "tax_exempt": "reverse",
        "invoice_prefix": "SHOP1",
        "next_invoice_sequence": "7",
        "preferred_locales[0]": "de",
        "invoice_settings[footer]": "Thank you",
        "invoice_settings[custom_fields][0][name]": "Order",
        "invoice_settings[custom_fields][0][value]": "o-1",
    }
    made = simulator.post("/v1/customers", {**said, **VISA}).json()
    assert made["tax_exempt"] == "reverse"
    assert made["preferred_locales"] == ["de"]
    settings = made["invoice_settings"]
    assert settings["custom_fields"] == [{"name": "Order", "value": "o-1"}]
    assert settings["default_payment_method"].startswith("pm_")
    changed = simulator.post(f"/v1/customers/{made['id']}", {"invoice_settings[footer]": "Bye"})
    now = changed.json()["invoice_settings"]
    assert (now["footer"], now["custom_fields"]) == ("Bye", settings["custom_fields"])
    assert now["default_payment_method"] == settings["default_payment_method"]

    item = {"customer": made["id"], "amount": "900", "currency": "usd"}
    draft = simulator.post("/v1/invoices", {"customer": made["id"]}).json()["id"]
    simulator.post("/v1/invoiceitems", {**item, "invoice": draft})
    final = simulator.post(f"/v1/invoices/{draft}/finalize").json()
    assert final["number"] == "SHOP1-0007"


@pytest.mark.parametrize("prefix", ["ab", "abc", "A" * 13, "A-1"])
def test_a_prefix_that_is_none_is_refused(simulator: Simulator, prefix: str) -> None:
    answer = simulator.post("/v1/customers", {"invoice_prefix": prefix})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "invoice_prefix")


def test_what_cannot_be_kept_leaves_no_customer(simulator: Simulator) -> None:
    for form in (
        {"payment_method": "pm_nobody"},
        {"invoice_settings[default_payment_method]": "pm_card_visa"},
    ):
        assert simulator.post("/v1/customers", form).status_code in (400, 404)
    assert simulator.get("/v1/customers").json()["data"] == []


def test_what_belongs_to_a_customer_is_filled_in(simulator: Simulator) -> None:
    customer = simulator.post("/v1/customers", VISA).json()["id"]
    monthly = {
        "customer": customer,
        "items[0][price_data][currency]": "usd",
        "items[0][price_data][unit_amount]": "500",
        "items[0][price_data][recurring][interval]": "month",
        "items[0][price_data][product]": simulator.post("/v1/products", {"name": "Tea"}).json()[
            "id"
        ],
    }
    made = simulator.post("/v1/subscriptions", monthly).json()
    shown = simulator.get(
        f"/v1/customers/{customer}",
        **{
            "expand[0]": "invoice_settings.default_payment_method",
            "expand[1]": "subscriptions.data.latest_invoice",
            "expand[2]": "sources",
            "expand[3]": "cash_balance",
        },
    ).json()
    assert shown["invoice_settings"]["default_payment_method"]["card"]["last4"] == "4242"
    assert [one["id"] for one in shown["subscriptions"]["data"]] == [made["id"]]
    assert shown["subscriptions"]["data"][0]["latest_invoice"]["status"] == "paid"
    assert shown["sources"]["data"] == []
    assert shown["cash_balance"]["object"] == "cash_balance"
    invoice = simulator.get(
        f"/v1/invoices/{made['latest_invoice']}",
        **{"expand[]": "parent.subscription_details.subscription"},
    ).json()
    assert invoice["parent"]["subscription_details"]["subscription"]["id"] == made["id"]
    moved = simulator.get("/v1/balance_transactions", **{"expand[]": "data.source.customer"})
    (charge,) = [one["source"] for one in moved.json()["data"]]
    assert (charge["object"], charge["customer"]["id"]) == ("charge", customer)
    for path in ("application", "review"):
        intent = simulator.get(
            "/v1/payment_intents", **{"expand[]": f"data.{path}", "customer": customer}
        )
        assert intent.json()["data"][0][path] is None


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("invoices", {}),
        ("invoiceitems", {"amount": "900", "currency": "usd"}),
        ("customer_sessions", {"components[payment_element][enabled]": "true"}),
        ("subscriptions", {"items[0][price]": "price_1"}),
        ("setup_intents", {}),
    ],
)
def test_a_customer_that_a_parameter_names_and_is_not_there_is_a_400(
    simulator: Simulator, path: str, form: dict[str, str]
) -> None:
    answer = simulator.post(f"/v1/{path}", {"customer": "cus_nobody", **form})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "resource_missing")
    assert error["param"] == "customer"


def test_a_customer_session_says_what_it_is_for(simulator: Simulator) -> None:
    customer = simulator.post("/v1/customers").json()["id"]

    def session(**components: str) -> Any:
        form = {f"components{name}": value for name, value in components.items()}
        return simulator.post("/v1/customer_sessions", {"customer": customer, **form})

    made = session(
        **{
            "[payment_element][enabled]": "true",
            "[payment_element][features][payment_method_save]": "enabled",
        }
    ).json()
    assert made["components"]["buy_button"] == {"enabled": False}
    element = made["components"]["payment_element"]
    assert element["enabled"]
    assert element["features"]["payment_method_save"] == "enabled"
    assert element["features"]["payment_method_remove"] == "disabled"
    refused = session(**{"[nonsense][enabled]": "true"}).json()
    assert refused["error"]["param"] == "components[nonsense]"
