"""Payment methods: what a request's ``payment_method`` or card token stands for.

Naming a test card (``pm_card_visa``) makes a new payment method with an id of its own, as it
does at Stripe; naming such an id later uses it again.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from paidonce.harness.simulator.domain.cards import (
    FUNDS,
    NOT_SIMULATED,
    NUMBERS,
    PAYMENT_METHODS,
    TOKENS,
    Card,
)
from paidonce.harness.simulator.domain.errors import (
    INVALID_REQUEST,
    KeepingDeclined,
    StripeError,
    no_such,
)
from paidonce.harness.simulator.domain.metadata import NO_METADATA, as_asked
from paidonce.harness.simulator.domain.objects import EventRequest, Metadata, PaymentMethod
from paidonce.harness.simulator.domain.state import World

_EXPIRY_MONTH = 12
_YEARS_AHEAD = 4
_SECONDS_PER_YEAR = 31_556_952


class PaymentSource(msgspec.Struct, frozen=True, kw_only=True):
    """The means by which a request pays: exactly one of a payment method's name, a card token,
    or a card number.

    A bank account is only known by the name of a test one. ``funds``: what the customer has sent.
    """

    payment_method: str | None = None
    token: str | None = None
    number: str | None = None
    funds: bool = False


def resolve(world: World, source: PaymentSource) -> PaymentMethod:
    """The payment method ``source`` names, made now if it is a test card or a token.

    Raises ``StripeError`` (400, ``resource_missing``) when there is none of that name.
    """
    if source.funds or source.token is not None or source.number is not None:
        return create(world, source, {})
    name = source.payment_method
    assert name is not None
    known = world.payment_methods.get(name)
    if known is not None:
        return known
    card = PAYMENT_METHODS.get(name)
    if card is None:
        raise _unknown(name)
    return _add(world, card, NO_METADATA)


def create(
    world: World, source: PaymentSource, metadata: Metadata, shown: str | None = None
) -> PaymentMethod:
    """A payment method from a test token such as ``tok_visa``, a test card's name or number, with
    the ``allow_redisplay`` of ``shown``.

    400 for an unknown one; 402 for a number where they are not taken.
    """
    method = _created(world, source, metadata)
    if shown is not None:
        method = msgspec.structs.replace(method, allow_redisplay=shown)
        world.payment_methods.put(method)
    return method


def _created(world: World, source: PaymentSource, metadata: Metadata) -> PaymentMethod:
    if source.funds:
        return _add(world, FUNDS, metadata)
    if source.number is not None:
        return _add(world, _numbered(world, source.number), metadata)
    if source.payment_method is not None:
        return _add(world, PAYMENT_METHODS[source.payment_method], metadata)
    token = source.token
    assert token is not None
    card = TOKENS.get(token) or world.tokens.get(token)
    if card is None:
        raise no_such("token", token, "card[token]", status=400)
    return _add(world, card, metadata)


def _numbered(world: World, number: str) -> Card:
    if not world.raw_cards:
        raise StripeError(
            402,
            "Sending credit card numbers directly to the Stripe API is generally unsafe. To "
            "continue processing use Stripe.js, the Stripe mobile bindings, or Stripe Elements. "
            "(This simulator takes test card numbers if it is started with --raw-cards.)",
            type=INVALID_REQUEST,
        )
    card = NUMBERS.get(number.replace(" ", ""))
    if card is None:
        raise StripeError(
            402,
            "Your card number is incorrect.",
            type="card_error",
            code="incorrect_number",
            param="number",
        )
    return card


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


def require(world: World, identifier: str) -> PaymentMethod:
    """The payment method of that id; 404 ``resource_missing`` otherwise."""
    method = world.payment_methods.get(identifier)
    if method is None:
        raise no_such("PaymentMethod", identifier, "payment_method")
    return method


def attach(world: World, identifier: str, customer: str, cause: EventRequest) -> PaymentMethod:
    """Keep a payment method for a customer.

    Raises a 400 where the customer does not exist, where it belongs to another one, or where it
    was used up (see ``spend``), and a 402 where its bank will not have it kept. Sources:
    https://docs.stripe.com/api/payment_methods/attach and
    https://docs.stripe.com/testing#declined-payments.
    """
    if customer not in world.customers or customer in world.deleted:
        raise no_such("customer", customer, "customer", status=400)
    require_keepable(world, identifier, customer)
    # Naming a test card makes one, here as everywhere.
    known = identifier in world.payment_methods
    method = require(world, identifier) if known else _add(world, PAYMENT_METHODS[identifier], {})
    if method.customer == customer:
        return method
    method = msgspec.structs.replace(method, customer=customer)
    world.payment_methods.put(method)
    world.methods_of[customer].append(method.id)
    world.emit("payment_method.attached", method, cause)
    return method


def require_keepable(world: World, identifier: str, customer: str | None) -> None:
    """Refuse as ``attach`` does what a customer cannot keep; None is one that is still to be."""
    if identifier not in world.payment_methods and identifier in PAYMENT_METHODS:
        card = PAYMENT_METHODS[identifier]
    else:
        method = require(world, identifier)
        if method.customer is not None:
            if method.customer == customer:
                return
            raise StripeError(
                400,
                "The payment method you provided has already been attached to a customer.",
                type=INVALID_REQUEST,
            )
        refuse_spent(world, method)
        card = world.card_of[method.id]
    if card.refuses_to_be_kept is not None:
        raise KeepingDeclined(card.refuses_to_be_kept)


def update(
    world: World,
    identifier: str,
    details: dict[str, Any] | None,
    shown: str | None,
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> PaymentMethod:
    """Change what is known of a payment method's owner; 400 where no customer has it.

    Source: https://docs.stripe.com/api/payment_methods/update.
    """
    method = require(world, identifier)
    if method.customer is None:
        raise StripeError(
            400,
            "You must save this PaymentMethod to a customer before you can update it.",
            type=INVALID_REQUEST,
        )
    changes: dict[str, Any] = {}
    if details is not None:
        known = method.billing_details
        address = {**known["address"], **(details.get("address") or {})}
        changes["billing_details"] = {**known, **details, "address": address}
    if shown is not None:
        changes["allow_redisplay"] = shown
    if metadata is not None:
        changes["metadata"] = as_asked(method.metadata, metadata)
    method = msgspec.structs.replace(method, **changes)
    world.payment_methods.put(method)
    world.emit("payment_method.updated", method, cause)
    return method


def detach(world: World, identifier: str, cause: EventRequest) -> PaymentMethod:
    """Take a payment method from its customer, for good: it cannot be used again.

    Raises a 400 where no customer has it.
    """
    method = require(world, identifier)
    if method.customer is None:
        raise StripeError(
            400,
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible.",
            type=INVALID_REQUEST,
        )
    world.methods_of[method.customer].remove(method.id)
    method = msgspec.structs.replace(method, customer=None)
    world.payment_methods.put(method)
    world.spent.add(method.id)
    world.emit("payment_method.detached", method, cause)
    return method


def spend(world: World, method: PaymentMethod) -> None:
    """A payment was made with it: unless a customer keeps it, it was for this one time.

    Source: https://docs.stripe.com/payments/payment-methods#payment-methods-and-customers
    """
    if method.customer is None:
        world.spent.add(method.id)


def refuse_spent(world: World, method: PaymentMethod) -> None:
    """400 when the payment method was for one time and that time is over."""
    if method.id in world.spent and method.customer is None:
        raise StripeError(
            400,
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, or was detached from a Customer. It may not be used again. To use a "
            "PaymentMethod multiple times, you must attach it to a Customer first.",
            type=INVALID_REQUEST,
            param="payment_method",
        )


def _add(world: World, card: Card, metadata: Metadata) -> PaymentMethod:
    details: dict[str, Any] = {"customer_balance": {}}
    if not card.funds:
        details = (
            {"card": _reusable_card(card, expiry_year(world))}
            if card.settling is None
            else {"us_bank_account": _bank_account(card)}
        )
    method = PaymentMethod(
        id=world.ids.draw("pm_"),
        billing_details=_nobody(),
        created=world.now(),
        metadata=metadata,
        type=card.type,
        **details,
    )
    world.payment_methods.put(method)
    world.card_of[method.id] = card
    return method


@cache
def _bank_account(bank: Card) -> dict[str, Any]:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": bank.brand,
        "financial_connections_account": None,
        "fingerprint": f"paidoncebank{bank.last4}",
        "last4": bank.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


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
