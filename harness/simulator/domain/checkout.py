"""Checkout Sessions: a page on which somebody pays, or subscribes, until that is done or over.

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

from paidonce.harness.simulator.domain import (
    checkout_subscribing,
    confirming,
    coupons,
    customers,
    intents,
    refunds,
    setups,
)
from paidonce.harness.simulator.domain.checkout_making import (
    PAGE_PATH,
    details_of,
    discounted,
    shown,
)
from paidonce.harness.simulator.domain.confirming import BY_ITSELF, Confirmation
from paidonce.harness.simulator.domain.coupons import WantedDiscount
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.intents import CreateIntent
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import (
    EventRequest,
    PaymentIntent,
    Refund,
    SetupIntent,
)
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.sale_objects import CheckoutSession
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

_DECIDED = ("succeeded", "processing", "requires_capture")


def require(world: World, identifier: str) -> CheckoutSession:
    """The session of that id; 404 ``resource_missing`` otherwise."""
    session = world.sessions.get(identifier)
    if session is None:
        raise no_such("checkout.session", identifier, "session")
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
    redeemed = world.checkouts[identifier].redeemed
    for discount in redeemed:
        coupons.give_back(world, discount)
    session = replace(session, status="expired", url=None)
    world.sessions.put(session)
    world.emit("checkout.session.expired", session, cause)
    return session


def pay(
    world: World,
    identifier: str,
    source: PaymentSource | None,
    email: str | None = None,
    code: str | None = None,
) -> CheckoutSession:
    """The payer submits the page, perhaps with a promotion code; the session as it is then.

    ``source`` may be None where nothing is due and no method is collected.

    400 where it is not open any more, while a bank is about to be asked, or where the discount is
    not to be had any more. Raises ``Declined``, and the session stays open, where the payment is
    refused. It stays open too where the payer has to be authenticated.
    """
    session = require(world, identifier)
    if session.status != "open":
        raise StripeError(
            400, f"This Checkout Session has a status of `{session.status}`: it cannot be paid."
        )
    if session.mode == "setup":
        return _set_up(world, session, _given(source), email)
    if code is not None:
        session = _with_code(world, session, code)
    customer = session.customer
    _require_discounts(world, session)
    always = session.customer_creation == "always" or session.mode == "subscription"
    if customer is None and always:
        made = customers.create(world, {"email": email or session.customer_email}, {}, BY_ITSELF)
        customer = made.id
    session = replace(
        session, customer=customer, customer_details=_details(email or session.customer_email)
    )
    world.sessions.put(session)
    _redeem(world, session)
    if not session.amount_total:
        if source is None and session.payment_method_collection == "always":
            raise _nothing_given()
        if session.mode == "subscription" and source is not None:
            # What is not paid for yet is to be paid for later: the card is made ready.
            return _set_up(world, session, source, email)
        return _complete(world, session, "no_payment_required")
    if session.payment_intent is None:
        session = replace(session, payment_intent=_intent(world, session).id)
        world.sessions.put(session)
    assert session.payment_intent is not None
    how = Confirmation(source=_given(source), return_url=_success(session))
    confirming.confirm(world, session.payment_intent, how, BY_ITSELF)
    return _followed(world, session.payment_intent)


def _given(source: PaymentSource | None) -> PaymentSource:
    if source is None:
        raise _nothing_given()
    return source


def _nothing_given() -> StripeError:
    return StripeError(400, "A payment method is required on this page.", param="payment_method")


def _wanted(world: World, session: CheckoutSession) -> list[WantedDiscount]:
    return [
        WantedDiscount(coupon=coupon, promotion_code=code)
        for coupon, code in world.checkouts[session.id].discounts
    ]


def _with_code(world: World, session: CheckoutSession, text: str) -> CheckoutSession:
    """The session with a promotion code applied that its payer has typed."""
    known = world.checkouts[session.id]
    if not session.allow_promotion_codes or known.discounts or session.payment_intent is not None:
        raise StripeError(400, "This Checkout Session takes no promotion code.", param="discounts")
    discount_asked = WantedDiscount(promotion_code=coupons.by_text(world, text).id)
    before, currency = session.amount_total or 0, session.currency or "usd"
    coupons.usable(world, discount_asked, session.customer, before, currency)
    lines = discounted(world, discount_asked, known.lines)
    found = (discount_asked.coupon, discount_asked.promotion_code)
    world.checkouts[session.id] = replace(known, lines=lines, discounts=(found,))
    session = replace(
        session,
        amount_total=sum(line.amount_total for line in lines),
        discounts=[shown(discount_asked)],
        total_details=details_of(lines),
    )
    world.sessions.put(session)
    return session


def _require_discounts(world: World, session: CheckoutSession) -> None:
    """400 where a discount that is not redeemed yet is not to be had any more."""
    if not world.checkouts[session.id].redeemed:
        for discount_asked in _wanted(world, session):
            before, currency = session.amount_subtotal or 0, session.currency or "usd"
            coupons.usable(world, discount_asked, session.customer, before, currency)


def _redeem(world: World, session: CheckoutSession) -> None:
    """Redeem the discounts when the page is first submitted."""
    known = world.checkouts[session.id]
    if known.redeemed or not known.discounts:
        return
    before, currency = session.amount_subtotal or 0, session.currency or "usd"
    found = tuple(
        coupons.redeem(
            world, discount_asked, session.customer, before, currency, checkout_session=session.id
        ).id
        for discount_asked in _wanted(world, session)
    )
    world.checkouts[session.id] = replace(known, redeemed=found)


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
    payment_intent = confirming.settle(world, intent, succeeded)
    _settled(world, payment_intent)
    return payment_intent


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
        extras={**known.intent, "customer": session.customer, **_kept(session)},
    )
    intent = intents.create(world, request, BY_ITSELF)
    world.session_of[intent.id] = session.id
    return intent


def _kept(session: CheckoutSession) -> dict[str, Any]:
    """Keep what pays a subscription first: it pays it ever after."""
    return {"setup_future_usage": "off_session"} if session.mode == "subscription" else {}


def follow(world: World, intent: PaymentIntent) -> PaymentIntent:
    """Tell the session of an intent, if there is one, what has become of it; the intent."""
    if intent.id in world.session_of:
        _followed(world, intent.id)
    return intent


def reconcile(world: World, customer: str, currency: str) -> None:
    """As ``confirming.reconcile``; the sessions of what is paid so are told."""
    for intent in confirming.reconcile(world, customer, currency):
        follow(world, intent)


def unanswered(world: World, refund: str, cause: EventRequest) -> Refund:
    """Cancel a refund; what waits for its customer's money may have it."""
    found = refunds.cancel(world, refund, cause)
    customer = world.charges[found.charge].customer
    assert customer is not None
    reconcile(world, customer, found.currency)
    return found


def _followed(world: World, intent: str) -> CheckoutSession:
    """The session of an intent, complete if that has what it wants, and paid once it has."""
    session = world.sessions[world.session_of[intent]]
    payment_intent = world.intents[intent]
    if session.status == "complete" and payment_intent.status == "succeeded":
        session = replace(session, payment_status="paid")  # captured
        world.sessions.put(session)
    if session.status != "open" or payment_intent.status not in _DECIDED:
        return session
    return _complete(world, session, "paid" if payment_intent.status == "succeeded" else "unpaid")


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
    if session.mode == "subscription":
        session = checkout_subscribing.subscribed(world, session)
    session = replace(session, status="complete", payment_status=status, url=None)
    world.sessions.put(session)
    world.emit("checkout.session.completed", session, BY_ITSELF)
    return session


def _success(session: CheckoutSession) -> str:
    return success_url(session) or PAGE_PATH + session.id


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
