"""Faults by rule and by request, as a client on the other end of the wire meets them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe
from simulator_process import API_KEY, DEADLINE_S, Simulator

CREATE = {"amount": "1000", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}


@pytest.fixture
def simulator(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    # A connection a fault was done to is not one for the next test.
    simulator.http.close()
    simulator.http = httpx.Client(base_url=simulator.url, timeout=DEADLINE_S)


def rule(simulator: Simulator, fault: dict[str, Any], **more: Any) -> None:
    simulator.control("POST", "faults", {"rules": [{"fault": fault, **more}]})


def intents(simulator: Simulator) -> int:
    return len(simulator.ledger()["intents"])


@pytest.mark.parametrize(("when", "effect"), [("before", 0), ("after", 1)])
def test_a_500_comes_before_or_after_the_effect_and_is_kept(
    simulator: Simulator, when: str, effect: int
) -> None:
    rule(simulator, {"kind": "error", "when": when, "status": 503}, times=1)
    first = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    again = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert first.status_code == again.status_code == 503
    assert first.json()["error"]["type"] == "api_error"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert intents(simulator) == effect
    assert simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="l").status_code == 200


def test_a_500_that_is_not_kept_frees_the_key(simulator: Simulator) -> None:
    fault = {"kind": "error", "when": "before", "stored": False, "should_retry": True}
    rule(simulator, fault, times=1)
    first = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert (first.status_code, first.headers["Stripe-Should-Retry"]) == (500, "true")
    again = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert again.status_code == 200
    assert "Idempotent-Replayed" not in again.headers
    assert intents(simulator) == 1


@pytest.mark.parametrize(("when", "effect"), [("before", 0), ("after", 1)])
def test_a_reset_comes_before_or_after_the_effect(
    simulator: Simulator, when: str, effect: int
) -> None:
    rule(simulator, {"kind": "reset", "when": when}, times=1)
    with pytest.raises(httpx.ReadError) as reset:
        simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert "reset" in str(reset.value).lower()
    assert intents(simulator) == effect
    again = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert again.status_code == 200
    assert ("Idempotent-Replayed" in again.headers) == bool(effect)
    assert intents(simulator) == 1


@pytest.mark.parametrize(("when", "effect"), [("before", 0), ("after", 1)])
def test_no_answer_ever_comes(simulator: Simulator, when: str, effect: int) -> None:
    rule(simulator, {"kind": "silence", "when": when}, match={"method": "POST"})
    body = b"amount=1000&currency=usd"
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=DEADLINE_S) as client:
        head = (
            f"POST /v1/payment_intents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        )
        client.sendall(head.encode() + b"\r\n" + body)
        # Once the log has it, an answer would have been on its way already.
        deadline = time.monotonic() + DEADLINE_S
        while not simulator.control("GET", "requests")["requests"]:
            assert time.monotonic() < deadline, "the request did not arrive"
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert intents(simulator) == effect


def test_a_slow_body_comes_whole(simulator: Simulator) -> None:
    fault = {"kind": "slow_body", "bytes": 400, "pause": {"kind": "fixed", "ms": 15}}
    rule(simulator, fault)
    began = time.monotonic()
    answer = simulator.post("/v1/payment_intents", CREATE)
    pieces = -(-len(answer.content) // 400)
    assert pieces >= 3
    assert time.monotonic() - began >= pieces * 0.015
    assert answer.json()["status"] == "succeeded"


def test_429_leaves_the_key_free_and_says_why(simulator: Simulator) -> None:
    rule(simulator, {"kind": "rate_limit"}, times=1)
    first = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k")
    assert (first.status_code, first.json()["error"]["code"]) == (429, "rate_limit")
    assert first.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert simulator.post("/v1/payment_intents", CREATE, Idempotency_Key="k").status_code == 200


def test_latency_is_that_of_the_rule(simulator: Simulator) -> None:
    fault = {"kind": "latency", "before": {"kind": "fixed", "ms": 120}}
    rule(simulator, fault, match={"path": "/v1/charges"})
    assert simulator.get("/v1/payment_intents").status_code == 200
    began = time.monotonic()
    assert simulator.get("/v1/charges").status_code == 200
    assert time.monotonic() - began >= 0.12
    # That the other one was not made to wait is in the log: a busy machine is slow by itself.
    log = simulator.control("GET", "requests")["requests"]
    delayed = {entry["path"]: entry["fault"] is not None for entry in log}
    assert delayed == {"/v1/payment_intents": False, "/v1/charges": True}


def test_a_rule_is_about_what_it_says_and_counts(simulator: Simulator) -> None:
    match = {"method": "POST", "path": "/v1/refunds", "params": {"metadata[order]": "o-1"}}
    rule(simulator, {"kind": "error"}, match=match, skip=1, times=1)
    made = simulator.post("/v1/payment_intents", CREATE).json()["id"]
    base = {"payment_intent": made, "amount": "10"}
    statuses = [
        simulator.post("/v1/refunds", {**base, "metadata[order]": order}).status_code
        for order in ("o-2", "o-1", "o-1", "o-1")
    ]
    assert statuses == [200, 200, 500, 200]
    (shown,) = simulator.control("GET", "faults")["rules"]
    assert (shown["fitted"], shown["faults"]) == (3, 1)
    log = simulator.control("GET", "requests")["requests"]
    assert [entry["fault"] for entry in log if entry["fault"]] == [
        {"kind": "error", "when": "before", "status": 500, "stored": True, "should_retry": None}
    ]


def test_chances_repeat_with_their_seed(simulator: Simulator) -> None:
    def statuses(seed: int) -> list[int]:
        rule(simulator, {"kind": "error"}, probability=0.5, seed=seed)
        return [simulator.get("/v1/charges").status_code for _ in range(30)]

    first = statuses(1)
    assert 5 < first.count(500) < 25
    assert statuses(1) == first
    assert statuses(2) != first


def test_one_request_asks_for_a_fault_itself(simulator: Simulator) -> None:
    asked = {"Paidonce_Fault": '{"kind": "error", "when": "after", "status": 502}'}
    assert simulator.post("/v1/payment_intents", CREATE, **asked).status_code == 502
    assert intents(simulator) == 1
    assert simulator.post("/v1/payment_intents", CREATE).status_code == 200
    wrong = simulator.post("/v1/payment_intents", CREATE, Paidonce_Fault='{"kind": "luck"}')
    assert wrong.status_code == 400
    assert "Paidonce-Fault is not a fault" in wrong.json()["error"]["message"]


def test_the_first_rule_whose_turn_it_is_decides(simulator: Simulator) -> None:
    rules = [
        {"fault": {"kind": "error", "status": 501}, "times": 1},
        {"fault": {"kind": "error", "status": 502}, "times": 1},
    ]
    simulator.control("POST", "faults", {"rules": rules})
    assert [simulator.get("/v1/charges").status_code for _ in range(3)] == [501, 502, 200]


@pytest.mark.parametrize(
    "body",
    [
        {"rules": [{}]},
        {"rules": [{"fault": {"kind": "error", "status": 200}}]},
        {"rules": [{"fault": {"kind": "error"}, "probability": 2}]},
        {"rules": [{"fault": {"kind": "error"}, "match": {"verb": "GET"}}]},
    ],
)
def test_a_rule_that_is_none_is_refused(simulator: Simulator, body: Any) -> None:
    answer = simulator.http.post("/_control/faults", json=body, headers={"Paidonce-Control": "1"})
    assert answer.status_code == 400
    assert "not what was expected" in answer.json()["error"]["message"]


def test_requests_a_second_are_limited_before_their_keys_are_looked_at(
    simulator: Simulator,
) -> None:
    simulator.control("POST", "limits", {"per_second": 5})
    statuses: list[int] = []
    deadline = time.monotonic() + DEADLINE_S
    while 429 not in statuses:  # a slow machine may be some time within the limit
        assert time.monotonic() < deadline, "more than five requests in a second"
        key = f"k{len(statuses)}"
        answer = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key=key)
        statuses.append(answer.status_code)
    assert statuses[:5] == [200] * 5
    assert set(statuses) == {200, 429}
    simulator.control("POST", "limits", {})
    refused = statuses.index(429)
    late = simulator.post("/v1/payment_intents", CREATE, Idempotency_Key=f"k{refused}")
    assert (late.status_code, "Idempotent-Replayed" in late.headers) == (200, False)


def test_stripes_library_retries_a_lost_answer_and_pays_once(simulator: Simulator) -> None:
    """Its automatic key is what saves it."""
    rule(simulator, {"kind": "reset", "when": "after"}, times=1)
    client = stripe.StripeClient(
        API_KEY, base_addresses={"api": simulator.url}, max_network_retries=1
    )
    intent = client.v1.payment_intents.create(CREATE)  # type: ignore[arg-type]
    assert intent.status == "succeeded"
    assert intents(simulator) == 1
    posts = [
        entry
        for entry in simulator.control("GET", "requests")["requests"]
        if entry["method"] == "POST"
    ]
    assert [entry["replayed"] for entry in posts] == [True, False]
    assert len({entry["idempotency_key"] for entry in posts}) == 1
