"""Charges that are made without a payment intent, by the older ``POST /v1/charges``.

Source: https://docs.stripe.com/api/charges/create. Nobody can be asked for authentication here: a
card that asks is declined.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import charges, intents, money, payment_methods
from paidonce.harness.simulator.domain.cards import AUTHENTICATION_REQUIRED, Asks
from paidonce.harness.simulator.domain.confirming import AUTHORIZED_SECONDS, BY_ITSELF
from paidonce.harness.simulator.domain.errors import ChargeDeclined, StripeError
from paidonce.harness.simulator.domain.intent_checks import require_customer, require_usable
from paidonce.harness.simulator.domain.objects import Charge, EventRequest, Metadata
from paidonce.harness.simulator.domain.payment_methods import PaymentSource, resolve
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


class CreateCharge(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a charge; ``extras`` are attributes taken over as they are."""

    amount: int
    currency: str
    source: PaymentSource
    capture: bool = True
    metadata: Metadata = {}
    extras: dict[str, Any] = {}


def create(world: World, request: CreateCharge, cause: EventRequest) -> Charge:
    """Charge a card, or reserve the amount. Raises ``ChargeDeclined`` where it says no."""
    customer = request.extras.get("customer")
    require_customer(world, customer)
    method = resolve(world, request.source)
    require_usable(world, method, customer, ("card",), request.currency)
    card = world.card_of[method.id]
    decline = card.decline
    if card.asks is Asks.ALWAYS and decline is None:
        decline = AUTHENTICATION_REQUIRED
    like = intents.unsaved(
        world,
        amount=request.amount,
        currency=request.currency,
        capture_method="automatic" if request.capture else "manual",
        metadata=request.metadata,
        extras=request.extras,
    )
    charge = charges.attempt(world, like, method, decline)
    if decline is not None:
        world.emit("charge.failed", charge, cause)
        raise ChargeDeclined(charges.failure(charge, decline, method))
    payment_methods.spend(world, method)
    if not charge.captured:
        world.plan(AUTHORIZED_SECONDS, "expire_charge", charge.id)
    world.emit("charge.succeeded", charge, cause)
    return charge


def capture(world: World, charge: Charge, amount: int | None, cause: EventRequest) -> Charge:
    """Take what a charge has reserved, or ``amount`` of it; 400 where that is more."""
    taken = charge.amount if amount is None else amount
    if taken > charge.amount or charge.status != "succeeded" or charge.id in world.spent:
        raise StripeError(
            400,
            f"Charge {charge.id} cannot be captured for {money.written(taken, charge.currency)}: "
            "it has failed, has expired, or is less.",
            param="amount",
        )
    charge = charges.capture(world, charge, taken)
    world.emit("charge.captured", charge, cause)
    return charge


def expire(world: World, identifier: str) -> None:
    """Let a charge go that was not captured in time."""
    charge = world.charges[identifier]
    if not charge.captured:
        world.spent.add(identifier)
        world.emit("charge.expired", charge, BY_ITSELF)
