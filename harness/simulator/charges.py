"""Charging a card: the one place where money moves towards the account."""

from __future__ import annotations

from functools import cache
from typing import Any

from harness.simulator import money
from harness.simulator.cards import Card, Decline
from harness.simulator.errors import card_error
from harness.simulator.objects import (
    BalanceTransaction,
    Charge,
    ErrorObject,
    PaymentIntent,
    PaymentMethod,
)
from harness.simulator.payment_methods import card_details, expiry_year
from harness.simulator.state import World

_SETTLING_SECONDS = 2 * 24 * 3600


def attempt(
    world: World, intent: PaymentIntent, method: PaymentMethod
) -> tuple[Charge, ErrorObject | None]:
    """Charge ``method`` for the intent; the charge on record, and why it failed if it did.

    The intent itself is left to the caller to move on. No event is emitted here.
    """
    card = world.card_of[method.id]
    identifier = world.ids.draw("ch_")
    decline = card.decline
    transaction = None
    if decline is None:
        transaction = book(
            world,
            kind="charge",
            amount=intent.amount,
            fee=money.fee(intent.amount),
            currency=intent.currency,
            source=identifier,
        ).id
    charge = Charge(
        id=identifier,
        amount=intent.amount,
        amount_captured=intent.amount if decline is None else 0,
        balance_transaction=transaction,
        billing_details=method.billing_details,
        captured=decline is None,
        created=world.now(),
        currency=intent.currency,
        customer=intent.customer,
        description=intent.description,
        failure_code=None if decline is None else decline.code,
        failure_message=None if decline is None else decline.message,
        fraud_details={},
        metadata=intent.metadata,
        outcome=_outcome(decline),
        paid=decline is None,
        payment_intent=intent.id,
        payment_method=method.id,
        payment_method_details={
            "card": _charged_card(card, expiry_year(world), intent.amount),
            "type": "card",
        },
        receipt_email=intent.receipt_email,
        shipping=intent.shipping,
        statement_descriptor=intent.statement_descriptor,
        statement_descriptor_suffix=intent.statement_descriptor_suffix,
        status="succeeded" if decline is None else "failed",
        transfer_group=intent.transfer_group,
    )
    world.charges.put(charge)
    world.charges_of[intent.id].append(charge.id)
    if decline is None:
        return charge, None
    return charge, card_error(
        code=decline.code,
        message=decline.message,
        decline_code=decline.decline_code,
        param=decline.param,
        charge=charge.id,
        payment_method=method,
    )


def book(
    world: World, *, kind: str, amount: int, fee: int, currency: str, source: str
) -> BalanceTransaction:
    """Enter a movement of the account's balance; ``amount`` is negative for money going out."""
    now = world.now()
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    transaction = BalanceTransaction(
        id=world.ids.draw("txn_"),
        amount=amount,
        available_on=now + _SETTLING_SECONDS,
        created=now,
        currency=currency,
        fee=fee,
        fee_details=details if fee else [],
        net=amount - fee,
        reporting_category=kind,
        source=source,
        type=kind,
    )
    world.balance_transactions.put(transaction)
    return transaction


def _charged_card(card: Card, exp_year: int, amount: int) -> dict[str, Any]:
    return {
        **card_details(card, exp_year),
        "amount_authorized": amount if card.decline is None else None,
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
        "three_d_secure": None,
    }


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
