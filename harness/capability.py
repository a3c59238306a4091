"""The capabilities of a backend, and so of a run: what it can and cannot judge.

A checker names the capabilities it relies on; where the run lacks one, its verdict is UNKNOWN
and says which. stripe-mock, for example, keeps no state: with it there is no ledger to compare
with, and "one payment intent" can only be judged from the calls that reached it.
"""

from __future__ import annotations

import enum


class Capability(enum.StrEnum):
    """A fact a history can be relied on to hold."""

    STRIPE_LEDGER = "stripe.ledger"
    """Stripe's objects (intents, charges, refunds) were listed at the end and are true."""
    STRIPE_STATE = "stripe.state"
    """The Stripe used keeps its objects: what was made can be looked up as it was left."""
    STRIPE_CONFIRM = "stripe.confirm"
    """The Stripe used confirms an intent with a payment method that is named only then."""
    STRIPE_REFUND_LIMIT = "stripe.refund-limit"
    """The Stripe used refuses refunds beyond what was paid."""
    STRIPE_CALLS = "stripe.calls"
    """Every call the service made to Stripe was seen at a tap and is an effect in the history."""
    STRIPE_IDEMPOTENCY = "stripe.idempotency"
    """The Stripe used honours idempotency keys, so a repeated key has one effect."""
    STRIPE_DECLINES = "stripe.declines"
    """The Stripe used declines the test cards that Stripe declines."""
    STRIPE_WEBHOOKS = "stripe.webhooks"
    """Signed webhook events of the Stripe used can be delivered to the service."""
    STRIPE_EVENTS = "stripe.events"
    """The Stripe used keeps the events it raised, each with its object as it was then."""
    STRIPE_PAGES = "stripe.pages"
    """The page of a Checkout Session can be paid by one POST, and Stripe's clock can be moved."""
    ORDER_STATE = "service.orders"
    """The final state of every order was read from the service after it had come to rest."""


CAPABILITY_MEANING: dict[Capability, str] = {
    Capability.STRIPE_LEDGER: "Stripe's objects can be listed and are true",
    Capability.STRIPE_STATE: "objects can be looked up as they were left",
    Capability.STRIPE_CONFIRM: "an intent is confirmed with a payment method named then",
    Capability.STRIPE_REFUND_LIMIT: "refunds beyond the payment are refused",
    Capability.STRIPE_CALLS: "every call to Stripe is seen at a tap",
    Capability.STRIPE_IDEMPOTENCY: "idempotency keys are honoured",
    Capability.STRIPE_DECLINES: "test cards are declined as Stripe declines them",
    Capability.STRIPE_WEBHOOKS: "signed webhook events can be delivered",
    Capability.STRIPE_EVENTS: "events are kept as they were raised",
    Capability.STRIPE_PAGES: "pages to pay on are paid by one POST, and the clock can be moved",
    Capability.ORDER_STATE: "the final state of every order is read from the service",
}
