"""Setup intents: a payment method is made ready to be charged later, with nobody there.

::

    requires_payment_method ──attach──> requires_confirmation
        ^        │                          │
        │        └───────confirm────────────┤          ┌─authenticated─> succeeded
        ├──declined, not authenticated──────┤<─asked── requires_action
        └───────────────────────────────────┴────────────────────────> succeeded

    everything but succeeded and canceled ──cancel──> canceled

A customer that it names keeps the method. Source: https://docs.stripe.com/payments/setup-intents.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import payment_methods, questions
from paidonce.harness.simulator.domain.cards import Asks, Decline
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.errors import (
    SetupDeclined,
    no_such,
    setup_error,
    unexpected_setup_state,
)
from paidonce.harness.simulator.domain.intent_checks import require_customer, require_usable
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import (
    ErrorObject,
    EventRequest,
    Metadata,
    PaymentMethod,
    SetupIntent,
)
from paidonce.harness.simulator.domain.payment_methods import PaymentSource, resolve
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
"""Not yet decided: may be confirmed, changed and canceled."""


class CreateSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new setup intent; ``extras`` are attributes taken over as they are."""

    source: PaymentSource | None = None
    metadata: Metadata = {}
    automatic_payment_methods: dict[str, Any] | None = None
    payment_method_types: tuple[str, ...] = ("card",)
    usage: str = "off_session"
    extras: dict[str, Any] = {}


def require(world: World, identifier: str) -> SetupIntent:
    """The setup intent of that id; 404 ``resource_missing`` otherwise."""
    setup_intent = world.setups.get(identifier)
    if setup_intent is None:
        raise no_such("setupintent", identifier, "intent")
    return setup_intent


def create(world: World, request: CreateSetup, cause: EventRequest) -> SetupIntent:
    """A new setup intent. An unknown payment method or customer is a 400 and leaves nothing."""
    customer = request.extras.get("customer")
    require_customer(world, customer)
    method = None
    if request.source is not None:
        method = resolve(world, request.source)
        require_usable(world, method, customer, request.payment_method_types, "usd")
    identifier = world.ids.draw("seti_")
    setup = SetupIntent(
        id=identifier,
        automatic_payment_methods=request.automatic_payment_methods,
        client_secret=world.ids.client_secret(identifier),
        created=world.now(),
        metadata=request.metadata,
        payment_method=None if method is None else method.id,
        payment_method_options=_options(),
        payment_method_types=list(request.payment_method_types),
        status="requires_payment_method" if method is None else "requires_confirmation",
        usage=request.usage,
        **request.extras,
    )
    world.setups.put(setup)
    world.emit("setup_intent.created", setup, cause)
    return setup


def update(
    world: World,
    identifier: str,
    source: PaymentSource | None,
    changes: dict[str, Any],
    metadata: dict[str, str | None] | None,
) -> SetupIntent:
    """Change a setup intent that is open; metadata may change at any time."""
    setup = require(world, identifier)
    if (changes or source is not None) and setup.status not in OPEN:
        raise unexpected_setup_state("You cannot update this SetupIntent", OPEN, setup)
    if "customer" in changes:
        require_customer(world, changes["customer"])
    changes = dict(changes)
    if source is not None:
        method = resolve(world, source)
        customer = changes.get("customer", setup.customer)
        require_usable(world, method, customer, setup.payment_method_types, "usd")
        changes |= {
            "payment_method": method.id,
            "status": "requires_confirmation",
            "next_action": None,
        }
    if metadata is not None:
        changes["metadata"] = as_asked(setup.metadata, metadata)
    setup = replace(setup, **changes)
    world.setups.put(setup)
    return setup


def confirm(
    world: World,
    identifier: str,
    source: PaymentSource | None,
    cause: EventRequest,
    *,
    return_url: str | None = None,
    use_stripe_sdk: bool = False,
) -> SetupIntent:
    """Make the payment method ready. Raises ``SetupDeclined`` where its bank says no.

    400 ``setup_intent_unexpected_state`` where it is decided, or there is nothing to confirm.
    """
    setup = require(world, identifier)
    if setup.status not in OPEN:
        raise unexpected_setup_state("You cannot confirm this SetupIntent", OPEN, setup)
    method = questions.chosen(world, source, setup.payment_method)
    if method is None:
        raise unexpected_setup_state(
            "You cannot confirm this SetupIntent because it's missing a payment method", OPEN, setup
        )
    require_usable(world, method, setup.customer, setup.payment_method_types, "usd")
    card = world.card_of[method.id]
    if card.asks in (Asks.NEVER, Asks.IF_WANTED):
        return _decided(world, setup, method, card.refuses_to_be_kept, cause)
    setup = questions.asked(world, setup, method, return_url, use_stripe_sdk)
    setup = replace(setup, last_setup_error=None)
    world.setups.put(setup)
    world.emit("setup_intent.requires_action", setup, cause)
    return setup


def authenticate(
    world: World, identifier: str, succeeded: bool, cause: EventRequest = BY_ITSELF
) -> SetupIntent:
    """The payer has answered the question, rightly or not; the setup intent as it is then.

    400 ``setup_intent_unexpected_state`` where nothing was asked.
    """
    setup = require(world, identifier)
    if setup.status != "requires_action":
        raise unexpected_setup_state(
            "There is nothing to authenticate", ("requires_action",), setup
        )
    assert setup.payment_method is not None
    method = world.payment_methods[setup.payment_method]
    if not succeeded:
        failure = questions.unanswered(
            "setup_intent_authentication_failure",
            "The latest attempt to set up the payment method has failed because authentication "
            "failed.",
            method,
        )
        return _failed(world, setup, failure, cause)
    try:
        refusal = world.card_of[method.id].refuses_to_be_kept
        return _decided(world, setup, method, refusal, cause)
    except SetupDeclined:
        return world.setups[identifier]


def cancel(world: World, identifier: str, reason: str | None, cause: EventRequest) -> SetupIntent:
    """Give it up; 400 ``setup_intent_unexpected_state`` when it is decided already."""
    setup = require(world, identifier)
    session = world.session_of.get(identifier)
    if session is not None and world.sessions[session].status == "open":
        raise unexpected_setup_state(
            "You cannot cancel the SetupIntent of a Checkout Session; expire that instead",
            (),
            setup,
        )
    if setup.status not in OPEN:
        raise unexpected_setup_state("You cannot cancel this SetupIntent", OPEN, setup)
    setup = replace(setup, status="canceled", cancellation_reason=reason, next_action=None)
    world.setups.put(setup)
    world.emit("setup_intent.canceled", setup, cause)
    return setup


def _decided(
    world: World,
    setup: SetupIntent,
    method: PaymentMethod,
    decline: Decline | None,
    cause: EventRequest,
) -> SetupIntent:
    if decline is not None:
        failure = setup_error(decline, method)
        raise SetupDeclined(failure, _failed(world, setup, failure, cause))
    if setup.customer is not None and method.customer is None:
        method = payment_methods.attach(world, method.id, setup.customer, cause)
    world.prepared.add(method.id)
    setup = replace(
        setup,
        status="succeeded",
        payment_method=method.id,
        last_setup_error=None,
        next_action=None,
    )
    world.setups.put(setup)
    world.emit("setup_intent.succeeded", setup, cause)
    return setup


def _failed(
    world: World, setup: SetupIntent, failure: ErrorObject, cause: EventRequest
) -> SetupIntent:
    setup = replace(
        setup,
        status="requires_payment_method",
        payment_method=None,
        last_setup_error=failure,
        next_action=None,
    )
    world.setups.put(setup)
    world.emit("setup_intent.setup_failed", setup, cause)
    return setup


def _options() -> dict[str, Any]:
    return {
        "card": {
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        }
    }
