"""Charging a card: the one place where money moves towards the account."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import money
from paidonce.harness.simulator.domain.booking import book
from paidonce.harness.simulator.domain.cards import AUTHENTICATION_REQUIRED, Asks, Card, Decline
from paidonce.harness.simulator.domain.errors import card_error
from paidonce.harness.simulator.domain.objects import (
    Charge,
    ErrorObject,
    PaymentIntent,
    PaymentMethod,
)
from paidonce.harness.simulator.domain.payment_methods import card_details, expiry_year
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


_NO_FRAUD: dict[str, Any] = {}


def attempt(
    world: World, intent: PaymentIntent, method: PaymentMethod, decline: Decline | None
) -> Charge:
    """Charge ``method`` for the intent, with the failed charge as the result of a ``decline``.

    The charge is pending where the method takes days to settle, uncaptured where the intent is to
    be captured later, and has brought the money otherwise. The intent is left to the caller to
    move on, and no event is emitted.
    """
    card = world.card_of[method.id]
    identifier = world.ids.draw("ch_")
    pending = decline is None and card.settling is not None
    captured = decline is None and intent.capture_method != "manual"
    paid = captured and not pending
    charge = Charge(
        id=identifier,
        amount=intent.amount,
        amount_captured=intent.amount if paid else 0,
        application_fee_amount=intent.application_fee_amount,
        balance_transaction=(
            _brought(world, identifier, intent.amount, intent.currency, card) if paid else None
        ),
        billing_details=method.billing_details,
        captured=captured,
        created=world.now(),
        currency=intent.currency,
        customer=intent.customer,
        description=intent.description,
        failure_code=None if decline is None else decline.code,
        failure_message=None if decline is None else decline.message,
        fraud_details=_NO_FRAUD,
        metadata=intent.metadata,
        outcome=_outcome(decline),
        paid=decline is None and not pending,
        payment_intent=intent.id or None,
        payment_method=method.id,
        payment_method_details=_method_details(world, card, decline, intent.amount),
        receipt_email=intent.receipt_email,
        shipping=intent.shipping,
        statement_descriptor=intent.statement_descriptor,
        statement_descriptor_suffix=intent.statement_descriptor_suffix,
        status="failed" if decline is not None else "pending" if pending else "succeeded",
        on_behalf_of=intent.on_behalf_of,
        transfer_data=intent.transfer_data,
        transfer_group=intent.transfer_group,
    )
    world.charges.put(charge)
    world.charges_of[intent.id or charge.id].append(charge.id)
    return charge


def capture(world: World, charge: Charge, amount: int) -> Charge:
    """Take ``amount`` of what an uncaptured charge has reserved; the rest is let go.

    Letting go makes no refund and leaves ``amount_refunded`` as it is:
    https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow.
    """
    card = world.card_of[charge.payment_method]
    charge = replace(
        charge,
        captured=True,
        amount_captured=amount,
        balance_transaction=_brought(world, charge.id, amount, charge.currency, card),
    )
    world.charges.put(charge)
    return charge


def settle(world: World, charge: Charge, decline: Decline | None) -> Charge:
    """End a pending charge: with the money, or with a failure."""
    if decline is None:
        card = world.card_of[charge.payment_method]
        charge = replace(
            charge,
            status="succeeded",
            paid=True,
            amount_captured=charge.amount,
            balance_transaction=_brought(world, charge.id, charge.amount, charge.currency, card),
        )
    else:
        charge = replace(
            charge,
            status="failed",
            captured=False,
            failure_code=decline.code,
            failure_message=decline.message,
            outcome=_outcome(decline),
        )
    world.charges.put(charge)
    return charge


def failure(charge: Charge, decline: Decline, method: PaymentMethod) -> ErrorObject:
    """Return why a charge failed, as the intent's ``last_payment_error`` says it."""
    return card_error(
        code=decline.code,
        message=decline.message,
        decline_code=decline.decline_code,
        param=decline.param,
        charge=charge.id,
        payment_method=method,
    )


def _brought(world: World, charge: str, amount: int, currency: str, card: Card) -> str:
    return book(
        world,
        kind="charge",
        amount=amount,
        fee=money.fee(amount),
        currency=currency,
        source=charge,
        available_on=world.now() if card.available_at_once else None,
    ).id


def _charged_card(
    card: Card, exp_year: int, amount: int, authorized: bool, authenticated: bool
) -> dict[str, Any]:
    return {
        **card_details(card, exp_year),
        "amount_authorized": amount if authorized else None,
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "three_d_secure": _AUTHENTICATED if authenticated else None,
    }


_AUTHENTICATED = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": None,
    "version": "2.2.0",
}


# Bounded, because amounts are many and most loads use few of them.
@lru_cache(maxsize=4096)
def _details_of(
    card: Card, exp_year: int, amount: int, authorized: bool, authenticated: bool
) -> dict[str, Any]:
    if card.funds:
        return {"customer_balance": {}, "type": "customer_balance"}
    if card.settling is None:
        return {
            "card": _charged_card(card, exp_year, amount, authorized, authenticated),
            "type": "card",
        }
    account = {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": card.brand,
        "fingerprint": f"paidoncebank{card.last4}",
        "last4": card.last4,
        "payment_reference": None,
        "routing_number": "110000000",
    }
    return {"type": "us_bank_account", "us_bank_account": account}


def _method_details(
    world: World, card: Card, decline: Decline | None, amount: int
) -> dict[str, Any]:
    authenticated = decline is not AUTHENTICATION_REQUIRED and card.asks is Asks.ALWAYS
    return _details_of(card, expiry_year(world), amount, decline is None, authenticated)


@cache
def _outcome(decline: Decline | None) -> dict[str, Any]:
    """The charge's ``outcome``: https://docs.stripe.com/api/charges/object#charge_object-outcome."""
    common = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "risk_level": "normal",
        "risk_score": 20,
    }
    if decline is None:
        return {
            **common,
            "network_status": "approved_by_network",
            "reason": None,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    reason = decline.decline_code or decline.code
    return {
        **common,
        "network_status": "declined_by_network",
        "reason": reason,
        "seller_message": f"The bank declined the payment: {reason.replace('_', ' ')}.",
        "type": "issuer_declined",
    }
