"""Payment intents: how they begin, what may be changed, and how they are given up.

::

    requires_payment_method ──attach──> requires_confirmation
        ^        │                            │
        │        └──────────confirm───────────┤          ┌──authenticated──┐
        │                                     ├──asked──> requires_action  │
        ├───────declined, not authenticated───┤<─────────────────┴─────────┘
        │                                     ├──card──────────────────────────> succeeded
        │                                     ├──to be captured──> requires_capture ──^
        └──failed── processing <──bank────────┘                        (capture)      │
                        └──────────────settled────────────────────────────────────────┘

    everything but succeeded and canceled ──cancel──> canceled

Source: https://docs.stripe.com/payments/paymentintents/lifecycle. What follows upon confirmation
is in ``confirming``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import accounts, cash, charges, money, transfers
from paidonce.harness.simulator.domain.cards import Decline
from paidonce.harness.simulator.domain.errors import StripeError, no_such, unexpected_state
from paidonce.harness.simulator.domain.intent_checks import (
    require_customer,
    require_minimum,
    require_usable,
)
from paidonce.harness.simulator.domain.metadata import merged
from paidonce.harness.simulator.domain.objects import EventRequest, Metadata, PaymentIntent
from paidonce.harness.simulator.domain.outcomes import told
from paidonce.harness.simulator.domain.payment_methods import PaymentSource, resolve
from paidonce.harness.simulator.domain.state import World

_NO_REQUEST = EventRequest(id=None, idempotency_key=None)
_GIVEN_UP = Decline(code="charge_canceled", message="The payment was canceled.")

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
    source: PaymentSource | None = None
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
    source: PaymentSource | None = None
    capture_method: str | None = None
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
    """A new intent. An unknown payment method or customer is a 400 and leaves nothing."""
    customer = request.extras.get("customer")
    require_customer(world, customer)
    if (data := request.extras.get("transfer_data")) is not None:
        accounts.destination(world, data["destination"], "transfer_data[destination]")
    method = None
    if request.source is not None:
        method = resolve(world, request.source)
        require_usable(world, method, customer, request.payment_method_types, request.currency)
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
        payment_method_types=_types(request.payment_method_types),
        status="requires_payment_method" if method is None else "requires_confirmation",
    )
    if request.extras:
        intent = replace(intent, **request.extras)
    world.intents.put(intent)
    world.emit("payment_intent.created", intent, cause)
    return intent


def unsaved(
    world: World,
    *,
    amount: int,
    currency: str,
    capture_method: str,
    metadata: Metadata,
    extras: dict[str, Any],
) -> PaymentIntent:
    """An intent like that of a charge without one; it has no id, and nobody ever sees it."""
    return PaymentIntent(
        id="",
        amount=amount,
        amount_details={},
        automatic_payment_methods=None,
        capture_method=capture_method,
        client_secret="",
        confirmation_method="automatic",
        created=world.now(),
        currency=currency,
        metadata=metadata,
        payment_method_types=["card"],
        status="requires_confirmation",
        **{"payment_method_options": _card_options(), **extras},
    )


def capture(
    world: World,
    identifier: str,
    amount: int | None,
    cause: EventRequest,
    extras: dict[str, Any] | None = None,
) -> PaymentIntent:
    """Take what the intent's charge has reserved, or ``amount`` of it; the rest is let go.

    ``extras`` are attributes of the intent and its charge that are said only now.

    400 ``payment_intent_unexpected_state`` unless the intent waits for it.
    Source: https://docs.stripe.com/api/payment_intents/capture.
    """
    intent = require(world, identifier)
    if intent.status != "requires_capture":
        raise unexpected_state(
            "This PaymentIntent could not be captured because it has a status of "
            f"{intent.status}. Only a PaymentIntent with one of the following statuses may be "
            "captured: requires_capture.",
            intent,
        )
    taken = intent.amount_capturable if amount is None else amount
    if taken > intent.amount_capturable:
        raise StripeError(
            400,
            "The amount to capture cannot be greater than the amount that can be captured: "
            f"{money.written(intent.amount_capturable, intent.currency)}.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    assert intent.latest_charge is not None
    charge = world.charges[intent.latest_charge]
    if extras:
        require_destination(intent, extras)
        intent, charge = replace(intent, **extras), replace(charge, **extras)
    charge = charges.capture(world, charge, taken)
    charge = transfers.of_charge(world, charge, intent, cause)
    intent = replace(intent, status="succeeded", amount_capturable=0, amount_received=taken)
    world.intents.put(intent)
    world.emit("charge.captured", charge, cause)
    world.emit("payment_intent.succeeded", intent, cause)
    return told(world, intent, cause)


def require_destination(intent: PaymentIntent, extras: dict[str, Any]) -> None:
    """400 for a fee of what is sent on to nobody."""
    if extras.get("application_fee_amount") is not None and intent.transfer_data is None:
        raise StripeError(
            400,
            "Can only apply an application_fee_amount when the PaymentIntent has a destination "
            "(`transfer_data[destination]`).",
            param="application_fee_amount",
        )


def increment(
    world: World, identifier: str, amount: int, extras: dict[str, Any], cause: EventRequest
) -> PaymentIntent:
    """Reserve more of what is not captured yet, which was to be allowed for when it was made.

    400 otherwise. Source: https://docs.stripe.com/payments/incremental-authorization.
    """
    intent = require(world, identifier)
    if intent.status != "requires_capture":
        raise unexpected_state(
            "This PaymentIntent's authorization cannot be incremented because it has a status of "
            f"{intent.status}. It must be requires_capture.",
            intent,
        )
    card = intent.payment_method_options.get("card", {})
    if card.get("request_incremental_authorization") != "if_available":
        raise StripeError(
            400,
            "This PaymentIntent does not support incremental authorization: "
            "payment_method_options[card][request_incremental_authorization] was not "
            "if_available.",
            code="payment_intent_invalid_parameter",
        )
    if amount <= intent.amount:
        raise StripeError(
            400,
            "The amount must be greater than the amount that is authorized: "
            f"{money.written(intent.amount, intent.currency)}.",
            param="amount",
        )
    assert intent.latest_charge is not None
    charge = replace(world.charges[intent.latest_charge], amount=amount)
    world.charges.put(charge)
    intent = replace(intent, amount=amount, amount_capturable=amount, **extras)
    world.intents.put(intent)
    world.emit("payment_intent.amount_capturable_updated", intent, cause)
    return intent


def cancel(world: World, identifier: str, reason: str | None, cause: EventRequest) -> PaymentIntent:
    """Give the intent up; 400 ``payment_intent_unexpected_state`` when it is decided already.

    What its charge had reserved is let go, without a refund; a pending charge fails.
    """
    intent = require(world, identifier)
    if _on_an_open_page(world, identifier):
        raise unexpected_state(
            "You cannot cancel this PaymentIntent because it was created by a Checkout Session. "
            "Expire the Checkout Session instead.",
            intent,
        )
    if identifier in world.invoice_of:
        raise unexpected_state(
            "You cannot cancel this PaymentIntent because it was created by an Invoice. Void the "
            "Invoice instead.",
            intent,
        )
    return give_up(world, identifier, reason, cause)


def give_up(
    world: World, identifier: str, reason: str | None, cause: EventRequest
) -> PaymentIntent:
    """As ``cancel``, on behalf of what has made the intent."""
    intent = require(world, identifier)
    if intent.status not in _CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELABLE)}.",
            intent,
        )
    if intent.status == "processing":
        assert intent.latest_charge is not None
        charge = charges.settle(world, world.charges[intent.latest_charge], _GIVEN_UP)
        world.emit("charge.failed", charge, cause)
    world.authenticated.discard(identifier)
    intent = replace(
        cash.let_go(world, intent, cause),
        status="canceled",
        amount_capturable=0,
        canceled_at=world.now(),
        cancellation_reason=reason,
        next_action=None,
    )
    world.intents.put(intent)
    world.emit("payment_intent.canceled", intent, cause)
    return intent


def update(
    world: World, identifier: str, request: UpdateIntent, cause: EventRequest = _NO_REQUEST
) -> PaymentIntent:
    """Change an intent. Metadata may change at any time, everything else while it is open.

    Raises a 400 ``payment_intent_unexpected_state`` naming the attribute that may not change, or
    a 400 ``amount_too_small`` when the new amount and currency do not go together; then nothing
    has changed. Stripe sends no event for an update; only a cash balance may move.
    """
    intent = require(world, identifier)
    changes: dict[str, Any] = dict(request.extras)
    if request.amount is not None:
        changes["amount"] = request.amount
    if request.currency is not None:
        changes["currency"] = request.currency
    if request.capture_method is not None:
        changes["capture_method"] = request.capture_method
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
    customer = changes.get("customer", intent.customer)
    if "customer" in changes:
        require_customer(world, customer)
    require_destination(intent, changes)
    types = changes.get("payment_method_types", intent.payment_method_types)
    if request.source is not None:
        method = resolve(world, request.source)
        currency = changes.get("currency", intent.currency)
        require_usable(world, method, customer, types, currency)
        changes["payment_method"] = method.id
        changes["status"] = "requires_confirmation"
        intent = cash.let_go(world, intent, cause)
        changes["next_action"] = None
    elif "amount" in changes:
        intent = cash.repriced(intent, changes["amount"])
    if changes:
        # Whoever was authenticated agreed to what was asked then.
        world.authenticated.discard(identifier)
    if request.clear_metadata or request.metadata:
        changes["metadata"] = merged(
            {} if request.clear_metadata else intent.metadata, request.metadata
        )
    intent = replace(intent, **changes)
    world.intents.put(intent)
    return intent


def _on_an_open_page(world: World, identifier: str) -> bool:
    """Return whether a Checkout Session that is still open has made the intent
    (https://docs.stripe.com/api/payment_intents/cancel)."""
    session = world.session_of.get(identifier)
    return session is not None and world.sessions[session].status == "open"


@cache
def _types(types: tuple[str, ...]) -> list[str]:
    return list(types)


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


def card_options(**chosen: str) -> dict[str, Any]:
    """The options of a payment, with those chosen that differ for cards."""
    return {"card": {**_card_options()["card"], **chosen}}


def incremental_options() -> dict[str, Any]:
    """The options of a payment of which more may be reserved later."""
    return card_options(request_incremental_authorization="if_available")


@cache
def _amount_details() -> dict[str, Any]:
    return {"tip": {}}
