"""Webhooks: signed, at least once, repeated on demand, and in the order a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from simulator_process import SECRET, Simulator, running
from webhook_receiver import Receiver, receiving

SUCCEEDED = "payment_intent.succeeded"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def secret(client: stripe.StripeClient, receiver: Receiver) -> str:
    endpoint = client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": [SUCCEEDED]}
    )
    assert endpoint.secret is not None
    return endpoint.secret


def pay(client: stripe.StripeClient) -> str:
    return client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    ).id


def about(event: stripe.Event) -> str:
    return str(event.data.object["id"])


def deliveries(simulator: Simulator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = simulator.control("GET", "deliveries")["deliveries"]
    return found


def idle(simulator: Simulator) -> None:
    simulator.control("POST", "webhooks/idle")


def test_events_are_delivered_in_order_and_verified_by_stripes_own_function(
    client: stripe.StripeClient, simulator: Simulator, receiver: Receiver, secret: str
) -> None:
    paid = [pay(client) for _ in range(5)]
    events = [receiver.next(secret) for _ in paid]
    assert [event.type for event in events] == [SUCCEEDED] * 5
    assert [about(event) for event in events] == paid
    idle(simulator)
    assert {one["state"] for one in deliveries(simulator)} == {"delivered"}
    assert client.v1.events.retrieve(events[0].id).pending_webhooks == 0


def test_what_fails_comes_again_with_the_same_id_until_it_is_taken(
    client: stripe.StripeClient, simulator: Simulator, receiver: Receiver, secret: str
) -> None:
    receiver.statuses = [500, 302]
    pay(client)
    first = receiver.next(secret)
    # The clock of the simulation decides when: nobody waits half an hour.
    idle(simulator)
    assert client.v1.events.retrieve(first.id).pending_webhooks == 1
    simulator.control("POST", "clock", {"advance_seconds": 60})
    second = receiver.next(secret)
    idle(simulator)
    simulator.control("POST", "clock", {"advance_seconds": 60})
    third = receiver.next(secret)
    idle(simulator)
    assert first.id == second.id == third.id
    (delivery,) = deliveries(simulator)
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 302, 200]


def test_after_the_last_repetition_it_has_failed_and_can_be_sent_by_hand(
    client: stripe.StripeClient, simulator: Simulator, receiver: Receiver, secret: str
) -> None:
    receiver.statuses = [500] * 4
    pay(client)
    for _ in range(4):
        event = receiver.next(secret)
        idle(simulator)
        simulator.control("POST", "clock", {"advance_seconds": 60})
    (delivery,) = deliveries(simulator)
    assert delivery["state"] == "failed"
    sent = simulator.control("POST", "webhooks/send", {"event": event.id})["deliveries"]
    assert len(sent) == 1
    assert receiver.next(secret).id == event.id


def test_a_receiver_that_is_not_there_is_tried_again(
    client: stripe.StripeClient, simulator: Simulator
) -> None:
    client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"]})
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    idle(simulator)
    (delivery,) = deliveries(simulator)
    assert delivery["state"] == "due"
    assert "ConnectError" in delivery["attempts"][0]["error"]


def test_duplicates_come_on_demand(
    client: stripe.StripeClient, simulator: Simulator, receiver: Receiver, secret: str
) -> None:
    simulator.control("POST", "webhooks", {"duplicate": 1})
    pay(client)
    assert receiver.next(secret).id == receiver.next(secret).id


def test_held_events_come_when_and_in_the_order_they_are_released(
    client: stripe.StripeClient, simulator: Simulator, receiver: Receiver, secret: str
) -> None:
    simulator.control("POST", "webhooks", {"hold": True})
    paid = [pay(client) for _ in range(3)]
    idle(simulator)
    assert receiver.raw.empty()
    held = list(reversed(deliveries(simulator)))
    assert [one["state"] for one in held] == ["held"] * 3
    order = [held[2]["event"], held[0]["event"]]
    simulator.control("POST", "webhooks/release", {"events": order})
    assert [about(receiver.next(secret)) for _ in order] == [paid[2], paid[0]]
    simulator.control("POST", "webhooks/release", {})
    assert about(receiver.next(secret)) == paid[1]


def test_a_window_is_shuffled_alike_with_the_same_seed(
    client: stripe.StripeClient, simulator: Simulator, receiver: Receiver, secret: str
) -> None:
    orders = []
    for _ in range(2):
        simulator.control("POST", "webhooks", {"shuffle_ms": 600_000, "seed": 3})
        paid = [pay(client) for _ in range(6)]
        simulator.control("POST", "clock", {"advance_seconds": 1200})
        orders.append([paid.index(about(receiver.next(secret))) for _ in paid])
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == [0, 1, 2, 3, 4, 5] != orders[0]


def test_a_disabled_or_deleted_endpoint_gets_nothing_more(
    client: stripe.StripeClient, simulator: Simulator, receiver: Receiver, secret: str
) -> None:
    (endpoint,) = client.v1.webhook_endpoints.list().data
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    pay(client)
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": False})
    wanted = pay(client)
    client.v1.webhook_endpoints.delete(endpoint.id)
    pay(client)
    idle(simulator)
    assert len(deliveries(simulator)) <= 1
    # The one in between may have been on its way when the endpoint was deleted.
    if deliveries(simulator)[0]["state"] == "delivered":
        assert about(receiver.next(secret)) == wanted
    assert receiver.raw.empty()


def test_an_address_elsewhere_is_not_written_to(
    client: stripe.StripeClient, simulator: Simulator
) -> None:
    client.v1.webhook_endpoints.create(
        {"url": "https://shop.example.com/hook", "enabled_events": ["*"]}
    )
    client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    idle(simulator)
    (delivery,) = deliveries(simulator)
    assert (delivery["state"], delivery["attempts"]) == ("withheld", [])


def test_the_endpoint_of_the_command_line_outlives_a_reset(receiver: Receiver) -> None:
    flags = ("--webhook-secret", SECRET, "--forward-to", receiver.url)
    with running(*flags, "--forward-event", SUCCEEDED) as simulator:
        simulator.control("POST", "reset")
        paid = pay(simulator.client())
        assert about(receiver.next(SECRET)) == paid
        # It was delivered; what it stopped with is not part of this test.
        idle(simulator)
