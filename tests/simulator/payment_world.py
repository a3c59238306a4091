"""Payments made without HTTP, in a world of their own."""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain import confirming, intents
from paidonce.harness.simulator.domain.confirming import Confirmation
from paidonce.harness.simulator.domain.intents import CreateIntent
from paidonce.harness.simulator.domain.objects import EventRequest, PaymentIntent
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

CAUSE = EventRequest(id="req_1", idempotency_key="key")
VISA = PaymentSource(payment_method="pm_card_visa")


def make(
    world: World, source: PaymentSource | None = None, *, confirm: bool = False, **more: Any
) -> PaymentIntent:
    request = CreateIntent(
        amount=1000, currency="usd", source=source, metadata={"order_id": "o1"}, **more
    )
    intent = intents.create(world, request, CAUSE)
    return pay(world, intent.id) if confirm else intent


def pay(
    world: World, intent: str, source: PaymentSource | None = None, **more: Any
) -> PaymentIntent:
    return confirming.confirm(world, intent, Confirmation(source=source, **more), CAUSE)


def event_types(world: World) -> list[str]:
    return [event.type for event in world.events]
