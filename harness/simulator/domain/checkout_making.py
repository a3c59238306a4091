"""Checkout Sessions that are made: what is sold on them, what is taken off, and until when.

Source: https://docs.stripe.com/api/checkout/sessions/create.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import catalog, coupons
from paidonce.harness.simulator.domain.catalog import CreatePrice
from paidonce.harness.simulator.domain.coupons import WantedDiscount
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.intent_checks import require_customer, require_minimum
from paidonce.harness.simulator.domain.objects import EventRequest, Metadata
from paidonce.harness.simulator.domain.sale_objects import Checkout, CheckoutSession, LineItem
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
"""A session may be paid for that long; the longest is the default
(https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at)."""

PAGE_PATH = "/_paidonce/checkout/"
"""Where this simulator lets its payers pay."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A valid line of a new session: a price that is there, or one that is made for it."""

    quantity: int
    price: str | None = None
    price_data: CreatePrice | None = None


class CreateSession(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new session.

    ``intent`` are attributes of the payment intent to be made, ``extras`` of the session, as they
    are; ``subscription`` is what is said of the subscription to be made, in that mode.
    """

    lines: tuple[Wanted, ...]
    discounts: tuple[WantedDiscount, ...] = ()
    subscription: dict[str, Any] | None = None
    types: tuple[str, ...] | None = None
    currency: str | None = None
    expires_at: int | None = None
    metadata: Metadata = {}
    intent_metadata: Metadata = {}
    capture_method: str = "automatic_async"
    intent: dict[str, Any] = {}
    extras: dict[str, Any] = {}


def create(world: World, request: CreateSession, cause: EventRequest) -> CheckoutSession:
    """A new session. Unknown prices and customers are a 400 and leave nothing."""
    require_customer(world, request.extras.get("customer"))
    _require_expiry(world, request.expires_at)
    mode = request.extras.get("mode", "payment")
    for wanted in request.lines:
        _require_line(world, wanted, mode)
    if mode == "subscription":
        _require_recurring(world, request)
    currency = _one_currency(world, request)
    if request.discounts and currency is not None:
        before = sum(_cost(world, line) for line in request.lines)
        for discount in request.discounts:
            coupons.usable(world, discount, request.extras.get("customer"), before, currency)
    lines = tuple(_line(world, line, cause) for line in request.lines)
    trial = (request.subscription or {}).get("trial_days") is not None
    if trial or (request.subscription or {}).get("trial_end") is not None:
        lines = tuple(free(line) for line in lines)
    for discount in request.discounts:
        lines = discounted(world, discount, lines)
    total = sum(line.amount_total for line in lines) if lines else None
    if total and currency is not None:
        require_minimum(total, currency)
    identifier = world.ids.draw("cs_test_")
    session = CheckoutSession(
        id=identifier,
        amount_subtotal=sum(line.amount_subtotal for line in lines) if lines else None,
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
        discounts=[shown(discount_asked) for discount_asked in request.discounts],
        expires_at=request.expires_at or world.now() + LONGEST_SECONDS,
        metadata=request.metadata,
        payment_method_options={},
        payment_method_types=list(request.types or types(currency or "usd")),
        phone_number_collection={"enabled": False},
        shipping_options=[],
        total_details=details_of(lines),
        url=f"{world.base_url}{PAGE_PATH}{identifier}",
        **request.extras,
    )
    if session.ui_mode not in ("hosted_page", "hosted"):
        session = replace(session, url=None, client_secret=world.ids.client_secret(identifier))
    world.sessions.put(session)
    world.checkouts[identifier] = Checkout(
        lines=lines,
        metadata=request.intent_metadata,
        capture_method=request.capture_method,
        intent=request.intent,
        discounts=tuple(
            (discount_asked.coupon, discount_asked.promotion_code)
            for discount_asked in request.discounts
        ),
        subscription=request.subscription,
    )
    world.plan(session.expires_at - world.clock(), "session", identifier)
    return session


def discounted(
    world: World, wanted: WantedDiscount, lines: Sequence[LineItem]
) -> tuple[LineItem, ...]:
    """The lines with a discount taken off those that it is for; each bears its share."""
    named = wanted.coupon
    if wanted.promotion_code is not None:
        named = world.promotion_codes[wanted.promotion_code].promotion["coupon"]
    coupon = world.coupons[str(named)]
    counted = [line for line in lines if coupons.counts_for(coupon, line.price.product)]
    whole = sum(line.amount_total for line in counted)
    off = rest = coupons.taken_off(coupon, whole)
    line_items = []
    for line in lines:
        part = 0
        if line in counted and whole:
            last = line is counted[-1]
            part = rest if last else min(rest, line.amount_total * off // whole)
            rest -= part
        line_items.append(
            replace(
                line,
                amount_discount=line.amount_discount + part,
                amount_total=line.amount_total - part,
            )
        )
    return tuple(line_items)


def free(line: LineItem) -> LineItem:
    """The line as it is where a trial comes first; what is paid once is paid all the same."""
    if line.price.recurring is None:
        return line
    return replace(line, amount_subtotal=0, amount_total=0)


def details_of(lines: Sequence[LineItem]) -> dict[str, Any]:
    """Return how much is taken off, or comes on top, in all."""
    off = sum(line.amount_discount for line in lines)
    return {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0}


def shown(wanted: WantedDiscount) -> dict[str, Any]:
    """A discount as a session shows it."""
    return {"coupon": wanted.coupon, "promotion_code": wanted.promotion_code}


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


def _require_line(world: World, wanted: Wanted, mode: str) -> None:
    if wanted.price_data is not None:
        if wanted.price_data.product is not None:
            catalog.require_product(world, wanted.price_data.product, param="product", status=400)
        if wanted.price_data.recurring is not None and mode == "payment":
            raise _recurs()
        return
    assert wanted.price is not None
    price = catalog.require_price(world, wanted.price, param="line_items[0][price]", status=400)
    if not price.active:
        raise StripeError(
            400,
            f"The price specified is inactive. This field only accepts active prices: {price.id}.",
            param="line_items[0][price]",
        )
    if price.recurring is not None and mode == "payment":
        raise _recurs()


def _recurs() -> StripeError:
    return StripeError(
        400,
        "You specified `payment` mode but passed a recurring price. Either switch to "
        "`subscription` mode or use only one-time prices.",
        param="line_items[0][price]",
    )


def _require_recurring(world: World, request: CreateSession) -> None:
    """400 unless a line comes again and again; those that do come equally often."""
    found = [one for one in (_recurring(world, line) for line in request.lines) if one]
    if not found:
        raise StripeError(
            400,
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            param="line_items[0][price]",
        )
    if any(one != found[0] for one in found):
        raise StripeError(
            400,
            "Checkout does not support multiple prices with different billing intervals.",
            param="line_items",
        )


def _recurring(world: World, wanted: Wanted) -> dict[str, Any] | None:
    if wanted.price_data is not None:
        return wanted.price_data.recurring
    return world.prices[str(wanted.price)].recurring


def _cost(world: World, wanted: Wanted) -> int:
    if wanted.price_data is not None:
        return wanted.price_data.unit_amount * wanted.quantity
    return world.prices[str(wanted.price)].unit_amount * wanted.quantity


def _one_currency(world: World, request: CreateSession) -> str | None:
    """The currency of all lines; 400 where there are several, or another was asked for."""
    found = {
        line.price_data.currency
        if line.price_data is not None
        else world.prices[str(line.price)].currency
        for line in request.lines
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


def types(currency: str) -> tuple[str, ...]:
    """The types of payment method that pay in that currency unless it is said."""
    return ("card", "us_bank_account") if currency == "usd" else ("card",)
