"""Who wants to know what a payment intent has come to: invoices, disputes.

They stand above the intents, which know nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable

from paidonce.harness.simulator.domain.objects import EventRequest, PaymentIntent
from paidonce.harness.simulator.domain.state import World

Follower = Callable[[World, PaymentIntent, EventRequest], None]

FOLLOWERS: list[Follower] = []
"""Told of an intent whenever it is paid, captured, refused, or asks for authentication."""


def told(world: World, intent: PaymentIntent, cause: EventRequest) -> PaymentIntent:
    """Tell everybody; the intent."""
    for follower in FOLLOWERS:
        follower(world, intent, cause)
    return intent
