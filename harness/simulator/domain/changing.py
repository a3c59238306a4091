"""Subscriptions that are changed, and what the change costs: proration.

A change of price or quantity in the middle of a period gives back what was paid for the rest of
it, and asks for what the rest now costs, second for second. The two are invoice items, which wait
for the next invoice, or have one at once. Where the period itself changes, a new one begins, and is
billed at once. Sources: https://docs.stripe.com/billing/subscriptions/prorations and
https://docs.stripe.com/api/subscriptions/update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import (
    collecting,
    coupons,
    invoice_items,
    invoices,
    periods,
    subscribing,
    subscriptions,
)
from paidonce.harness.simulator.domain.billing_objects import (
    DeletedDiscount,
    Subscription,
    SubscriptionItem,
)
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.invoice_items import CreateItem
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import (
    UpdateSubscription,
    WantedItem,
    interval,
    period_of,
)
from paidonce.harness.simulator.domain.subscriptions import OVER, bill, change

replace = msgspec.structs.replace

_WHEN_OVER = ("metadata", "cancellation_details")


def update(
    world: World, identifier: str, request: UpdateSubscription, cause: EventRequest
) -> Subscription:
    """Change a subscription; 400 where it is over, or an item or a coupon is not to be had."""
    subscription = subscribing.require(world, identifier)
    asked = [*request.extras, *(["items"] if request.items else [])]
    fixed = [name for name in asked if name not in _WHEN_OVER]
    if subscription.status in OVER and fixed:
        raise StripeError(
            400,
            "A canceled subscription can only update its cancellation_details and metadata.",
            param=fixed[0],
        )
    before = subscription
    items = _items(world, subscription, request.items, cause)
    whole = subscribing.cost(items)
    changes: dict[str, Any] = dict(request.extras)
    for discount in request.discounts or ():
        coupons.usable(world, discount, subscription.customer, whole, subscription.currency)
    begins = _begins_anew(world, subscription, items, request)
    if request.payment_behavior == "error_if_incomplete" and (
        begins or request.proration == "always_invoice"
    ):
        named = changes.get("default_payment_method", subscription.default_payment_method)
        card = subscriptions.card_of(world, named, subscription.customer)
        if card is not None:
            subscriptions.refuse_unless_it_pays(card)
    if request.metadata is not None:
        changes["metadata"] = as_asked(subscription.metadata, request.metadata)
    if request.discounts is not None:
        changes["discounts"] = subscribing.redeemed(
            world,
            request.discounts,
            subscription.customer,
            whole,
            subscription.currency,
            identifier,
        )
    changes |= _ending(world, subscription, changes)
    now = request.proration_date or world.now()
    if items != subscription.items.data and request.proration != "none":
        _prorate(world, subscription, items, now, begins, cause)
    subscription = replace(subscription, **changes)
    if begins:
        subscription, items = _begun(world, subscription, items, request)
    subscription = subscribing.put(world, subscription, items)
    if begins:
        end = period_of(subscription)[1]
        world.plan(end - world.at(), "renew", identifier)
    names = [*changes, *(["items"] if items != before.items.data else [])]
    if subscription != before:
        previous = {name: getattr(before, name) for name in names}
        world.emit("customer.subscription.updated", subscription, cause, previous)
    _plan(world, subscription, changes)
    if begins and subscription.status != "trialing":
        lines = subscribing.lines(world, items)
        _bill_now(world, subscription, lines, cause)
    elif request.proration == "always_invoice" and invoice_items.pending(
        world, subscription.customer, subscription.currency
    ):
        _bill_now(world, subscription, [], cause)
    return world.subscriptions[identifier]


def cancel(
    world: World,
    identifier: str,
    cause: EventRequest,
    *,
    invoice_now: bool = False,
    prorate: bool = False,
    details: dict[str, Any] | None = None,
) -> Subscription:
    """End a subscription at once; 404 where it is over already, as at Stripe."""
    subscription = subscribing.require(world, identifier)
    if subscription.status in OVER:
        raise no_such("subscription", identifier, "id")
    if prorate and subscription.status != "trialing":
        _prorate(world, subscription, [], world.now(), False, cause)
    known = {**subscription.cancellation_details, **(details or {})}
    subscription = replace(subscription, cancellation_details=known)
    subscription = subscriptions.end(world, subscription, "cancellation_requested", cause)
    waiting = invoice_items.pending(world, subscription.customer, subscription.currency)
    if invoice_now and waiting:
        _bill_now(world, subscription, [], cause)
    return world.subscriptions[identifier]


def resume(world: World, identifier: str, cause: EventRequest) -> Subscription:
    """Go on with a subscription that is paused for want of a payment method; a period begins."""
    subscription = subscribing.require(world, identifier)
    if subscription.status != "paused":
        raise StripeError(
            400, f"You can only resume a paused subscription; it is {subscription.status}."
        )
    request = UpdateSubscription(anchors_now=True)
    subscription = replace(subscription, status="active")
    subscription, items = _begun(world, subscription, subscription.items.data, request)
    subscription = subscribing.put(world, subscription, items)
    world.plan(period_of(subscription)[1] - world.at(), "renew", identifier)
    world.emit("customer.subscription.resumed", subscription, cause)
    _bill_now(world, subscription, subscribing.lines(world, items), cause)
    return world.subscriptions[identifier]


def delete_discount(world: World, identifier: str, cause: EventRequest) -> DeletedDiscount:
    """Take a subscription's discounts from it; 404 where it has none."""
    subscription = subscribing.require(world, identifier)
    if not subscription.discounts:
        raise no_such("discount", identifier, "discount")
    gone = world.discounts[subscription.discounts[-1]]
    change(world, subscription, cause, discounts=[])
    world.emit("customer.discount.deleted", gone, cause)
    return DeletedDiscount(**msgspec.structs.asdict(gone))


def _items(
    world: World, subscription: Subscription, wanted: Sequence[WantedItem], cause: EventRequest
) -> list[SubscriptionItem]:
    """The items as they are to be."""
    items: list[SubscriptionItem] = list(subscription.items.data)
    new = []
    for item_asked in wanted:
        if item_asked.id is None:
            new.append(item_asked)
            continue
        place = next((n for n, item in enumerate(items) if item.id == item_asked.id), None)
        if place is None:
            raise StripeError(
                400,
                f"No such subscription item: '{item_asked.id}' on subscription {subscription.id}",
                code="resource_missing",
                param="items",
            )
        if item_asked.deleted:
            del items[place]
            continue
        item = items[place]
        if item_asked.price is not None or item_asked.price_data is not None:
            ((_, price),) = subscribing.priced(world, [item_asked], cause)
            item = replace(item, price=price)
        if item_asked.quantity is not None:
            item = replace(item, quantity=item_asked.quantity)
        items[place] = replace(item, metadata=as_asked(item.metadata, item_asked.metadata))
    prices = subscribing.priced(world, new, cause)
    items += subscribing.made(world, subscription.id, prices, period_of(subscription))
    if not items:
        raise StripeError(
            400, "A subscription must have at least one item; cancel it instead.", param="items"
        )
    subscribing.require_alike([item.price for item in items])
    return items


def _begins_anew(
    world: World,
    subscription: Subscription,
    items: Sequence[SubscriptionItem],
    request: UpdateSubscription,
) -> bool:
    """Return whether a new period begins with the change."""
    if request.ends_trial or request.anchors_now or request.trial_end is not None:
        return True
    old = subscription.items.data[0].price
    if subscription.status == "trialing":
        return False
    return interval(items[0].price) != interval(old) or (
        # What was free has no period that was paid for.
        not subscribing.cost(subscription.items.data) and subscribing.cost(items) > 0
    )


def _begun(
    world: World,
    subscription: Subscription,
    items: Sequence[SubscriptionItem],
    request: UpdateSubscription,
) -> tuple[Subscription, list[SubscriptionItem]]:
    """The subscription and its items at the start of a period, which a trial may be."""
    now = world.now()
    status = "active" if subscription.status == "trialing" else subscription.status
    if request.trial_end is not None:
        subscription = replace(
            subscription,
            status="trialing",
            trial_start=subscription.trial_start or now,
            trial_end=request.trial_end,
            billing_cycle_anchor=request.trial_end,
        )
        end = request.trial_end
    else:
        ended = now if subscription.status == "trialing" else subscription.trial_end
        subscription = replace(
            subscription, status=status, trial_end=ended, billing_cycle_anchor=now
        )
        end = periods.after(now, *interval(items[0].price), now)
    return subscription, [
        replace(item, current_period_start=now, current_period_end=end) for item in items
    ]


def _prorate(
    world: World,
    subscription: Subscription,
    items: Sequence[SubscriptionItem],
    now: int,
    begins: bool,
    cause: EventRequest,
) -> None:
    """Give back what was paid for the rest of the period, and ask for what the rest costs now.

    Where a new period ``begins``, that is billed whole, and nothing is asked for here.
    """
    start, end = period_of(subscription)
    if subscription.status == "trialing" or not start <= now < end:
        return
    after = {item.id: item for item in items}
    for old in subscription.items.data:
        new = after.pop(old.id, None)
        same = new is not None and (new.price, new.quantity) == (old.price, old.quantity)
        if same and not begins:
            continue
        _enter(world, subscription, old, -1, "Unused time", (now, end), end - start, cause)
        if new is not None and not begins:
            _enter(world, subscription, new, 1, "Remaining time", (now, end), end - start, cause)
    for new in after.values():
        if not begins:
            _enter(world, subscription, new, 1, "Remaining time", (now, end), end - start, cause)


def _enter(
    world: World,
    subscription: Subscription,
    item: SubscriptionItem,
    sign: int,
    what: str,
    period: tuple[int, int],
    whole: int,
    cause: EventRequest,
) -> None:
    amount = item.price.unit_amount * item.quantity
    amount = sign * periods.share(amount, period[1] - period[0], whole)
    if not amount:
        return
    name = world.products[item.price.product].name
    request = CreateItem(
        customer=subscription.customer,
        amount=amount,
        currency=subscription.currency,
        description=f"{what} on {item.quantity} × {name}",
        discountable=False,
        period=period,
        proration=True,
        quantity=item.quantity,
        subscription=subscription.id,
    )
    invoice_items.create(world, request, cause)


def _bill_now(
    world: World, subscription: Subscription, lines: Sequence[Any], cause: EventRequest
) -> None:
    """Have an invoice at once, and try to pay it; what becomes of that the subscription shows."""
    invoice = bill(world, subscription, lines, "subscription_update", cause)
    if invoice.status != "draft":
        return
    invoice = invoices.finalize(world, invoice.id, cause)
    if invoice.status == "open" and invoice.collection_method == "charge_automatically":
        world.invoices.put(replace(invoice, auto_advance=True))
        collecting.collect(world, invoice.id)


def _ending(world: World, subscription: Subscription, changes: dict[str, Any]) -> dict[str, Any]:
    """Follow from an end that is asked for, or not any more."""
    if changes.get("cancel_at_period_end"):
        end = period_of(subscription)[1]
        return {"cancel_at": end, "canceled_at": world.now()}
    if "cancel_at_period_end" in changes and "cancel_at" not in changes:
        return {"cancel_at": None, "canceled_at": None}
    if "cancel_at" in changes:
        return {"canceled_at": world.now() if changes["cancel_at"] is not None else None}
    return {}


def _plan(world: World, subscription: Subscription, changes: dict[str, Any]) -> None:
    if "cancel_at" in changes and not subscription.cancel_at_period_end:
        subscriptions.plan_end(world, subscription)
    pause = changes.get("pause_collection")
    if pause is not None and pause["resumes_at"] is not None:
        world.plan(pause["resumes_at"] - world.at(), "unpause", subscription.id)
    if "trial_end" in changes and subscription.trial_end is not None:
        soon = subscription.trial_end - subscriptions.WARNED_SECONDS - world.at()
        world.plan(max(0, soon), "trial", subscription.id)
