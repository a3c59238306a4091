"""Previews of invoices: what a customer would owe next, or after a change that nobody has made yet.

What is asked about is done in a copy of the account, of which nothing is left but the draft.
Source: https://docs.stripe.com/api/invoices/create_preview.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain import (
    changing,
    clocks,
    customers,
    invoice_drafts,
    invoice_items,
    invoices,
    renewing,
    subscribing,
    subscriptions,
)
from paidonce.harness.simulator.domain.billing_objects import Invoice, Subscription
from paidonce.harness.simulator.domain.coupons import WantedDiscount
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import (
    CreateSubscription,
    UpdateSubscription,
    period_of,
)
from paidonce.harness.simulator.domain.subscriptions import OVER

replace = msgspec.structs.replace


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a preview, of a customer's or of a subscription's next invoice."""

    customer: str | None = None
    subscription: str | None = None
    currency: str = "usd"
    discounts: tuple[WantedDiscount, ...] | None = None
    change: UpdateSubscription | None = None
    """The change that is asked about; where no subscription is named, the items of a new one."""
    cancels_now: bool = False


def preview(world: World, request: Preview, cause: EventRequest) -> Invoice:
    """The draft that there would be; 404 ``invoice_upcoming_none`` where there would be none.

    What the change itself would be refused for is refused here too.
    """
    customer = _customer(world, request)
    twin = world.copied()
    before = len(twin.events)
    with clocks.time_of(twin, customer):
        subscription = _changed(twin, request, customer, cause)
        if subscription is not None and _draft(twin, before) is None:
            _renewed(twin, subscription)
        elif subscription is None and _draft(twin, before) is None:
            _without_subscription(twin, customer, request.currency, cause)
    draft = _draft(twin, before)
    if draft is None:
        raise StripeError(
            404, f"No upcoming invoices for customer: {customer}", code="invoice_upcoming_none"
        )
    owner = world.customers[customer]
    due, left = invoices.balanced(draft.total, owner, draft.currency)
    return replace(
        draft,
        id=f"upcoming_{draft.id}",
        amount_due=due,
        amount_remaining=due,
        starting_balance=owner.balance,
        ending_balance=left,
    )


def _customer(world: World, request: Preview) -> str:
    """The customer whose invoice it would be; 400 where that is unknown, or another one."""
    named = request.customer
    if request.subscription is not None:
        owner = subscribing.require(world, request.subscription, status=400).customer
        if named not in (None, owner):
            raise StripeError(
                400,
                f"The subscription {request.subscription} belongs to another customer.",
                param="subscription",
            )
        return owner
    assert named is not None
    return customers.named(world, named).id


def _changed(
    twin: World, request: Preview, customer: str, cause: EventRequest
) -> Subscription | None:
    """Make the change that is asked about; the subscription whose next invoice is the answer.

    None where there is none, and what waits for the customer is all that could be invoiced.
    """
    change = request.change
    if request.subscription is None:
        if change is not None and change.items:
            new = CreateSubscription(
                customer=customer,
                items=change.items,
                discounts=request.discounts or (),
                trial_end=change.trial_end,
                payment_behavior="default_incomplete",
            )
            return subscriptions.create(twin, new, cause)
        return _first(twin, customer)
    if request.cancels_now:
        prorate = change is None or change.proration != "none"
        return changing.cancel(twin, request.subscription, cause, prorate=prorate, invoice_now=True)
    wanted = replace(change or UpdateSubscription(), discounts=request.discounts)
    return changing.update(twin, request.subscription, wanted, cause)


def _first(twin: World, customer: str) -> Subscription | None:
    """The customer's subscription that is invoiced next."""
    ids = twin.subscriptions.having(
        "customer", lambda subscription: str(subscription.customer), customer
    )
    going = [
        subscription
        for subscription in map(twin.subscriptions.__getitem__, ids)
        if subscription.status not in OVER
    ]
    going = [subscription for subscription in going if not subscription.cancel_at_period_end]
    return min(going, key=lambda subscription: period_of(subscription)[1], default=None)


def _renewed(twin: World, subscription: Subscription) -> None:
    """Have it be the end of the subscription's period."""
    clock = twin.customers[subscription.customer].test_clock
    with clocks.standing(twin, clock, period_of(subscription)[1]):
        renewing.renew(twin, subscription.id)


def _without_subscription(twin: World, customer: str, currency: str, cause: EventRequest) -> None:
    """Invoice what waits for the customer, if anything does."""
    waiting = invoice_items.pending(twin, customer, currency)
    if waiting:
        request = invoice_drafts.CreateInvoice(customer=customer, currency=currency)
        invoice_drafts.create(twin, request, cause, waiting)


def _draft(twin: World, before: int) -> Invoice | None:
    """The first invoice that was made since, as it was made."""
    for event in twin.events.newest(len(twin.events) - before)[::-1]:
        if event.type == "invoice.created" and isinstance(event.data.object, Invoice):
            return event.data.object
    return None
