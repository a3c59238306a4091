"""Stripe's test cards and bank accounts, and what each does when it is charged.

Source: the tables of https://docs.stripe.com/testing. A card is named ``pm_card_<name>`` as a
payment method and ``tok_<name>`` as a token; a bank account, from
https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-your-integration, is
named ``pm_usBankAccount_<name>``. The ``decline_code`` is present only where the code is
``card_declined``, as in those tables.
"""

from __future__ import annotations

import enum

import msgspec


class Asks(enum.StrEnum):
    """When a card asks for 3D Secure authentication."""

    NEVER = "never"
    ON_SESSION = "on_session"
    """Not where the payment is ``off_session``."""
    UNLESS_READY = "unless_ready"
    """Not where the payment is ``off_session`` and the card was made ready for such."""
    ALWAYS = "always"
    IF_WANTED = "if_wanted"
    """Where the payment asks for it (``request_three_d_secure``)."""


class Settling(enum.StrEnum):
    """The end of a payment that takes days to settle."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    NEVER = "never"


class Refunding(enum.StrEnum):
    """The course of a refund that does not succeed at once and for good."""

    LATER = "later"
    FAILS = "fails"
    """It succeeds first, and fails afterwards."""


class Decline(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """The refusal of a card."""

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """A test card or bank account; ``decline`` is None for one that pays.

    ``settling`` is None for one that pays or refuses at once.
    """

    brand: str
    last4: str
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    asks: Asks = Asks.NEVER
    kept: bool = False
    """True if a customer may keep it though it declines: its bank says no only when it pays."""
    settling: Settling | None = None
    disputes: str | None = None
    """Why its holder disputes what is paid with it, at once."""
    inquires: bool = False
    """True if that is a question, not a dispute."""
    refunding: Refunding | None = None
    """How a refund to it goes, if not as it should."""
    available_at_once: bool = False
    funds: bool = False
    """True if it is no card, but what a customer has sent by bank transfer."""

    @property
    def type(self) -> str:
        """The type of the payment method behind which it is."""
        if self.funds:
            return "customer_balance"
        return "card" if self.settling is None else "us_bank_account"

    @property
    def refuses_to_be_kept(self) -> Decline | None:
        """Return why a customer cannot keep it; None for one that is kept.

        A bank account that will not pay is found out when it is charged. Source:
        https://docs.stripe.com/testing#declined-payments.
        """
        return self.decline if self.type == "card" and not self.kept else None


FUNDS = Card(brand="", last4="", funds=True)
"""The money that customers have sent by bank transfer: see ``cash``."""

AUTHENTICATION_REQUIRED = Decline(
    code="authentication_required",
    decline_code="authentication_required",
    message="Your card was declined. This transaction requires authentication.",
)
"""Why a card that asks for authentication is declined where nobody is there to be asked."""


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


_ASKING = {
    "authenticationRequired": Card(brand="visa", last4="3184", asks=Asks.ALWAYS),
    "authenticationRequiredOnSetup": Card(brand="visa", last4="3155", asks=Asks.UNLESS_READY),
    "authenticationRequiredSetupForOffSession": Card(
        brand="visa", last4="0446", asks=Asks.ON_SESSION
    ),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        brand="visa",
        last4="3178",
        asks=Asks.ALWAYS,
        decline=_DECLINES["chargeDeclinedInsufficientFunds"][1],
        kept=True,
    ),
    "threeDSecure2Required": Card(brand="visa", last4="3220", asks=Asks.ALWAYS),
    "threeDSecureRequired": Card(brand="visa", last4="3063", asks=Asks.ALWAYS),
    "threeDSecureRequiredChargeDeclined": Card(
        brand="visa", last4="1629", asks=Asks.ALWAYS, decline=_declined("generic_decline")
    ),
    "threeDSecureOptional": Card(brand="visa", last4="3055", asks=Asks.IF_WANTED),
}


_AFTERWARDS = {
    "createDispute": Card(brand="visa", last4="0259", disputes="fraudulent"),
    "createDisputeProductNotReceived": Card(
        brand="visa", last4="2685", disputes="product_not_received"
    ),
    "createDisputeInquiry": Card(brand="visa", last4="1976", disputes="fraudulent", inquires=True),
    "pendingRefund": Card(brand="visa", last4="7726", refunding=Refunding.LATER),
    "refundFail": Card(brand="visa", last4="5126", refunding=Refunding.FAILS),
    "bypassPending": Card(brand="visa", last4="0077", available_at_once=True),
    "chargeCustomerFail": Card(
        brand="visa", last4="0341", decline=_declined("generic_decline"), kept=True
    ),
}


def _bank(last4: str, failure: str | None, message: str = "") -> Card:
    return Card(
        brand="STRIPE TEST BANK",
        last4=last4,
        settling=Settling.SUCCEEDS if failure is None else Settling.FAILS,
        decline=None if failure is None else Decline(code=failure, message=message),
    )


_BANKS = {
    "success": _bank("6789", None),
    "accountClosed": _bank(
        "1113", "account_closed", "The customer's bank account could not be debited: it is closed."
    ),
    "noAccount": _bank("1116", "no_account", "The customer's bank account could not be located."),
    "insufficientFunds": _bank(
        "2227", "insufficient_funds", "The customer's account has insufficient funds."
    ),
    "debitNotAuthorized": _bank(
        "3335",
        "debit_not_authorized",
        "The customer has notified their bank that this payment was unauthorized.",
    ),
    "processing": Card(brand="STRIPE TEST BANK", last4="1115", settling=Settling.NEVER),
}


def _by_name() -> dict[str, Card]:
    named = {**_PAYING, **_ASKING, **_AFTERWARDS}
    named["visa_chargeCustomerFail"] = named["chargeCustomerFail"]
    for name, (last4, decline) in _DECLINES.items():
        card = Card(brand="visa", last4=last4, decline=decline)
        # Both spellings are in use: with and without the brand.
        named[name] = named[f"visa_{name}"] = card
    return named


_CARDS = _by_name()

_NUMBERS = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "mastercard_debit": "5200828282828210",
    "mastercard_prepaid": "5105105105105100",
    "amex": "371449635398431",
    "discover": "6011000990139424",
    "diners": "3056930009020004",
    "jcb": "3566002020360505",
    "unionpay": "6200000000000005",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequired": "4000000000003063",
    "threeDSecureRequiredChargeDeclined": "4000008400001629",
    "threeDSecureOptional": "4000000000003055",
    "chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedLostCard": "4000000000009987",
    "chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "createDisputeInquiry": "4000000000001976",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
    "bypassPending": "4000000000000077",
    "chargeCustomerFail": "4000000000000341",
}
NUMBERS = {number: _CARDS[name] for name, number in _NUMBERS.items()}
"""The test cards by their numbers, which are taken if the simulator is told so."""

PAYMENT_METHODS = {f"pm_card_{name}": card for name, card in _CARDS.items()} | {
    f"pm_usBankAccount_{name}": bank for name, bank in _BANKS.items()
}
TOKENS = {f"tok_{name}": card for name, card in _CARDS.items()}

NOT_SIMULATED = (
    "pm_card_threeDSecureRequiredProcessingError",
    "pm_card_threeDSecureOptionalProcessingError",
    "pm_card_createIssuerFraudRecord",
    "pm_card_createMultiCaptureDispute",
    "pm_card_riskLevel",
    "pm_card_radarBlock",
    "pm_card_pinRequired",
    "pm_card_avs",
    "pm_card_cvcCheckFail",
)
"""Beginnings of the names of Stripe's other test cards, refused by name rather than unknown."""
