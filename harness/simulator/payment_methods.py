"""Payment methods: what a request's ``payment_method`` or card token stands for.

Naming a test card (``pm_card_visa``) makes a new payment method with an id of its own, as it
does at Stripe; naming such an id later uses it again.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from harness.simulator.cards import NOT_SIMULATED, PAYMENT_METHODS, TOKENS, Card
from harness.simulator.errors import INVALID_REQUEST, StripeError, no_such
from harness.simulator.objects import Metadata, PaymentMethod
from harness.simulator.state import World

_EXPIRY_MONTH = 12
_YEARS_AHEAD = 4
_SECONDS_PER_YEAR = 31_556_952


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a request pays with: exactly one of a payment method's name or a card token."""

    payment_method: str | None = None
    token: str | None = None


def resolve(world: World, source: Source) -> PaymentMethod:
    """The payment method ``source`` names, made now if it is a test card or a token.

    Raises ``StripeError`` (400, ``resource_missing``) when there is none of that name.
    """
    if source.token is not None:
        return create(world, source.token, {})
    name = source.payment_method
    assert name is not None
    known = world.payment_methods.get(name)
    if known is not None:
        return known
    card = PAYMENT_METHODS.get(name)
    if card is None:
        raise _unknown(name)
    return _add(world, card, {})


def create(world: World, token: str, metadata: Metadata) -> PaymentMethod:
    """A payment method from a test token such as ``tok_visa``; 400 for an unknown token."""
    card = TOKENS.get(token)
    if card is None:
        raise no_such("token", token, "card[token]", status=400)
    return _add(world, card, metadata)


def expiry_year(world: World) -> int:
    """The year test cards expire in: always some years from now."""
    return 1970 + world.now() // _SECONDS_PER_YEAR + _YEARS_AHEAD


# What is alike for every use of a card is built once and shared by all the snapshots that show
# it: a long load test holds hundreds of thousands of them.


@cache
def card_details(card: Card, exp_year: int) -> dict[str, Any]:
    """The fields a card has alike on a payment method and on a charge."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": None,
        },
        "country": card.country,
        "exp_month": _EXPIRY_MONTH,
        "exp_year": exp_year,
        "fingerprint": f"paidonce{card.brand}{card.last4}",
        "funding": card.funding,
        "last4": card.last4,
        "regulated_status": "unregulated",
        "wallet": None,
    }


@cache
def _reusable_card(card: Card, exp_year: int) -> dict[str, Any]:
    return {
        **card_details(card, exp_year),
        "display_brand": card.brand,
        "generated_from": None,
        "networks": {"available": [card.brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
    }


@cache
def _nobody() -> dict[str, Any]:
    """Nobody's name and address, in the shape Stripe gives them."""
    return {
        "address": {
            "city": None,
            "country": None,
            "line1": None,
            "line2": None,
            "postal_code": None,
            "state": None,
        },
        "email": None,
        "name": None,
        "phone": None,
        "tax_id": None,
    }


def _add(world: World, card: Card, metadata: Metadata) -> PaymentMethod:
    method = PaymentMethod(
        id=world.ids.draw("pm_"),
        billing_details=_nobody(),
        card=_reusable_card(card, expiry_year(world)),
        created=world.now(),
        metadata=metadata,
    )
    world.payment_methods.put(method)
    world.card_of[method.id] = card
    return method


def _unknown(name: str) -> StripeError:
    if name.startswith(NOT_SIMULATED):
        return StripeError(
            400,
            f"The test payment method '{name}' is not simulated: its card needs a feature of "
            "Stripe (authentication, disputes, fraud rules, …) this simulator does not have.",
            type=INVALID_REQUEST,
            param="payment_method",
        )
    return no_such("PaymentMethod", name, "payment_method", status=400)
