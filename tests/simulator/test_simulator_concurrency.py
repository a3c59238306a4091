"""Many clients at once against one simulator: the guarantees a service may rely on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import stripe
from simulator_process import Simulator, running

CREATE: stripe.params.PaymentIntentCreateParams = {
    "amount": 1000,
    "currency": "usd",
    "confirm": True,
    "payment_method": "pm_card_visa",
}
SLOW = {
    "before": {"kind": "uniform", "low_ms": 0, "high_ms": 8},
    "after": {"kind": "fixed", "ms": 2},
}


def together(
    simulator: Simulator, count: int, action: Callable[[stripe.StripeClient], str]
) -> Counter[str]:
    """Do ``action`` on ``count`` threads at the same moment; what each came to."""
    barrier = Barrier(count, timeout=120)

    def one(_: int) -> str:
        client = simulator.client()
        client.v1.charges.list({"limit": 1})  # the connection is up before the start
        barrier.wait()
        try:
            return action(client)
        except stripe.StripeError as error:
            # Not error.code: the library leaves it empty on a 409.
            return str(error.error.code if error.error else error)

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


@pytest.fixture
def slow(simulator: Simulator) -> Simulator:
    simulator.control("POST", "latency", SLOW)
    return simulator


def test_thirty_creates_with_one_key_make_one_intent(slow: Simulator) -> None:
    outcome = together(
        slow,
        30,
        lambda client: client.v1.payment_intents.create(CREATE, {"idempotency_key": "k"}).id,
    )
    ledger = slow.ledger()
    (intent,) = ledger["intents"]
    assert len(ledger["charges"]) == 1
    assert set(outcome) <= {intent["id"], "idempotency_key_in_use"}
    assert outcome[intent["id"]] >= 1
    assert sum(outcome.values()) == 30


@pytest.fixture(scope="module")
def serializing() -> Iterator[Simulator]:
    with running("--idempotency-concurrency", "serialize", "--latency-ms", "20") as simulator:
        yield simulator


def test_thirty_serialized_creates_all_get_the_same_answer(serializing: Simulator) -> None:
    outcome = together(
        serializing,
        30,
        lambda client: client.v1.payment_intents.create(CREATE, {"idempotency_key": "k"}).id,
    )
    (intent,) = serializing.ledger()["intents"]
    assert outcome == {intent["id"]: 30}


def test_thirty_creates_without_a_common_key_make_thirty(slow: Simulator) -> None:
    outcome = together(slow, 30, lambda client: client.v1.payment_intents.create(CREATE).id)
    assert len(outcome) == 30
    assert len(slow.ledger()["charges"]) == 30


def test_concurrent_confirmations_make_one_charge(slow: Simulator) -> None:
    intent = slow.client().v1.payment_intents.create({"amount": 1000, "currency": "usd"}).id
    outcome = together(
        slow,
        20,
        lambda client: (
            client.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"}).status
        ),
    )
    assert outcome == {"succeeded": 1, "payment_intent_unexpected_state": 19}
    assert len(slow.ledger()["charges"]) == 1


def test_confirm_and_cancel_at_once_have_one_winner(slow: Simulator) -> None:
    create: stripe.params.PaymentIntentCreateParams = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
    }
    intent = slow.client().v1.payment_intents.create(create).id
    turns = iter(range(10))

    def action(client: stripe.StripeClient) -> str:
        intents = client.v1.payment_intents
        return (intents.confirm if next(turns) % 2 else intents.cancel)(intent).status

    outcome = together(slow, 10, action)
    assert outcome["payment_intent_unexpected_state"] == 9
    (charged,) = (ledger := slow.ledger())["intents"]
    assert outcome[charged["status"]] == 1
    assert len(ledger["charges"]) == (charged["status"] == "succeeded")


def test_concurrent_refunds_never_exceed_the_charge(slow: Simulator) -> None:
    intent = slow.client().v1.payment_intents.create(CREATE).id
    outcome = together(
        slow,
        10,
        lambda client: str(
            client.v1.refunds.create({"payment_intent": intent, "amount": 300}).status
        ),
    )
    assert outcome["succeeded"] == 3
    ledger = slow.ledger()
    assert sum(refund["amount"] for refund in ledger["refunds"]) == 900
    assert ledger["charges"][0]["amount_refunded"] == 900
