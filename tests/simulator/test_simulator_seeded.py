"""With ``--seed-ids`` an object is there when it is first named, ready for what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from simulator_process import Simulator, running


@pytest.fixture(scope="module")
def seeded() -> Iterator[Simulator]:
    with running("--seed-ids") as simulator:
        yield simulator


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


def test_what_was_deleted_is_not_made_again(seeded: Simulator) -> None:
    assert seeded.http.delete(
        "/v1/products/prod_gone", headers={"authorization": "Bearer sk_test_seeded"}
    ).json()["deleted"]
    assert seeded.get("/v1/products/prod_gone").json()["deleted"]


def test_a_list_that_would_be_empty_has_one(seeded: Simulator) -> None:
    seeded.control("POST", "reset", {})
    for path in ("charges", "refunds", "products", "events", "checkout/sessions"):
        assert seeded.get(f"/v1/{path}").json()["data"], path


def test_without_it_nothing_is_made(simulator: Simulator) -> None:
    assert simulator.get("/v1/payment_intents/pi_123").status_code == 404
    assert simulator.get("/v1/charges").json()["data"] == []
