"""The subscription that a Checkout Session makes once it is paid, or its card is ready.

Source: https://docs.stripe.com/payments/subscriptions.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain import clocks, subscriptions
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.invoice_items import CreateItem
from paidonce.harness.simulator.domain.sale_objects import CheckoutSession
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import CreateSubscription, WantedItem

replace = msgspec.structs.replace


def subscribed(world: World, session: CheckoutSession) -> CheckoutSession:
    """Make the subscription of a session that is complete; the session that names it."""
    known = world.checkouts[session.id]
    asked = known.subscription or {}
    assert session.customer is not None
    intent = None if session.payment_intent is None else world.intents[session.payment_intent]
    method = None if intent is None else intent.payment_method
    if session.setup_intent is not None:
        method = world.setups[session.setup_intent].payment_method
    request = CreateSubscription(
        customer=session.customer,
        items=tuple(
            WantedItem(price=line.price.id, quantity=line.quantity)
            for line in known.lines
            if line.price.recurring is not None
        ),
        added=tuple(
            CreateItem(customer=session.customer, price=line.price.id, quantity=line.quantity)
            for line in known.lines
            if line.price.recurring is None
        ),
        made_for_sale=True,
        redeemed=known.redeemed,
        trial_days=asked.get("trial_days"),
        trial_end=asked.get("trial_end"),
        missing_method=asked.get("missing_method", "create_invoice"),
        metadata=known.metadata,
        extras={"default_payment_method": method, "description": asked.get("description")},
    )
    with clocks.time_of(world, session.customer):
        made = subscriptions.create(world, request, BY_ITSELF, intent)
    return replace(
        session,
        subscription=made.id,
        invoice=made.latest_invoice,
        payment_intent=None,
        setup_intent=None,
    )
