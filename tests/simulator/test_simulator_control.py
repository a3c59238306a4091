"""The control API."""

from __future__ import annotations

import json

import pytest
import stripe
from simulator_process import API_KEY, SECRET, Simulator

CREATE = {"amount": "1000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}


def test_without_its_header_the_control_api_does_not_exist(simulator: Simulator) -> None:
    for headers in ({}, {"Paidonce-Control": "0"}, {"Authorization": f"Bearer {API_KEY}"}):
        answer = simulator.http.get("/_control/health", headers=headers)
        assert answer.status_code == 404
        assert "Unrecognized request URL" in answer.json()["error"]["message"]


def test_health_tells_who_answers(simulator: Simulator) -> None:
    simulator.post("/v1/payment_intents", CREATE)
    health = simulator.control("GET", "health")
    assert health["ok"] is True
    assert health["pid"] == simulator.process.pid
    assert health["objects"] == {"payment_intents": 1, "charges": 1, "refunds": 0, "events": 3}
    assert health["in_flight"] == 0
    assert SECRET not in json.dumps(health)


def test_the_ledger_shows_everything_that_happened(simulator: Simulator) -> None:
    made = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k-1").json()
    simulator.post("/v1/refunds", {"payment_intent": made["id"], "amount": "10"})
    ledger = simulator.ledger()
    assert ledger["intents"] == [made]
    assert ledger["charges"][0]["amount_refunded"] == 10
    assert ledger["refunds"][0]["payment_intent"] == made["id"]
    (key,) = ledger["idempotency_keys"]
    assert (key["key"], key["status"], key["path"]) == ("k-1", 200, "/v1/payment_intents")
    assert API_KEY not in json.dumps(ledger)


def test_reset_empties_everything_and_frees_the_keys(simulator: Simulator) -> None:
    first = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k").json()
    simulator.control("POST", "reset")
    assert simulator.ledger() == {
        "intents": [],
        "charges": [],
        "refunds": [],
        "idempotency_keys": [],
    }
    assert simulator.get(f"/v1/payment_intents/{first['id']}").status_code == 404
    second = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert "Idempotent-Replayed" not in second.headers
    assert second.json()["id"] != first["id"]
    simulator.control("POST", "reset", {"seed": 5})
    one = simulator.post("/v1/payment_intents", CREATE).json()["id"]
    simulator.control("POST", "reset", {"seed": 5})
    assert simulator.post("/v1/payment_intents", CREATE).json()["id"] == one


def test_the_log_shows_the_last_requests_with_their_times(simulator: Simulator) -> None:
    simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    simulator.control("POST", "latency", {"after": {"kind": "fixed", "ms": 20}})
    simulator.post("/v1/payment_intents", CREATE | {"amount": "2000"})
    simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    simulator.get("/v1/nothing")
    log = simulator.control("GET", "requests")["requests"]
    assert [entry["status"] for entry in log] == [404, 200, 200, 200]
    assert [entry["replayed"] for entry in log] == [False, True, False, False]
    assert log[0]["executed"] is log[1]["executed"] is None
    assert log[2]["received"] <= log[2]["executed"] <= log[2]["answered"] - 0.019
    assert log[3]["idempotency_key"] == "k"
    assert simulator.control("GET", "requests", limit="1")["requests"] == log[:1]


def test_latency_around_is_half_before_and_half_after(simulator: Simulator) -> None:
    around = {"kind": "lognormal", "median_ms": 80, "sigma": 0}
    told = simulator.control("POST", "latency", {"around": around})["latency"]
    assert told["around"] == around | {"cap_ms": 600_000.0}
    simulator.post("/v1/payment_intents", CREATE)
    entry = simulator.control("GET", "requests", limit="1")["requests"][0]
    assert entry["executed"] - entry["received"] >= 0.039
    assert entry["answered"] - entry["executed"] >= 0.039


def test_an_events_delivery_is_signed_for_the_configured_secret(simulator: Simulator) -> None:
    simulator.post("/v1/payment_intents", CREATE)
    event = simulator.get("/v1/events", type="payment_intent.succeeded").json()["data"][0]
    delivery = simulator.control("GET", "webhook", event=event["id"])
    received = stripe.Webhook.construct_event(delivery["payload"], delivery["signature"], SECRET)
    assert (received.id, received.type) == (event["id"], "payment_intent.succeeded")


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "message"),
    [
        ("GET", "nothing", "", 404, "no control named 'nothing'"),
        ("GET", "reset", "", 405, "reset takes POST"),
        ("POST", "reset", '{"sed": 1}', 400, "unknown field `sed`"),
        ("POST", "reset", "{", 400, "not what was expected"),
        ("POST", "latency", '{"before": {"kind": "fixed", "ms": -1}}', 400, ">= 0"),
        ("GET", "requests?limit=0", "", 400, "whole number from 1"),
        ("GET", "requests?limit=many", "", 400, "whole number from 1"),
        ("GET", "webhook?event=evt_nobody", "", 404, "no event 'evt_nobody'"),
    ],
)
def test_a_mistake_is_answered_with_what_was_expected(
    simulator: Simulator, method: str, path: str, content: str, status: int, message: str
) -> None:
    answer = simulator.http.request(
        method, f"/_control/{path}", content=content, headers={"Paidonce-Control": "1"}
    )
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]
