"""Lets subscriptions go their way by themselves: trials end, periods end, and some are to end.

Sources: https://docs.stripe.com/billing/subscriptions/overview and
https://docs.stripe.com/billing/subscriptions/trials.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain import periods, subscribing, subscriptions
from paidonce.harness.simulator.domain.billing_objects import Subscription
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscriptions import OVER, bill, card_of, change

replace = msgspec.structs.replace


def renew(world: World, identifier: str) -> None:
    """A period is over: begin the next one, with its invoice, unless the subscription ends."""
    subscription = world.subscriptions[identifier]
    if subscription.status in (*OVER, "paused", "incomplete"):
        return
    if subscribing.period_of(subscription)[1] != world.now():
        return  # the period has become another one since
    if subscription.cancel_at_period_end:
        subscriptions.end(world, subscription, "cancellation_requested", BY_ITSELF)
        return
    if subscription.status == "trialing":
        if not _goes_on(world, subscription):
            return
        subscription = world.subscriptions[identifier]
    advance(world, subscription)


def advance(world: World, subscription: Subscription) -> None:
    """Begin the period after the one that is over, and bill it."""
    before = subscribing.period_of(subscription)[1]
    first = subscription.items.data[0]
    end = periods.after(
        subscription.billing_cycle_anchor, *subscribing.interval(first.price), before
    )
    items = [
        replace(item, current_period_start=before, current_period_end=end)
        for item in subscription.items.data
    ]
    subscription = subscribing.put(world, subscription, items)
    world.plan(end - world.at(), "renew", subscription.id)
    status = "active" if subscription.status == "trialing" else subscription.status
    subscription = change(world, subscription, BY_ITSELF, status=status)
    lines = subscribing.lines(world, subscription.items.data)
    bill(world, subscription, lines, "subscription_cycle", BY_ITSELF)


def warn(world: World, identifier: str) -> None:
    """A trial will end soon."""
    subscription = world.subscriptions[identifier]
    if subscription.status == "trialing":
        world.emit("customer.subscription.trial_will_end", subscription, BY_ITSELF)


def cancel(world: World, identifier: str) -> None:
    """The time for which a subscription's end was asked has come."""
    subscription = world.subscriptions[identifier]
    if subscription.status not in OVER and subscription.cancel_at == world.now():
        subscriptions.end(world, subscription, "cancellation_requested", BY_ITSELF)


def unpause(world: World, identifier: str) -> None:
    """The time until which a subscription collects nothing is over."""
    subscription = world.subscriptions[identifier]
    pause = subscription.pause_collection
    if pause is not None and pause["resumes_at"] == world.now():
        change(world, subscription, BY_ITSELF, pause_collection=None)


def _goes_on(world: World, subscription: Subscription) -> bool:
    """Return whether a trial becomes a subscription; where nothing can pay, it may end."""
    behavior = subscription.trial_settings["end_behavior"]["missing_payment_method"]
    method = card_of(world, subscription.default_payment_method, subscription.customer)
    if method is not None or behavior == "create_invoice":
        return True
    if behavior == "cancel":
        subscriptions.end(world, subscription, None, BY_ITSELF)
    else:
        subscription = change(world, subscription, BY_ITSELF, status="paused")
        world.emit("customer.subscription.paused", subscription, BY_ITSELF)
    return False
