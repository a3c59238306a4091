"""Subscriptions: what a customer pays again and again.

::

    created ──> trialing ──trial over──> active <──paid── past_due ──given up──> canceled
       │           │                       └─payment failed──^
       │           └──no method, if so asked──> paused | canceled
       ├──paid, or nothing to pay, or an invoice is sent──> active
       └──not paid──> incomplete ──paid──> active
                           └──23 hours──> incomplete_expired

    everything but canceled and incomplete_expired ──canceled──> canceled

At the end of each period there is an invoice, which is paid an hour later. Sources:
https://docs.stripe.com/billing/subscriptions/overview and https://docs.stripe.com/api/subscriptions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import (
    coupons,
    invoice_drafts,
    invoice_items,
    invoices,
    periods,
    subscribing,
)
from paidonce.harness.simulator.domain.billing_objects import (
    Invoice,
    InvoiceLine,
    Items,
    Subscription,
)
from paidonce.harness.simulator.domain.cards import Asks, Card
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.errors import Declined, StripeError
from paidonce.harness.simulator.domain.intent_checks import require_customer
from paidonce.harness.simulator.domain.invoice_drafts import CreateInvoice
from paidonce.harness.simulator.domain.objects import EventRequest, PaymentIntent
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import CreateSubscription

replace = msgspec.structs.replace

INCOMPLETE_SECONDS = 23 * 3600
"""So long a first payment may take
(https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses)."""

WARNED_SECONDS = 3 * 86_400
"""So long before its end a trial's end is told of (``customer.subscription.trial_will_end``)."""

OVER = ("canceled", "incomplete_expired")


def create(
    world: World,
    request: CreateSubscription,
    cause: EventRequest,
    paid_with: PaymentIntent | None = None,
) -> Subscription:
    """A new subscription and its first invoice.

    An unknown customer or price, a coupon that is spent, or nothing to pay with is a 400 and leaves
    nothing but the prices that the request itself describes. ``paid_with`` is an intent that pays
    the first invoice, which is then for the subscription alone.
    """
    require_customer(world, request.customer)
    now = world.now()
    prices = subscribing.priced(world, request.items, cause, offered=request.made_for_sale)
    like = subscribing.require_alike([price for _, price in prices])
    trial_end = request.trial_end
    if request.trial_days:
        trial_end = now + request.trial_days * 86_400
    anchor = trial_end or request.anchor or now
    end = anchor if anchor > now else periods.after(now, *subscribing.interval(like), now)
    identifier = world.ids.draw("sub_")
    items = subscribing.made(world, identifier, prices, (now, end))
    whole = subscribing.cost(items)
    for discount in request.discounts:
        coupons.usable(world, discount, request.customer, whole, like.currency)
    free = trial_end is not None or (anchor > now and not request.prorates) or not whole
    automatic = request.collection_method == "charge_automatically"
    if paid_with is None and automatic and not free:
        _require_payable(world, request)
    subscription = Subscription(
        id=identifier,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None},
        billing_cycle_anchor=anchor,
        billing_mode={"flexible": None, "type": "classic"},
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method=request.collection_method,
        created=now,
        currency=like.currency,
        customer=request.customer,
        days_until_due=request.days_until_due,
        default_tax_rates=[],
        discounts=[
            *request.redeemed,
            *subscribing.redeemed(
                world, request.discounts, request.customer, whole, like.currency, identifier
            ),
        ],
        invoice_settings={"account_tax_ids": None, "issuer": {"type": "self"}},
        items=Items(data=[], total_count=0, url=""),
        metadata=request.metadata,
        start_date=now,
        status="incomplete" if automatic and not free else "active",
        test_clock=world.customers[request.customer].test_clock,
        trial_settings={"end_behavior": {"missing_payment_method": request.missing_method}},
        **{"payment_settings": _payment_settings(), **request.extras},
    )
    if trial_end is not None:
        subscription = replace(
            subscription, status="trialing", trial_end=trial_end, trial_start=now
        )
        world.plan(max(0, trial_end - WARNED_SECONDS - world.at()), "trial", identifier)
    subscription = subscribing.put(world, subscription, items)
    world.plan(end - world.at(), "renew", identifier)
    world.emit("customer.subscription.created", subscription, cause)
    plan_end(world, subscription)
    for item in request.added:
        invoice_items.create(world, replace(item, subscription=identifier), cause)
    if trial_end is not None:
        lines = subscribing.trial_lines(world, items)
    elif anchor > now:
        first = periods.after(anchor, *subscribing.interval(like), anchor)
        part = (end - now, first - anchor) if request.prorates else (0, 1)
        lines = subscribing.lines(world, items, part=part)
    else:
        lines = subscribing.lines(world, items)
    sold = paid_with is not None or request.made_for_sale
    invoice = bill(world, subscription, lines, "subscription_create", cause, alone=sold)
    if not automatic:
        return world.subscriptions[identifier]
    invoice = invoices.finalize(world, invoice.id, cause, paid_with)
    if invoice.status == "open":
        _first_payment(world, invoice, request, cause)
    return world.subscriptions[identifier]


def _payment_settings() -> dict[str, Any]:
    return {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    }


def bill(
    world: World,
    subscription: Subscription,
    lines: Sequence[InvoiceLine],
    reason: str,
    cause: EventRequest,
    *,
    alone: bool = False,
) -> Invoice:
    """A draft for a subscription, which advances by itself.

    What is pending of its customer is on it, or, if it is for the subscription ``alone``, what is
    pending of that.
    """
    pause = subscription.pause_collection
    held = subscription.status == "unpaid" or (
        pause is not None and pause["behavior"] == "keep_as_draft"
    )
    request = CreateInvoice(
        customer=subscription.customer,
        currency=subscription.currency,
        reason=reason,
        auto_advance=not held,
        collection_method=subscription.collection_method,
        days_until_due=subscription.days_until_due,
        discounts=tuple(subscribing.lasting(world, subscription)),
        lines=tuple(lines),
        subscription=subscription.id,
        subscription_metadata=subscription.metadata,
        period=subscribing.period_of(subscription),
    )
    waiting = invoice_items.pending(world, subscription.customer, subscription.currency)
    if alone:
        waiting = [item for item in waiting if item.subscription == subscription.id]
    invoice = invoice_drafts.create(world, request, cause, waiting)
    subscription = world.subscriptions[subscription.id]
    world.subscriptions.put(
        replace(
            subscription,
            discounts=subscribing.after_invoice(world, subscription),
            latest_invoice=invoice.id,
        )
    )
    if pause is not None and not held:
        invoices.finalize(world, invoice.id, cause)
        if world.invoices[invoice.id].status == "open":
            end = invoices.void if pause["behavior"] == "void" else invoices.mark_uncollectible
            end(world, invoice.id, cause)
    return world.invoices[invoice.id]


def follow(world: World, invoice: Invoice, outcome: str, cause: EventRequest) -> None:
    """Enter what has become of an invoice of a subscription: paid, failed, or somebody is asked."""
    identifier = invoice.subscription
    if identifier is None:
        return
    subscription = world.subscriptions[identifier]
    if subscription.status in OVER:
        return
    if outcome == "paid":
        subscription = _keeping_method(world, subscription, invoice)
    status: Any = subscription.status
    latest = subscription.latest_invoice == invoice.id
    if outcome == "paid":
        if latest and status in ("incomplete", "past_due", "unpaid"):
            status = "active"
    elif outcome == "failed" and status == "active":
        status = "past_due"
    if status != subscription.status:
        change(world, subscription, cause, status=status)
    # The last attempt has failed: nobody will try again.
    last = invoice.next_payment_attempt is None and invoice.auto_advance
    automatic = invoice.collection_method == "charge_automatically"
    if outcome == "failed" and status == "past_due" and last and automatic:
        end(world, world.subscriptions[identifier], "payment_failed", cause)


def _keeping_method(world: World, subscription: Subscription, invoice: Invoice) -> Subscription:
    """The subscription with what has paid it as its method, where that was asked for."""
    payment = invoices.payment_of(world, invoice.id)
    saves = subscription.payment_settings["save_default_payment_method"] == "on_subscription"
    if payment is None or not saves or subscription.default_payment_method is not None:
        return subscription
    method = world.intents[payment.payment["payment_intent"]].payment_method
    subscription = replace(subscription, default_payment_method=method)
    world.subscriptions.put(subscription)
    return subscription


def change(
    world: World, subscription: Subscription, cause: EventRequest, **changes: Any
) -> Subscription:
    """Change a subscription and tell of it."""
    before = {name: getattr(subscription, name) for name in changes}
    subscription = replace(subscription, **changes)
    world.subscriptions.put(subscription)
    world.emit("customer.subscription.updated", subscription, cause, before)
    return subscription


def end(
    world: World, subscription: Subscription, reason: str | None, cause: EventRequest
) -> Subscription:
    """End a subscription now; what is still open of it is not tried again."""
    now = world.now()
    details = subscription.cancellation_details
    subscription = replace(
        subscription,
        canceled_at=subscription.canceled_at or now,
        cancellation_details={**details, "reason": details["reason"] or reason},
        ended_at=now,
        status="canceled",
    )
    world.subscriptions.put(subscription)
    latest = subscription.latest_invoice
    if latest is not None and world.invoices[latest].status in ("draft", "open"):
        world.invoices.put(
            replace(
                world.invoices[latest],
                auto_advance=False,
                automatically_finalizes_at=None,
                next_payment_attempt=None,
            )
        )
    world.emit("customer.subscription.deleted", subscription, cause)
    return subscription


def plan_end(world: World, subscription: Subscription) -> None:
    """Have a subscription end when it says so itself."""
    if subscription.cancel_at is not None:
        world.plan(subscription.cancel_at - world.at(), "cancel", subscription.id)


def expire(world: World, identifier: str) -> None:
    """A first payment was not made in time."""
    subscription = world.subscriptions[identifier]
    if subscription.status != "incomplete":
        return
    latest = subscription.latest_invoice
    if latest is not None and world.invoices[latest].status == "open":
        invoices.void(world, latest, BY_ITSELF)
    change(
        world,
        world.subscriptions[identifier],
        BY_ITSELF,
        status="incomplete_expired",
        ended_at=world.now(),
    )


def card_of(world: World, request_method: str | None, customer: str) -> Card | None:
    """The card that would pay: the one that is named, or else the customer's; None for neither."""
    named = request_method
    if named is None:
        named = world.customers[customer].invoice_settings["default_payment_method"]
    return None if named is None else world.card_of.get(named)


def _require_payable(world: World, request: CreateSubscription) -> None:
    """400 where nothing can pay, 402 where the card will not and nothing is to be left of it."""
    if request.payment_behavior == "default_incomplete":
        return
    card = card_of(world, request.extras.get("default_payment_method"), request.customer)
    if card is None:
        raise StripeError(
            400,
            "This customer has no attached payment source or default payment method. Please "
            "consider adding a default payment method. For more information, visit "
            "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-"
            "priority.",
            code="resource_missing",
        )
    if request.payment_behavior == "error_if_incomplete":
        refuse_unless_it_pays(card)


def refuse_unless_it_pays(card: Card) -> None:
    """402 where the card would be declined or ask for authentication."""
    if card.decline is not None and card.settling is None:
        raise StripeError(402, card.decline.message, type="card_error", code=card.decline.code)
    if card.asks is Asks.ALWAYS:
        raise StripeError(
            402,
            "Payment for this subscription requires additional user action before it can be "
            "completed successfully.",
            type="card_error",
            code="subscription_payment_intent_requires_action",
        )


def _first_payment(
    world: World,
    invoice: Invoice,
    request: CreateSubscription,
    cause: EventRequest,
) -> None:
    identifier = invoice.subscription
    assert identifier is not None
    world.plan(INCOMPLETE_SECONDS, "incomplete", identifier)
    if request.payment_behavior != "default_incomplete" and not request.made_for_sale:
        # A decline is seen of the subscription: it is incomplete.
        with contextlib.suppress(Declined):
            invoices.pay(world, invoice.id, None, cause, off_session=request.off_session)


invoices.FOLLOWERS.append(follow)
