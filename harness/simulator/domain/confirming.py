"""The confirmation of a payment intent, and what follows: payment, refusal, or a question.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle and, for authentication,
https://docs.stripe.com/payments/3d-secure/authentication-flow.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import (
    cash,
    charges,
    money,
    payment_methods,
    questions,
    transfers,
)
from paidonce.harness.simulator.domain.cards import (
    AUTHENTICATION_REQUIRED,
    Asks,
    Card,
    Decline,
    Settling,
)
from paidonce.harness.simulator.domain.errors import (
    Declined,
    StripeError,
    unexpected_state,
)
from paidonce.harness.simulator.domain.intent_checks import require_customer, require_usable
from paidonce.harness.simulator.domain.intents import OPEN, require
from paidonce.harness.simulator.domain.objects import (
    ErrorObject,
    EventRequest,
    IntentStatus,
    PaymentIntent,
    PaymentMethod,
)
from paidonce.harness.simulator.domain.outcomes import told
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

AUTHORIZED_SECONDS = 7 * 24 * 3600
"""How long an uncaptured charge keeps its reservation; then the intent is canceled.

Source: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method.
"""

BY_ITSELF = EventRequest(id=None, idempotency_key=None)
"""The cause of what no request caused."""


WANTED = ("any", "challenge")
"""Values of ``request_three_d_secure`` by which a card is asked that need not be
(https://docs.stripe.com/payments/3d-secure/authentication-flow#manual-three-ds)."""


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request to confirm; ``extras`` are attributes to set on the intent first."""

    source: PaymentSource | None = None
    off_session: bool = False
    error_on_requires_action: bool = False
    return_url: str | None = None
    use_stripe_sdk: bool = False
    extras: dict[str, Any] = {}


def confirm(
    world: World, identifier: str, request: Confirmation, cause: EventRequest
) -> PaymentIntent:
    """Try to pay, with the request's source or else with the payment method attached before.

    Raises a 400 ``payment_intent_unexpected_state`` and changes nothing when the intent is
    decided already or has nothing to pay with; raises ``Declined`` when the card says no, after
    which the intent wants another payment method and a failed charge is on record.
    """
    intent = require(world, identifier)
    _refuse_if_decided(intent)
    extras = request.extras
    if extras:
        if "customer" in extras:
            require_customer(world, extras["customer"])
        intent = replace(intent, **extras)
    method = questions.chosen(world, request.source, intent.payment_method)
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            world.intents[identifier],
        )
    require_usable(world, method, intent.customer, intent.payment_method_types, intent.currency)
    if intent.payment_method != method.id:
        world.authenticated.discard(identifier)
    card = world.card_of[method.id]
    if card.funds:
        _refuse_balance(intent)
    intent = cash.let_go(world, intent, cause)
    if card.funds:
        return _from_balance(world, intent, method, cause)
    if not _asks(world, card, method, intent, request):
        return _charge(world, intent, method, card.decline, cause)
    if request.off_session or request.error_on_requires_action:
        return _charge(world, intent, method, AUTHENTICATION_REQUIRED, cause)
    intent = questions.asked(world, intent, method, request.return_url, request.use_stripe_sdk)
    intent = replace(intent, last_payment_error=None)
    world.intents.put(intent)
    world.emit("payment_intent.requires_action", intent, cause)
    return told(world, intent, cause)


def authenticate(
    world: World, identifier: str, succeeded: bool, cause: EventRequest = BY_ITSELF
) -> PaymentIntent:
    """The payer has answered the question, rightly or not; the intent as it is then.

    With automatic confirmation the payment is made at once, and a decline is shown by the intent
    alone; with manual confirmation the intent waits to be confirmed again. 400
    ``payment_intent_unexpected_state`` where nothing was asked.
    """
    intent = require(world, identifier)
    if intent.status != "requires_action":
        raise unexpected_state(
            f"This PaymentIntent has a status of {intent.status}: there is nothing to "
            "authenticate.",
            intent,
        )
    assert intent.payment_method is not None
    method = world.payment_methods[intent.payment_method]
    if not succeeded:
        failure = questions.unanswered(
            "payment_intent_authentication_failure",
            "The provided PaymentMethod has failed authentication. You can provide "
            "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent "
            "again.",
            method,
        )
        return _refuse(world, intent, failure, intent.latest_charge, cause)
    intent = replace(intent, next_action=None)
    if intent.confirmation_method == "manual":
        world.authenticated.add(identifier)
        intent = replace(intent, status="requires_confirmation")
        world.intents.put(intent)
        return intent
    try:
        return _charge(world, intent, method, world.card_of[method.id].decline, cause)
    except Declined:
        return world.intents[identifier]


def settle(world: World, identifier: str, succeeded: bool | None = None) -> PaymentIntent:
    """End a delayed payment now, as its bank account does or as ``succeeded`` says.

    400 ``payment_intent_unexpected_state`` where it is not processing.
    """
    intent = require(world, identifier)
    if intent.status != "processing":
        raise unexpected_state(
            f"This PaymentIntent has a status of {intent.status}: there is nothing to settle.",
            intent,
        )
    assert intent.payment_method is not None
    assert intent.latest_charge is not None
    method = world.payment_methods[intent.payment_method]
    decline = world.card_of[method.id].decline
    if succeeded is not None:
        decline = None if succeeded else decline or _REFUSED_BY_BANK
    charge = charges.settle(world, world.charges[intent.latest_charge], decline)
    if decline is not None:
        world.emit("charge.failed", charge, BY_ITSELF)
        failure = charges.failure(charge, decline, method)
        return _refuse(world, intent, failure, charge.id, BY_ITSELF)
    charge = transfers.of_charge(world, charge, intent, BY_ITSELF)
    intent = replace(intent, status="succeeded", amount_received=intent.amount)
    world.intents.put(intent)
    world.emit("charge.succeeded", charge, BY_ITSELF)
    world.emit("payment_intent.succeeded", intent, BY_ITSELF)
    return told(world, intent, BY_ITSELF)


_REFUSED_BY_BANK = Decline(
    code="insufficient_funds", message="The customer's account has insufficient funds."
)


def _asks(
    world: World, card: Card, method: PaymentMethod, intent: PaymentIntent, request: Confirmation
) -> bool:
    if card.asks is Asks.NEVER or (card.asks is Asks.ON_SESSION and request.off_session):
        return False
    request_three_d_secure = intent.payment_method_options.get("card", {}).get(
        "request_three_d_secure"
    )
    if card.asks is Asks.IF_WANTED and (
        request.off_session or request_three_d_secure not in WANTED
    ):
        return False
    if card.asks is Asks.UNLESS_READY and request.off_session and method.id in world.prepared:
        return False
    if intent.id in world.authenticated:
        world.authenticated.discard(intent.id)
        return False
    return True


def apply_balance(
    world: World, identifier: str, amount: int | None, currency: str | None, cause: EventRequest
) -> PaymentIntent:
    """Apply what the customer has sent, or ``amount`` of it, to an intent that waits for it.

    400 ``payment_intent_unexpected_state`` where none is waited for, 400 where there is less, or
    less is wanted. Source: https://docs.stripe.com/api/payment_intents/apply_customer_balance.
    """
    intent = require(world, identifier)
    left = cash.remaining(intent)
    if left is None:
        raise unexpected_state(
            "You cannot apply the customer's balance to this PaymentIntent: it has a status of "
            f"{intent.status} and waits for no bank transfer.",
            intent,
        )
    assert intent.customer is not None
    if currency not in (None, intent.currency):
        raise StripeError(
            400, f"The currency of this PaymentIntent is {intent.currency}.", param="currency"
        )
    if amount is not None and amount > left:
        raise StripeError(
            400,
            "The amount is greater than what remains to be paid: "
            f"{money.written(left, intent.currency)}.",
            param="amount",
        )
    there = cash.available(world, intent.customer, intent.currency)
    wanted = min(there, left) if amount is None else amount
    cash.refuse_too_little(there, wanted, intent.currency)
    return _funded(world, intent, left, wanted, cause)


def reconcile(world: World, customer: str, currency: str) -> list[PaymentIntent]:
    """Apply what a customer has sent to the intents that wait for it, oldest first; those.

    Nothing where that is to be done by hand.
    """
    applied: list[PaymentIntent] = []
    if customer in world.by_hand:
        return applied
    for identifier in list(
        world.intents.having("customer", lambda payment_intent: payment_intent.customer, customer)
    ):
        intent = world.intents[identifier]
        left = cash.remaining(intent)
        there = cash.available(world, customer, currency)
        if there and left is not None and intent.currency == currency:
            applied.append(_funded(world, intent, left, min(there, left), BY_ITSELF))
    return applied


def _from_balance(
    world: World, intent: PaymentIntent, method: PaymentMethod, cause: EventRequest
) -> PaymentIntent:
    """Pay with what the customer has sent; wait for the rest where that is too little."""
    assert intent.customer is not None
    there = cash.available(world, intent.customer, intent.currency)
    enough = there >= intent.amount
    intent = cash.waiting(replace(intent, payment_method=method.id), intent.amount)
    if enough:
        return _funded(world, intent, intent.amount, intent.amount, cause)
    world.intents.put(intent)
    world.emit("payment_intent.requires_action", intent, cause)
    if there and intent.customer not in world.by_hand:
        return _funded(world, intent, intent.amount, there, cause)
    return told(world, intent, cause)


def _refuse_balance(intent: PaymentIntent) -> None:
    """400 where an intent cannot be paid with what its customer has sent."""
    if intent.customer is None:
        raise StripeError(
            400,
            "A PaymentIntent with payment method type customer_balance must have a customer.",
            param="customer",
        )
    if intent.capture_method == "manual":
        raise StripeError(
            400,
            "The payment method type customer_balance cannot be captured later.",
            param="capture_method",
        )


def _funded(
    world: World, intent: PaymentIntent, left: int, amount: int, cause: EventRequest
) -> PaymentIntent:
    """Move ``amount`` of the customer's to an intent that waits for ``left``."""
    assert intent.customer is not None
    assert intent.payment_method is not None
    method = world.payment_methods[intent.payment_method]
    cash.take(world, intent, amount, cause)
    if amount < left:
        intent = cash.waiting(intent, left - amount)
        world.intents.put(intent)
        world.emit("payment_intent.partially_funded", intent, cause)
        return told(world, intent, cause)
    return _charge(world, intent, method, None, cause)


def _charge(
    world: World,
    intent: PaymentIntent,
    method: PaymentMethod,
    decline: Decline | None,
    cause: EventRequest,
) -> PaymentIntent:
    """Charge, and move the intent on accordingly. Raises ``Declined``."""
    card = world.card_of[method.id]
    at_once = decline if card.settling is None else None
    charge = charges.attempt(world, intent, method, at_once)
    if at_once is not None:
        failure = charges.failure(charge, at_once, method)
        world.emit("charge.failed", charge, cause)
        raise Declined(failure, _refuse(world, intent, failure, charge.id, cause))
    if charge.paid and charge.captured:
        charge = transfers.of_charge(world, charge, intent, cause)
    if intent.setup_future_usage is not None and intent.customer and method.customer is None:
        method = payment_methods.attach(world, method.id, intent.customer, cause)
    payment_methods.spend(world, method)
    if intent.setup_future_usage == "off_session":
        world.prepared.add(method.id)
    capturable, received = intent.amount_capturable, intent.amount_received
    status: IntentStatus
    if charge.status == "pending":
        status, happened = "processing", ("charge.pending", "payment_intent.processing")
        if card.settling is not Settling.NEVER:
            world.plan(world.settle_seconds, "settle", intent.id)
    elif not charge.captured:
        status, capturable = "requires_capture", intent.amount
        happened = ("charge.succeeded", "payment_intent.amount_capturable_updated")
        world.plan(AUTHORIZED_SECONDS, "expire", intent.id)
    else:
        status, received = "succeeded", intent.amount
        happened = ("charge.succeeded", "payment_intent.succeeded")
    intent = replace(
        intent,
        payment_method=method.id,
        latest_charge=charge.id,
        last_payment_error=None,
        next_action=None,
        status=status,
        amount_capturable=capturable,
        amount_received=received,
    )
    world.intents.put(intent)
    world.emit(happened[0], charge, cause)
    world.emit(happened[1], intent, cause)
    return told(world, intent, cause)


def _refuse(
    world: World,
    intent: PaymentIntent,
    failure: ErrorObject,
    charge: str | None,
    cause: EventRequest,
) -> PaymentIntent:
    intent = replace(
        intent,
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge,
        last_payment_error=failure,
        next_action=None,
    )
    world.intents.put(intent)
    world.emit("payment_intent.payment_failed", intent, cause)
    return told(world, intent, cause)


def _refuse_if_decided(intent: PaymentIntent) -> None:
    if intent.status in OPEN:
        return
    if intent.status == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.",
            intent,
        )
    raise unexpected_state(
        f"You cannot confirm this PaymentIntent because it has a status of {intent.status}. "
        f"Only a PaymentIntent with one of the following statuses may be confirmed: "
        f"{', '.join(OPEN)}.",
        intent,
    )
