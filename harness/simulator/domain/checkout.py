"""Checkout Sessions: a page on which somebody pays once, until it is paid or over.

::

    open ──paid, or money on its way──> complete   (checkout.session.completed)
      │                                     └─settled─> async_payment_succeeded or _failed
      └──expired by call or by time──> expired     (checkout.session.expired)

Each of the two arrows from ``open`` is one change of the world: whichever comes first decides, and
the other is refused. The session's payment intent is made when the payer first submits the page
(since version 2022-08-01 of the API). Who must be authenticated leaves the session open meanwhile;
who is declined may try again.

Sources: https://docs.stripe.com/api/checkout/sessions and
https://docs.stripe.com/payments/checkout/fulfill-orders.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import catalog, confirming, customers, intents, setups
from paidonce.harness.simulator.domain.catalog import CreatePrice
from paidonce.harness.simulator.domain.confirming import BY_ITSELF, Confirmation
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.intent_checks import require_customer, require_minimum
from paidonce.harness.simulator.domain.intents import CreateIntent
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import (
    EventRequest,
    Metadata,
    PaymentIntent,
    SetupIntent,
)
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.sale_objects import Checkout, CheckoutSession, LineItem
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
"""A session may be paid for that long; the longest is the default
(https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at)."""

PAGE_PATH = "/_paidonce/checkout/"
"""Where this simulator lets its payers pay."""

_DECIDED = ("succeeded", "processing", "requires_capture")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A valid line of a new session: a price that is there, or one that is made for it."""

    quantity: int
    price: str | None = None
    price_data: CreatePrice | None = None


class CreateSession(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new session.

    ``expires_in`` are seconds from now where an ``expires_at`` was not given. ``intent`` are
    attributes of the payment intent to be made, ``extras`` of the session, as they are.
    """

    lines: tuple[Wanted, ...]
    types: tuple[str, ...] | None = None
    currency: str | None = None
    expires_at: int | None = None
    metadata: Metadata = {}
    intent_metadata: Metadata = {}
    capture_method: str = "automatic_async"
    intent: dict[str, Any] = {}
    extras: dict[str, Any] = {}


def require(world: World, identifier: str) -> CheckoutSession:
    """The session of that id; 404 ``resource_missing`` otherwise."""
    session = world.sessions.get(identifier)
    if session is None:
        raise no_such("checkout.session", identifier, "session")
    return session


def create(world: World, request: CreateSession, cause: EventRequest) -> CheckoutSession:
    """A new session. Unknown prices and customers are a 400 and leave nothing."""
    require_customer(world, request.extras.get("customer"))
    _require_expiry(world, request.expires_at)
    for wanted in request.lines:
        _require_line(world, wanted)
    currency = _one_currency(world, request)
    lines = tuple(_line(world, wanted, cause) for wanted in request.lines)
    total = sum(line.amount_total for line in lines) if lines else None
    if total and currency is not None:
        require_minimum(total, currency)
    identifier = world.ids.draw("cs_test_")
    session = CheckoutSession(
        id=identifier,
        amount_subtotal=total,
        amount_total=total,
        automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
        created=world.now(),
        currency=currency,
        custom_fields=[],
        custom_text={
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        discounts=[],
        expires_at=request.expires_at or world.now() + LONGEST_SECONDS,
        metadata=request.metadata,
        payment_method_options={},
        payment_method_types=list(request.types or _types(currency or "usd")),
        phone_number_collection={"enabled": False},
        shipping_options=[],
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        url=f"{world.base_url}{PAGE_PATH}{identifier}",
        **request.extras,
    )
    if session.ui_mode != "hosted":
        session = replace(session, url=None, client_secret=world.ids.client_secret(identifier))
    world.sessions.put(session)
    world.checkouts[identifier] = Checkout(
        lines=lines,
        metadata=request.intent_metadata,
        capture_method=request.capture_method,
        intent=request.intent,
    )
    world.plan(session.expires_at - world.clock(), "session", identifier)
    return session


def update(
    world: World, identifier: str, metadata: dict[str, str | None] | None
) -> CheckoutSession:
    """Change a session's metadata, which alone may change."""
    session = require(world, identifier)
    if metadata is not None:
        session = replace(session, metadata=as_asked(session.metadata, metadata))
        world.sessions.put(session)
    return session


def expire(world: World, identifier: str, cause: EventRequest) -> CheckoutSession:
    """End a session that is open, and the payment that was begun on it; 400 where it is not."""
    session = require(world, identifier)
    if session.status != "open":
        raise StripeError(
            400,
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of `{session.status}`.",
        )
    if session.payment_intent is not None:
        world.session_of.pop(session.payment_intent)
        intents.cancel(world, session.payment_intent, "abandoned", cause)
    if session.setup_intent is not None:
        world.session_of.pop(session.setup_intent)
        setups.cancel(world, session.setup_intent, "abandoned", cause)
    session = replace(session, status="expired", url=None)
    world.sessions.put(session)
    world.emit("checkout.session.expired", session, cause)
    return session


def pay(
    world: World, identifier: str, source: PaymentSource, email: str | None = None
) -> CheckoutSession:
    """The payer submits the page; the session as it is then.

    400 where it is not open any more, or while a bank is about to be asked. Raises ``Declined``,
    and the session stays open, where the payment is refused. It stays open too where the payer has
    to be authenticated.
    """
    session = require(world, identifier)
    if session.status != "open":
        raise StripeError(
            400, f"This Checkout Session has a status of `{session.status}`: it cannot be paid."
        )
    if session.mode == "setup":
        return _set_up(world, session, source, email)
    customer = session.customer
    if customer is None and session.customer_creation == "always":
        made = customers.create(world, {"email": email or session.customer_email}, {}, BY_ITSELF)
        customer = made.id
    session = replace(
        session, customer=customer, customer_details=_details(email or session.customer_email)
    )
    world.sessions.put(session)
    if not session.amount_total:
        return _complete(world, session, "no_payment_required")
    if session.payment_intent is None:
        session = replace(session, payment_intent=_intent(world, session).id)
        world.sessions.put(session)
    assert session.payment_intent is not None
    how = Confirmation(source=source, return_url=_success(session))
    confirming.confirm(world, session.payment_intent, how, BY_ITSELF)
    return _followed(world, session.payment_intent)


def authenticate_setup(
    world: World, setup: str, succeeded: bool, cause: EventRequest = BY_ITSELF
) -> SetupIntent:
    """As ``setups.authenticate``; a session that waited for it goes on as well."""
    return follow_setup(world, setups.authenticate(world, setup, succeeded, cause))


def follow_setup(world: World, setup: SetupIntent) -> SetupIntent:
    """Tell the session of a setup intent, if there is one, what has become of it."""
    if setup.id in world.session_of:
        session = world.sessions[world.session_of[setup.id]]
        if session.status == "open" and setup.status == "succeeded":
            _complete(world, session, "no_payment_required")
    return setup


def authenticate(
    world: World, intent: str, succeeded: bool, cause: EventRequest = BY_ITSELF
) -> PaymentIntent:
    """As ``confirming.authenticate``; a session that waited for it goes on as well."""
    return follow(world, confirming.authenticate(world, intent, succeeded, cause))


def settle(world: World, intent: str, succeeded: bool | None = None) -> PaymentIntent:
    """As ``confirming.settle``; the session that was paid so is told."""
    found = confirming.settle(world, intent, succeeded)
    _settled(world, found)
    return found


def success_url(session: CheckoutSession) -> str | None:
    """The address to which a payer goes who has paid."""
    url = session.success_url or (
        None if session.return_url is msgspec.UNSET else session.return_url
    )
    return None if url is None else url.replace("{CHECKOUT_SESSION_ID}", session.id)


def _set_up(
    world: World, session: CheckoutSession, source: PaymentSource, email: str | None
) -> CheckoutSession:
    """Submit a page on which nothing is paid, and a payment method is made ready."""
    session = replace(session, customer_details=_details(email or session.customer_email))
    world.sessions.put(session)
    if session.setup_intent is None:
        known = world.checkouts[session.id]
        request = setups.CreateSetup(
            metadata=known.metadata,
            payment_method_types=tuple(session.payment_method_types),
            extras={**known.intent, "customer": session.customer},
        )
        made = setups.create(world, request, BY_ITSELF)
        world.session_of[made.id] = session.id
        session = replace(session, setup_intent=made.id)
        world.sessions.put(session)
    assert session.setup_intent is not None
    follow_setup(
        world,
        setups.confirm(
            world, session.setup_intent, source, BY_ITSELF, return_url=_success(session)
        ),
    )
    return world.sessions[session.id]


def _intent(world: World, session: CheckoutSession) -> PaymentIntent:
    """Make the payment intent that the session is paid with."""
    known = world.checkouts[session.id]
    assert session.amount_total is not None
    assert session.currency is not None
    request = CreateIntent(
        amount=session.amount_total,
        currency=session.currency,
        metadata=known.metadata,
        payment_method_types=tuple(session.payment_method_types),
        capture_method=known.capture_method,
        extras={**known.intent, "customer": session.customer},
    )
    intent = intents.create(world, request, BY_ITSELF)
    world.session_of[intent.id] = session.id
    return intent


def follow(world: World, intent: PaymentIntent) -> PaymentIntent:
    """Tell the session of an intent, if there is one, what has become of it; the intent."""
    if intent.id in world.session_of:
        _followed(world, intent.id)
    return intent


def _followed(world: World, intent: str) -> CheckoutSession:
    """The session of an intent, complete if that has what it wants, and paid once it has."""
    session = world.sessions[world.session_of[intent]]
    found = world.intents[intent]
    if session.status == "complete" and found.status == "succeeded":
        session = replace(session, payment_status="paid")  # captured
        world.sessions.put(session)
    if session.status != "open" or found.status not in _DECIDED:
        return session
    return _complete(world, session, "paid" if found.status == "succeeded" else "unpaid")


def _settled(world: World, intent: PaymentIntent) -> None:
    identifier = world.session_of.get(intent.id)
    if identifier is None:
        return
    session = world.sessions[identifier]
    if intent.status == "succeeded":
        session = replace(session, payment_status="paid")
        world.sessions.put(session)
        world.emit("checkout.session.async_payment_succeeded", session, BY_ITSELF)
    else:
        world.emit("checkout.session.async_payment_failed", session, BY_ITSELF)


def _complete(world: World, session: CheckoutSession, status: Any) -> CheckoutSession:
    session = replace(session, status="complete", payment_status=status, url=None)
    world.sessions.put(session)
    world.emit("checkout.session.completed", session, BY_ITSELF)
    return session


def _success(session: CheckoutSession) -> str:
    return success_url(session) or PAGE_PATH + session.id


def _require_expiry(world: World, at: int | None) -> None:
    if at is None:
        return
    if not SHORTEST_SECONDS <= at - world.now() <= LONGEST_SECONDS:
        raise StripeError(
            400,
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from "
            "Checkout Session creation.",
            param="expires_at",
        )


def _require_line(world: World, wanted: Wanted) -> None:
    if wanted.price_data is not None:
        if wanted.price_data.product is not None:
            catalog.require_product(world, wanted.price_data.product, param="product", status=400)
        return
    assert wanted.price is not None
    price = catalog.require_price(world, wanted.price, param="line_items[0][price]", status=400)
    if not price.active:
        raise StripeError(
            400,
            f"The price specified is inactive. This field only accepts active prices: {price.id}.",
            param="line_items[0][price]",
        )


def _one_currency(world: World, request: CreateSession) -> str | None:
    """The currency of all lines; 400 where there are several, or another was asked for."""
    found = {
        wanted.price_data.currency
        if wanted.price_data is not None
        else world.prices[str(wanted.price)].currency
        for wanted in request.lines
    }
    if request.currency is not None:
        found.add(request.currency)
    if len(found) > 1:
        raise StripeError(
            400,
            "All prices of a Checkout Session must have the same currency, found "
            f"{', '.join(sorted(found))}.",
            param="line_items",
        )
    return found.pop() if found else None


def _line(world: World, wanted: Wanted, cause: EventRequest) -> LineItem:
    if wanted.price_data is not None:
        price = catalog.create_price(world, wanted.price_data, cause)
    else:
        price = world.prices[str(wanted.price)]
    amount = price.unit_amount * wanted.quantity
    return LineItem(
        id=world.ids.draw("li_"),
        amount_subtotal=amount,
        amount_total=amount,
        currency=price.currency,
        description=world.products[price.product].name,
        price=price,
        quantity=wanted.quantity,
    )


def _types(currency: str) -> tuple[str, ...]:
    return ("card", "us_bank_account") if currency == "usd" else ("card",)


def _details(email: str | None) -> dict[str, Any]:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
