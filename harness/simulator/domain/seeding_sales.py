"""Objects of what is sold that are made because somebody names them: see ``seeding``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paidonce.harness.simulator.domain import (
    catalog,
    checkout_making,
    clocks,
    coupons,
    invoice_drafts,
    invoice_items,
    invoices,
    subscribing,
    subscriptions,
)
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.seeding_payments import AMOUNT, payer
from paidonce.harness.simulator.domain.seeding_request import (
    Maker,
    NamingRequest,
    lists,
    missing,
    texts,
)

_LICENSED = {"usage_type": "licensed"}
_SUCCESS = "https://example.com/success"


def _product(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier not in world.deleted and missing(asked, world.products, "prod_", identifier):
        catalog.create_product(world, catalog.CreateProduct(name="Example"), BY_ITSELF)


def _price(asked: NamingRequest, identifier: str) -> None:
    """Make a price: paid again and again where it is one of a subscription's, or is listed so."""
    world = asked.world
    if not missing(asked, world.prices, "price_", identifier):
        return
    request = catalog.CreatePrice(
        currency="usd", unit_amount=AMOUNT, product_data=catalog.CreateProduct(name="Example")
    )
    once = identifier in _once(asked.form)
    if (asked.resource.startswith("subscription") and not once) or "recurring" in asked.form:
        request = _monthly()
    keys = asked.form.get("lookup_keys")
    if asked.lists and not identifier and isinstance(keys, dict | list):
        request = catalog.replace(request, lookup_key=next(iter(_values(keys)), None))
    catalog.create_price(world, request, BY_ITSELF)


def _once(form: Mapping[str, Any]) -> set[str]:
    """The prices that are to be paid once with a subscription's first invoice."""
    return {value for name, value in texts(form.get("add_invoice_items")) if name == "price"}


def _values(listed: Any) -> list[str]:
    return [str(one) for one in (listed.values() if isinstance(listed, dict) else listed)]


def _session(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if not missing(asked, world.sessions, "cs_test_", identifier):
        return
    price = catalog.CreatePrice(
        currency="usd", unit_amount=AMOUNT, product_data=catalog.CreateProduct(name="Example")
    )
    line = checkout_making.Wanted(quantity=1, price_data=price)
    request = checkout_making.CreateSession(lines=(line,), extras={"success_url": _SUCCESS})
    checkout_making.create(world, request, BY_ITSELF)


def _clock(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if missing(asked, world.test_clocks, "clock_", identifier):
        clocks.create(world, _earlier(asked.form.get("frozen_time"), world.now()), None, BY_ITSELF)


def _earlier(wanted: object, now: int) -> int:
    """A time from which a clock can be advanced to the one that is wanted."""
    known = isinstance(wanted, str) and wanted.isascii() and wanted.isdigit()
    return max(0, min(now, int(str(wanted)) - 1)) if known else now


def _coupon(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier in world.coupons or not (identifier or lists(asked, world.coupons)):
        return
    if asked.resource == "coupons" and not identifier and not asked.lists:
        return
    request = coupons.CreateCoupon(
        id=identifier or None, extras={"percent_off": 25.0, "duration": "forever"}
    )
    coupons.create(world, request, BY_ITSELF)


def _code(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if missing(asked, world.promotion_codes, "promo_", identifier):
        coupon = asked.form.get("coupon")
        named = coupon if isinstance(coupon, str) else "SEEDED"
        _coupon(asked, named)
        customer, text = asked.form.get("customer"), asked.form.get("code")
        request = coupons.CreatePromotionCode(
            coupon=named,
            code=text if isinstance(text, str) else None,
            restrictions={
                "first_time_transaction": False,
                "minimum_amount": None,
                "minimum_amount_currency": None,
            },
            extras={"customer": customer if isinstance(customer, str) else None},
        )
        coupons.create_code(world, request, BY_ITSELF)


def _monthly() -> catalog.CreatePrice:
    return catalog.CreatePrice(
        currency="usd",
        unit_amount=AMOUNT,
        recurring={"interval": "month", "interval_count": 1, "meter": None, **_LICENSED},
        product_data=catalog.CreateProduct(name="Example"),
    )


def _subscription(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if not missing(asked, world.subscriptions, "sub_", identifier):
        return
    _subscribed(asked)


def _item(asked: NamingRequest, identifier: str) -> None:
    if identifier and missing(asked, asked.world.subscription_items, "si_", identifier):
        _subscribed(asked)


def _subscribed(asked: NamingRequest) -> None:
    """Make a subscription that is paid for; what it needs for what is asked of it, it has."""
    world = asked.world
    discounts: tuple[coupons.WantedDiscount, ...] = ()
    if asked.action == "discount":
        _coupon(asked, "SEEDED")
        discounts = (coupons.WantedDiscount(coupon="SEEDED"),)
    wanted = [subscribing.WantedItem(price_data=_monthly())]
    if asked.resource == "subscription_items":
        # One of two may be taken away.
        wanted.append(subscribing.WantedItem(price_data=_monthly()))
    paused = asked.action == "resume"
    request = subscribing.CreateSubscription(
        customer=payer(world), items=tuple(wanted), discounts=discounts
    )
    made = subscriptions.create(world, request, BY_ITSELF)
    if paused:
        world.subscriptions.put(subscriptions.replace(made, status="paused"))


def _invoice(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if not missing(asked, world.invoices, "in_", identifier):
        return
    draft = asked.action in ("", "finalize", "lines") or asked.resource != "invoices"
    owner = asked.form.get("customer")
    there = isinstance(owner, str) and owner in world.customers
    request = invoice_drafts.CreateInvoice(
        customer=str(owner) if there else payer(world),
        currency="usd",
        collection_method="send_invoice" if asked.action == "send" else "charge_automatically",
    )
    made = invoice_drafts.create(world, request, BY_ITSELF)
    line = invoice_items.CreateItem(
        customer=made.customer, amount=AMOUNT, currency="usd", invoice=made.id
    )
    invoice_items.create(world, line, BY_ITSELF)
    if not draft:
        invoices.finalize(world, made.id, BY_ITSELF)


def _invoice_item(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if missing(asked, world.invoice_items, "ii_", identifier):
        request = invoice_items.CreateItem(customer=payer(world), amount=AMOUNT, currency="usd")
        invoice_items.create(world, request, BY_ITSELF)


BY_PATH: dict[str, Maker] = {
    "products": _product,
    "prices": _price,
    "checkout/sessions": _session,
    "test_helpers/test_clocks": _clock,
    "coupons": _coupon,
    "promotion_codes": _code,
    "subscriptions": _subscription,
    "subscription_items": _item,
    "invoices": _invoice,
    "invoiceitems": _invoice_item,
}
"""The makers of what a path is about, by resource."""

BY_NAME: dict[str, Maker] = {
    "test_clock": _clock,
    "coupon": _coupon,
    "promotion_code": _code,
    "subscription": _subscription,
    "invoice": _invoice,
    "product": _product,
    "price": _price,
    "plan": _price,
}
"""The makers of what a parameter names, by its own name."""
