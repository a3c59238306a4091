"""Stripe's test cards and what each does when it is charged.

Source: the tables of https://docs.stripe.com/testing. A card is named ``pm_card_<name>`` as a
payment method and ``tok_<name>`` as a token. The ``decline_code`` is present only where the code
is ``card_declined``, as in those tables.
"""

from __future__ import annotations

import msgspec


class Decline(msgspec.Struct, frozen=True, kw_only=True):
    """How a card refuses."""

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A test card; ``decline`` is None for one that pays."""

    brand: str
    last4: str
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline(code="card_declined", decline_code=decline_code, message=message)


_DECLINES = {
    "chargeDeclined": ("0002", _declined("generic_decline")),
    "chargeDeclinedInsufficientFunds": (
        "9995",
        _declined("insufficient_funds", "Your card has insufficient funds."),
    ),
    "chargeDeclinedLostCard": ("9987", _declined("lost_card")),
    "chargeDeclinedStolenCard": ("9979", _declined("stolen_card")),
    "chargeDeclinedVelocityLimitExceeded": (
        "6975",
        _declined(
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its "
            "amount limit.",
        ),
    ),
    "chargeDeclinedExpiredCard": (
        "0069",
        Decline(code="expired_card", message="Your card has expired.", param="exp_month"),
    ),
    "chargeDeclinedIncorrectCvc": (
        "0127",
        Decline(
            code="incorrect_cvc", message="Your card's security code is incorrect.", param="cvc"
        ),
    ),
    "chargeDeclinedProcessingError": (
        "0119",
        Decline(
            code="processing_error",
            message="An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
}

_PAYING = {
    "visa": Card(brand="visa", last4="4242"),
    "visa_debit": Card(brand="visa", last4="5556", funding="debit"),
    "mastercard": Card(brand="mastercard", last4="4444"),
    "mastercard_debit": Card(brand="mastercard", last4="8210", funding="debit"),
    "mastercard_prepaid": Card(brand="mastercard", last4="5100", funding="prepaid"),
    "amex": Card(brand="amex", last4="8431"),
    "discover": Card(brand="discover", last4="9424"),
    "diners": Card(brand="diners", last4="0004"),
    "jcb": Card(brand="jcb", last4="0505"),
    "unionpay": Card(brand="unionpay", last4="0005"),
}


def _by_name() -> dict[str, Card]:
    named = dict(_PAYING)
    for name, (last4, decline) in _DECLINES.items():
        card = Card(brand="visa", last4=last4, decline=decline)
        # Both spellings are in use: with and without the brand.
        named[name] = named[f"visa_{name}"] = card
    return named


_CARDS = _by_name()

PAYMENT_METHODS = {f"pm_card_{name}": card for name, card in _CARDS.items()}
TOKENS = {f"tok_{name}": card for name, card in _CARDS.items()}

NOT_SIMULATED = (
    "pm_card_authenticationRequired",
    "pm_card_threeDSecure",
    "pm_card_createDispute",
    "pm_card_createInquiry",
    "pm_card_createIssuerFraudRecord",
    "pm_card_createMultiCaptureDispute",
    "pm_card_riskLevel",
    "pm_card_radarBlock",
    "pm_card_chargeCustomerFail",
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_bypassPending",
    "pm_card_pinRequired",
    "pm_card_avs",
    "pm_card_cvcCheckFail",
)
"""Beginnings of the names of Stripe's other test cards, refused by name rather than unknown."""
