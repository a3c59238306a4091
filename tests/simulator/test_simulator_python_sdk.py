"""Stripe's own library for Python drives the simulator, with its own retries as they are.

What the retries hide and what they cause is told in ``docs/simulator.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe
from simulator_process import API_KEY, Simulator
from webhook_receiver import receiving

VISA: Any = {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}


@pytest.fixture
def retrying(simulator: Simulator) -> Iterator[stripe.StripeClient]:
    """A client that retries as often as the library's functions do by default."""
    assert stripe.max_network_retries == 2, "the library's default is another one now"
    yield stripe.StripeClient(
        API_KEY,
        base_addresses={"api": simulator.url},
        max_network_retries=stripe.max_network_retries,
    )
    simulator.control("POST", "faults", {"rules": []})
    simulator.control("POST", "latency", {})


def faults(simulator: Simulator, fault: dict[str, Any], times: int | None = None) -> None:
    rule = {"fault": fault, "match": {"method": "POST"}, "times": times}
    simulator.control("POST", "faults", {"rules": [rule]})


def posts(simulator: Simulator) -> list[dict[str, Any]]:
    """Requests that change something, oldest first."""
    log = simulator.control("GET", "requests")["requests"]
    return [entry for entry in reversed(log) if entry["method"] == "POST"]


def test_a_payment_a_decline_3ds_a_refund_a_replay_and_a_webhook(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    with receiving() as receiver:
        endpoint = client.v1.webhook_endpoints.create(
            {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
        )
        paid = client.v1.payment_intents.create(VISA, {"idempotency_key": "python-1"})
        assert (paid.status, paid.amount_received) == ("succeeded", 1000)
        assert endpoint.secret is not None
        event = receiver.next(endpoint.secret)
        assert event.data.object["id"] == paid.id

    again = client.v1.payment_intents.create(VISA, {"idempotency_key": "python-1"})
    assert again.id == paid.id
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create({**VISA, "amount": 5000}, {"idempotency_key": "python-1"})

    with pytest.raises(stripe.CardError) as decline:
        client.v1.payment_intents.create({**VISA, "payment_method": "pm_card_chargeDeclined"})
    assert decline.value.code == "card_declined"

    asked = client.v1.payment_intents.create(
        {
            **VISA,
            "payment_method": "pm_card_threeDSecure2Required",
            "return_url": "http://127.0.0.1:9/back",
        }
    )
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None
    url = asked.next_action.redirect_to_url.url
    assert url is not None
    httpx.post(url, data={"outcome": "complete"}, timeout=120)
    assert client.v1.payment_intents.retrieve(asked.id).status == "succeeded"

    assert client.v1.refunds.create({"payment_intent": paid.id}).amount == 1000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    assert [charge["paid"] for charge in simulator.ledger()["charges"]] == [True, False, True]


def test_the_functions_retry_by_default_and_a_client_does_not(
    simulator: Simulator, retrying: stripe.StripeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen of stripe-python 16.1: two defaults, and an automatic key with both."""
    monkeypatch.setattr(stripe, "api_key", API_KEY)
    monkeypatch.setattr(stripe, "api_base", simulator.url)
    faults(simulator, {"kind": "reset", "when": "after"}, times=1)
    assert stripe.PaymentIntent.create(**VISA).status == "succeeded"
    assert [entry["replayed"] for entry in posts(simulator)] == [False, True]
    assert len(simulator.ledger()["charges"]) == 1

    simulator.control("POST", "reset")
    faults(simulator, {"kind": "reset", "when": "after"}, times=1)
    plain = stripe.StripeClient(API_KEY, base_addresses={"api": simulator.url})
    with pytest.raises(stripe.APIConnectionError):
        plain.v1.payment_intents.create(VISA)
    (only,) = posts(simulator)
    assert only["idempotency_key"] is not None
    assert len(simulator.ledger()["charges"]) == 1


def test_retries_hide_a_lost_answer(simulator: Simulator, retrying: stripe.StripeClient) -> None:
    faults(simulator, {"kind": "reset", "when": "after"}, times=1)
    assert retrying.v1.payment_intents.create(VISA).status == "succeeded"
    first, second = posts(simulator)
    assert first["idempotency_key"] == second["idempotency_key"] is not None
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert len(simulator.ledger()["charges"]) == 1


def test_a_500_outlives_the_retries_and_paying_again_pays_twice(
    simulator: Simulator, retrying: stripe.StripeClient
) -> None:
    faults(simulator, {"kind": "error", "when": "after"}, times=1)
    with pytest.raises(stripe.APIError):
        retrying.v1.payment_intents.create(VISA)
    # Three requests, one key: the 500 was kept under it, and the payment was made.
    assert [(entry["status"], entry["replayed"]) for entry in posts(simulator)] == [
        (500, False),
        (500, True),
        (500, True),
    ]
    assert len(simulator.ledger()["charges"]) == 1
    # Whoever now calls again has a new automatic key, and the customer has paid twice.
    retrying.v1.payment_intents.create(VISA)
    assert len(simulator.ledger()["charges"]) == 2


def test_a_key_of_ones_own_survives_a_second_call(
    simulator: Simulator, retrying: stripe.StripeClient
) -> None:
    faults(simulator, {"kind": "reset", "when": "after"}, times=3)
    mine: Any = {"idempotency_key": "order-1"}
    with pytest.raises(stripe.APIConnectionError):
        retrying.v1.payment_intents.create(VISA, mine)
    assert retrying.v1.payment_intents.create(VISA, mine).status == "succeeded"
    assert len(simulator.ledger()["charges"]) == 1


def test_retries_hide_a_conflict_but_not_a_rate_limit(
    simulator: Simulator, retrying: stripe.StripeClient
) -> None:
    simulator.control("POST", "latency", {"before": {"kind": "fixed", "ms": 150}})
    mine: Any = {"idempotency_key": "order-2"}
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(lambda: retrying.v1.payment_intents.create(VISA, mine).id) for _ in "12"
        ]
        assert both[0].result() == both[1].result()
    assert [entry["status"] for entry in posts(simulator)].count(409) >= 1
    assert len(simulator.ledger()["charges"]) == 1
    simulator.control("POST", "latency", {})

    faults(simulator, {"kind": "rate_limit"}, times=1)
    with pytest.raises(stripe.RateLimitError):
        retrying.v1.payment_intents.create(VISA)
    faults(simulator, {"kind": "lock_timeout"}, times=1)
    # 429 too, but Stripe-Should-Retry says that trying again is worth it.
    assert retrying.v1.payment_intents.create(VISA).status == "succeeded"
