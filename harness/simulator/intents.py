"""The payment intent's state machine.

::

    requires_payment_method ──attach──> requires_confirmation
        ^        │                            │
        │        └──────────confirm───────────┤
        └────────────declined─────────────────┴──paid──> succeeded

    requires_payment_method, requires_confirmation, requires_action ──cancel──> canceled

Source: https://docs.stripe.com/payments/paymentintents/lifecycle. ``requires_action`` is named
in the rules but not reached yet: no simulated card asks for authentication.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from harness.simulator import charges, money
from harness.simulator.errors import Declined, StripeError, no_such, unexpected_state
from harness.simulator.objects import EventRequest, Metadata, PaymentIntent
from harness.simulator.payment_methods import Source, resolve
from harness.simulator.state import World

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
"""Not yet decided: may be confirmed, canceled, and given another amount."""

_CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)

replace = msgspec.structs.replace


class CreateIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new intent. ``extras`` are attributes taken over as they are."""

    amount: int
    currency: str
    confirm: bool = False
    source: Source | None = None
    metadata: Metadata = {}
    automatic_payment_methods: dict[str, Any] | None = None
    payment_method_types: tuple[str, ...] = ("card",)
    capture_method: str = "automatic_async"
    confirmation_method: str = "automatic"
    extras: dict[str, Any] = {}


class UpdateIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request to change an intent; what is None stays as it is.

    ``metadata`` is merged: a None value removes its key. ``clear_metadata`` empties it first.
    """

    amount: int | None = None
    currency: str | None = None
    source: Source | None = None
    metadata: dict[str, str | None] = {}
    clear_metadata: bool = False
    extras: dict[str, Any] = {}


def require(world: World, identifier: str, *, param: str = "intent") -> PaymentIntent:
    """The intent of that id; 404 ``resource_missing`` otherwise."""
    intent = world.intents.get(identifier)
    if intent is None:
        raise no_such("payment_intent", identifier, param)
    return intent


def create(world: World, request: CreateIntent, cause: EventRequest) -> PaymentIntent:
    """A new intent, confirmed at once if asked.

    Raises ``Declined`` when that confirmation fails, and a 400 when it lacks a payment method;
    in both cases the intent exists and the error shows it. An unknown payment method is a 400
    and leaves nothing.
    """
    method = None if request.source is None else resolve(world, request.source)
    identifier = world.ids.draw("pi_")
    intent = PaymentIntent(
        id=identifier,
        amount=request.amount,
        amount_details=_amount_details(),
        automatic_payment_methods=request.automatic_payment_methods,
        capture_method=request.capture_method,
        client_secret=world.ids.client_secret(identifier),
        confirmation_method=request.confirmation_method,
        created=world.now(),
        currency=request.currency,
        metadata=request.metadata,
        payment_method=None if method is None else method.id,
        payment_method_options=_card_options(),
        payment_method_types=list(request.payment_method_types),
        status="requires_payment_method" if method is None else "requires_confirmation",
    )
    if request.extras:
        intent = replace(intent, **request.extras)
    world.intents.put(intent)
    world.emit("payment_intent.created", intent, cause)
    if request.confirm:
        return confirm(world, identifier, None, cause)
    return intent


def confirm(
    world: World,
    identifier: str,
    source: Source | None,
    cause: EventRequest,
    extras: dict[str, Any] | None = None,
) -> PaymentIntent:
    """Try to pay, with ``source`` or else with the payment method attached before.

    ``extras`` are attributes to set on the intent first.

    Raises a 400 ``payment_intent_unexpected_state`` and changes nothing when the intent is
    decided already or has nothing to pay with; raises ``Declined`` when the card says no, after
    which the intent wants another payment method and a failed charge is on record.
    """
    intent = require(world, identifier)
    _refuse_if_decided(intent)
    if source is not None:
        method = resolve(world, source)
    elif intent.payment_method is not None:
        method = world.payment_methods[intent.payment_method]
    else:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            intent,
        )
    if extras:
        intent = replace(intent, **extras)
    charge, failure = charges.attempt(world, intent, method)
    if failure is not None:
        intent = replace(
            intent,
            status="requires_payment_method",
            payment_method=None,
            latest_charge=charge.id,
            last_payment_error=failure,
        )
        world.intents.put(intent)
        world.emit("charge.failed", charge, cause)
        world.emit("payment_intent.payment_failed", intent, cause)
        raise Declined(failure, intent)
    intent = replace(
        intent,
        status="succeeded",
        amount_received=intent.amount,
        payment_method=method.id,
        latest_charge=charge.id,
        last_payment_error=None,
    )
    world.intents.put(intent)
    world.emit("charge.succeeded", charge, cause)
    world.emit("payment_intent.succeeded", intent, cause)
    return intent


def cancel(world: World, identifier: str, reason: str | None, cause: EventRequest) -> PaymentIntent:
    """Give the intent up; 400 ``payment_intent_unexpected_state`` when it is decided already."""
    intent = require(world, identifier)
    if intent.status not in _CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELABLE)}.",
            intent,
        )
    intent = replace(intent, status="canceled", canceled_at=world.now(), cancellation_reason=reason)
    world.intents.put(intent)
    world.emit("payment_intent.canceled", intent, cause)
    return intent


def update(world: World, identifier: str, request: UpdateIntent) -> PaymentIntent:
    """Change an intent. Metadata may change at any time, everything else while it is open.

    Raises a 400 ``payment_intent_unexpected_state`` naming the attribute that may not change, or
    a 400 ``amount_too_small`` when the new amount and currency do not go together; then nothing
    has changed. Stripe sends no event for an update, so none is emitted.
    """
    intent = require(world, identifier)
    changes: dict[str, Any] = dict(request.extras)
    if request.amount is not None:
        changes["amount"] = request.amount
    if request.currency is not None:
        changes["currency"] = request.currency
    guarded = [*changes, *(["payment_method"] if request.source is not None else [])]
    if guarded and intent.status not in OPEN:
        raise unexpected_state(
            f"This PaymentIntent's {guarded[0]} could not be updated because it has a status of "
            f"{intent.status}. You may only update the {guarded[0]} of a PaymentIntent with one of "
            f"the following statuses: {', '.join(OPEN)}.",
            intent,
        )
    if request.amount is not None or request.currency is not None:
        require_minimum(
            changes.get("amount", intent.amount), changes.get("currency", intent.currency)
        )
    if request.source is not None:
        changes["payment_method"] = resolve(world, request.source).id
        changes["status"] = "requires_confirmation"
    if request.clear_metadata or request.metadata:
        changes["metadata"] = merged(
            {} if request.clear_metadata else intent.metadata, request.metadata
        )
    intent = replace(intent, **changes)
    world.intents.put(intent)
    return intent


def merged(old: Metadata, changes: dict[str, str | None]) -> Metadata:
    """``old`` with ``changes`` laid over it; a None removes its key."""
    union = {**old, **changes}
    return {key: value for key, value in union.items() if value is not None}


def require_minimum(amount: int, currency: str, error: type[StripeError] = StripeError) -> None:
    """400 ``amount_too_small`` when Stripe would not charge so little in that currency.

    ``error`` is ``Refused`` where this is part of checking the parameters alone.
    """
    if amount < money.minimum(currency):
        raise error(
            400,
            f"Amount must be at least {money.written(money.minimum(currency), currency)}",
            code="amount_too_small",
            param="amount",
        )


def _refuse_if_decided(intent: PaymentIntent) -> None:
    if intent.status == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.",
            intent,
        )
    if intent.status not in OPEN:
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {intent.status}. "
            "Only a PaymentIntent with one of the following statuses may be confirmed: "
            f"{', '.join(OPEN)}.",
            intent,
        )


@cache
def _card_options() -> dict[str, Any]:
    return {
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        }
    }


@cache
def _amount_details() -> dict[str, Any]:
    return {"tip": {}}
