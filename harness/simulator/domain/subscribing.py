"""Reads what a subscription is asked to be: its items, discounts, and paid periods.

Source: https://docs.stripe.com/api/subscriptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import catalog, coupons, periods
from paidonce.harness.simulator.domain.billing_objects import (
    InvoiceLine,
    Items,
    Subscription,
    SubscriptionItem,
)
from paidonce.harness.simulator.domain.catalog import CreatePrice
from paidonce.harness.simulator.domain.coupons import WantedDiscount
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.invoice_items import CreateItem
from paidonce.harness.simulator.domain.invoice_lines import recurring_line
from paidonce.harness.simulator.domain.objects import EventRequest, Metadata
from paidonce.harness.simulator.domain.sale_objects import Price
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

MOST_ITEMS = 20
"""https://docs.stripe.com/billing/subscriptions/multiple-products"""


class WantedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that a request names: a new one, or changes of the one with ``id``."""

    id: str | None = None
    price: str | None = None
    price_data: CreatePrice | None = None
    quantity: int | None = None
    deleted: bool = False
    metadata: dict[str, str | None] | None = None


class CreateSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new subscription; ``extras`` are attributes taken over as they are."""

    customer: str
    items: tuple[WantedItem, ...]
    added: tuple[CreateItem, ...] = ()
    discounts: tuple[WantedDiscount, ...] = ()
    trial_end: int | None = None
    trial_days: int | None = None
    anchor: int | None = None
    prorates: bool = True
    payment_behavior: str = "allow_incomplete"
    off_session: bool = False
    collection_method: str = "charge_automatically"
    days_until_due: int | None = None
    missing_method: str = "create_invoice"
    made_for_sale: bool = False
    """True if the prices were checked when they were offered: one may be inactive since."""
    redeemed: tuple[str, ...] = ()
    """Discounts that were redeemed before."""
    metadata: Metadata = {}
    extras: dict[str, Any] = {}


class UpdateSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request to change a subscription; what is None stays as it is."""

    items: tuple[WantedItem, ...] = ()
    discounts: tuple[WantedDiscount, ...] | None = None
    proration: str = "create_prorations"
    proration_date: int | None = None
    payment_behavior: str = "allow_incomplete"
    trial_end: int | None = None
    ends_trial: bool = False
    anchors_now: bool = False
    metadata: dict[str, str | None] | None = None
    extras: dict[str, Any] = {}


def require(world: World, identifier: str, *, status: int = 404) -> Subscription:
    """The subscription of that id; 404 (or ``status``) ``resource_missing`` otherwise."""
    subscription = world.subscriptions.get(identifier)
    if subscription is None:
        raise no_such("subscription", identifier, "id", status=status)
    return subscription


def require_item(world: World, identifier: str) -> SubscriptionItem:
    """The item of that id; 404 where there is none, or none any more."""
    item = world.subscription_items.get(identifier)
    if item is None or identifier in world.deleted:
        raise no_such("subscription_item", identifier, "item")
    return item


def priced(
    world: World, wanted: Sequence[WantedItem], cause: EventRequest, *, offered: bool = False
) -> list[tuple[WantedItem, Price]]:
    """The prices of new items; 400 where one is unknown, inactive, or paid once."""
    found = []
    for number, item in enumerate(wanted):
        param = f"items[{number}][price]"
        if item.price_data is not None:
            if item.price_data.product is not None:
                catalog.require_product(world, item.price_data.product, param=param, status=400)
            price = catalog.create_price(world, item.price_data, cause)
        else:
            assert item.price is not None
            price = catalog.require_price(world, item.price, param=param, status=400)
            if not price.active and not offered:
                raise StripeError(
                    400,
                    "The price specified is inactive. This field only accepts active prices.",
                    param=param,
                )
        if price.recurring is None:
            raise StripeError(
                400,
                "The price specified is set to `type=one_time` but this field only accepts prices "
                "with `type=recurring`.",
                param=param,
            )
        found.append((item, price))
    return found


def require_alike(prices: Sequence[Price]) -> Price:
    """One of the prices, all of which have one currency and one interval; 400 otherwise."""
    first = prices[0]
    for price in prices:
        if price.currency != first.currency:
            raise StripeError(
                400,
                "All prices of a subscription must have the same currency: found "
                f"{first.currency} and {price.currency}.",
                param="items",
            )
        if interval(price) != interval(first):
            raise StripeError(
                400,
                "Currently, all prices of a subscription must have the same `recurring.interval` "
                "and `recurring.interval_count`.",
                param="items",
            )
    if len(prices) > MOST_ITEMS:
        raise StripeError(400, f"A subscription has at most {MOST_ITEMS} items.", param="items")
    return first


def interval(price: Price) -> tuple[str, int]:
    """Return how often the price is paid."""
    assert price.recurring is not None
    return price.recurring["interval"], price.recurring["interval_count"]


def made(
    world: World,
    subscription: str,
    wanted: Sequence[tuple[WantedItem, Price]],
    period: tuple[int, int],
) -> list[SubscriptionItem]:
    """New items of a subscription."""
    subscription_items = []
    for item, price in wanted:
        given = {name: text for name, text in (item.metadata or {}).items() if text is not None}
        subscription_items.append(
            SubscriptionItem(
                id=world.ids.draw("si_"),
                created=world.now(),
                current_period_end=period[1],
                current_period_start=period[0],
                discounts=[],
                metadata=given,
                price=price,
                quantity=1 if item.quantity is None else item.quantity,
                subscription=subscription,
                tax_rates=[],
            )
        )
    return subscription_items


def put(
    world: World, subscription: Subscription, items: Sequence[SubscriptionItem]
) -> Subscription:
    """Store a subscription with these items and no others."""
    for gone in subscription.items.data:
        if all(gone.id != item.id for item in items):
            world.deleted.add(gone.id)
    for item in items:
        world.subscription_items.put(item)
    url = f"/v1/subscription_items?subscription={subscription.id}"
    listed = Items(data=list(items), total_count=len(items), url=url)
    subscription = replace(subscription, items=listed)
    world.subscriptions.put(subscription)
    return subscription


def cost(items: Sequence[SubscriptionItem]) -> int:
    """Return what the items come to for one period."""
    return sum(item.price.unit_amount * item.quantity for item in items)


def lines(
    world: World, items: Sequence[SubscriptionItem], *, part: tuple[int, int] | None = None
) -> list[InvoiceLine]:
    """The lines of an invoice for the items' period; of ``part`` seconds of so many alone."""
    invoice_lines = []
    for item in items:
        name = world.products[item.price.product].name
        amount = item.price.unit_amount * item.quantity
        if part is not None:
            amount = periods.share(amount, *part)
        invoice_lines.append(recurring_line(world, item, amount, f"{item.quantity} × {name}"))
    return invoice_lines


def trial_lines(world: World, items: Sequence[SubscriptionItem]) -> list[InvoiceLine]:
    """The lines of the invoice with which a trial begins: nothing is to be paid."""
    return [
        recurring_line(
            world, item, 0, f"Trial period for {world.products[item.price.product].name}"
        )
        for item in items
    ]


def period_of(subscription: Subscription) -> tuple[int, int]:
    """The period that is paid for, which all items share."""
    item = subscription.items.data[0]
    return item.current_period_start, item.current_period_end


def redeemed(
    world: World,
    wanted: Sequence[WantedDiscount],
    customer: str,
    amount: int,
    currency: str,
    subscription: str,
) -> list[str]:
    """Redeem the discounts for a subscription; the ids of what they are from now on."""
    for discount_asked in wanted:
        coupons.usable(world, discount_asked, customer, amount, currency)
    return [
        coupons.redeem(world, one, customer, amount, currency, subscription=subscription).id
        for one in wanted
    ]


def lasting(world: World, subscription: Subscription) -> list[str]:
    """The discounts that still hold for what is invoiced now."""
    return [
        discount
        for discount in subscription.discounts
        if (end := world.discounts[discount].end) is None or end > world.now()
    ]


def after_invoice(world: World, subscription: Subscription) -> list[str]:
    """The discounts that are left once an invoice has had them: those for one time are gone."""
    return [
        one
        for one in lasting(world, subscription)
        if world.coupons[world.discounts[one].source["coupon"]].duration != "once"
    ]
