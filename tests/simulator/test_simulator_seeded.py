"""With ``--seed-ids`` an object is there when it is first named, ready for what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from simulator_process import Simulator, running


@pytest.fixture(scope="module")
def seeded() -> Iterator[Simulator]:
    with running("--seed-ids", "--pretty-json") as simulator:
        yield simulator


_OF_A_CHARGE = {"source_transaction": "ch_5"}

ASKED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("POST", "payment_intents/pi_capture/capture", {}),
    ("POST", "payment_intents/pi_confirm/confirm", {"return_url": "https://shop.test"}),
    ("POST", "payment_intents/pi_cancel/cancel", {}),
    ("POST", "charges/ch_capture/capture", {"amount": "123"}),
    ("POST", "refunds", {"charge": "ch_1", "payment_intent": "pi_1"}),
    ("GET", "refunds/gold", {}),
    ("POST", "customers/cus_1", {"name": "A"}),
    ("DELETE", "customers/cus_2", {}),
    ("GET", "customers/cus_3/payment_methods", {}),
    ("POST", "payment_methods/pm_1/attach", {"customer": "cus_4"}),
    ("POST", "payment_methods/pm_2/detach", {}),
    ("POST", "payment_methods/pm_3", {"metadata[a]": "b"}),
    ("POST", "payment_methods", {"type": "card", "card[token]": "tok_123"}),
    ("POST", "setup_intents/seti_1/confirm", {}),
    ("GET", "products/prod_1", {}),
    ("POST", "prices/gold", {"nickname": "dear"}),
    ("GET", "checkout/sessions/cs_1/line_items", {}),
    ("POST", "checkout/sessions/cs_2/expire", {}),
    ("GET", "events/evt_1", {}),
    ("GET", "balance_transactions/txn_1", {}),
    ("DELETE", "webhook_endpoints/we_1", {}),
    ("POST", "subscriptions", {"customer": "cus_5", "items[0][price]": "price_monthly"}),
    ("DELETE", "subscriptions/sub_1", {}),
    ("POST", "subscriptions/sub_2/resume", {}),
    ("DELETE", "subscriptions/sub_3/discount", {}),
    ("DELETE", "subscription_items/si_1", {}),
    ("POST", "subscription_items/si_2", {"quantity": "3"}),
    ("POST", "invoices/in_1/pay", {"source": "src_123"}),
    ("POST", "invoices/in_2/void", {}),
    ("POST", "invoices/in_3/send", {}),
    ("POST", "invoices/in_4/finalize", {}),
    ("DELETE", "invoices/in_5", {}),
    ("DELETE", "invoiceitems/ii_1", {}),
    ("GET", "coupons/25OFF", {}),
    ("POST", "promotion_codes/promo_1", {"active": "false"}),
    ("POST", "test_helpers/test_clocks/clock_1/advance", {"frozen_time": "2000000000"}),
    ("GET", "accounts/acct_1", {}),
    ("POST", "account_links", {"account": "acct_9", "type": "account_onboarding"}),
    ("POST", "billing_portal/sessions", {"customer": "cus_9"}),
    ("POST", "invoices/create_preview", {"subscription": "sub_9"}),
    ("GET", "customers/cus_10/cash_balance_transactions/ccsbtxn_1", {}),
    (
        "POST",
        "test_helpers/customers/cus_11/fund_cash_balance",
        {"amount": "30", "currency": "eur"},
    ),
    (
        "POST",
        "transfers",
        {"destination": "acct_2", "currency": "usd", "source_transaction": "ch_5"},
    ),
    ("GET", "transfers/tr_1/reversals/trr_1", {}),
    ("POST", "application_fees/fee_1/refunds", {}),
    ("GET", "application_fees/fee_2/refunds/fr_1", {}),
    ("POST", "payouts", {"amount": "100", "currency": "usd"}),
    ("POST", "payouts/po_1/reverse", {}),
    ("POST", "disputes/dp_1/close", {}),
    ("POST", "charges", {"amount": "100", "currency": "usd", "source": "src_1"}),
    ("POST", "payment_intents/pi_more/increment_authorization", {"amount": "3000"}),
    ("POST", "payment_intents/pi_sent/apply_customer_balance", {}),
    ("POST", "transfers", {"amount": "400", "currency": "usd", "destination": "acct_1"}),
    ("POST", "test_helpers/test_clocks/clock_old/advance", {"frozen_time": "142"}),
)


@pytest.mark.parametrize(("method", "path", "form"), ASKED)
def test_what_is_named_is_there(
    seeded: Simulator, method: str, path: str, form: dict[str, str]
) -> None:
    answer = seeded.http.request(
        method,
        f"/v1/{path}",
        params=form if method == "GET" else None,
        data=form if method != "GET" else None,
        headers={"authorization": "Bearer sk_test_seeded"},
    )
    assert answer.status_code == 200, answer.text


def test_what_is_named_keeps_its_id_and_what_became_of_it(seeded: Simulator) -> None:
    assert seeded.post("/v1/payment_intents/pi_kept/cancel").json()["id"] == "pi_kept"
    assert seeded.get("/v1/payment_intents/pi_kept").json()["status"] == "canceled"
    refused = seeded.post("/v1/payment_intents/pi_kept/capture")
    assert refused.json()["error"]["code"] == "payment_intent_unexpected_state"


@pytest.mark.parametrize("path", ["refunds/re_asked/cancel", "test_helpers/refunds/re_late/expire"])
def test_a_refund_that_is_to_be_canceled_waits_for_an_answer(seeded: Simulator, path: str) -> None:
    assert seeded.post(f"/v1/{path}").json()["status"] == "canceled"


def test_what_was_deleted_is_not_made_again(seeded: Simulator) -> None:
    assert seeded.http.delete(
        "/v1/products/prod_gone", headers={"authorization": "Bearer sk_test_seeded"}
    ).json()["deleted"]
    assert seeded.get("/v1/products/prod_gone").json()["deleted"]


def test_a_list_that_would_be_empty_has_one(seeded: Simulator) -> None:
    seeded.control("POST", "reset", {})
    for path in ("charges", "invoices", "payouts", "disputes", "checkout/sessions"):
        assert seeded.get(f"/v1/{path}").json()["data"], path


def test_a_search_says_how_many_there_are_where_it_is_asked(seeded: Simulator) -> None:
    seeded.control("POST", "reset", {})
    for name in ("a", "b", "c"):
        seeded.post("/v1/customers", {"email": f"{name}@shop.test", "name": "Anna"})
    asked = {"query": "name:'anna'", "limit": "1"}
    found = seeded.get("/v1/customers/search", **asked, **{"expand[]": "total_count"}).json()
    assert (found["total_count"], len(found["data"])) == (3, 1)
    assert "total_count" not in seeded.get("/v1/customers/search", **asked).json()


def test_an_answer_has_a_line_for_each_field_where_that_is_asked(seeded: Simulator) -> None:
    answer = seeded.get("/v1/balance")
    assert answer.text.startswith('{\n  "object": "balance"')
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_without_it_nothing_is_made(simulator: Simulator) -> None:
    assert simulator.get("/v1/payment_intents/pi_123").status_code == 404
    assert simulator.get("/v1/charges").json()["data"] == []
