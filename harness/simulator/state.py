"""Everything the simulated account holds.

One ``World`` lives on one event loop. The functions of the domain change it synchronously, from
start to end, so each of them is atomic: no other request can see or act on a half-done change.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from harness.simulator.cards import Card
from harness.simulator.collection import Collection
from harness.simulator.ids import IdSource
from harness.simulator.objects import (
    BalanceTransaction,
    Charge,
    Event,
    EventData,
    EventRequest,
    PaymentIntent,
    PaymentMethod,
    Refund,
)

API_VERSION = "2026-10-28.endive"
"""The account's version: answers have its shape, whichever version a request names."""

Clock = Callable[[], float]
"""Now, in Unix seconds."""

Listener = Callable[[Event], None]


class World:
    """The objects of one account since it was last reset."""

    def __init__(self, ids: IdSource | None = None, clock: Clock = time.time) -> None:
        self.ids = ids or IdSource()
        self.clock = clock
        self.intents: Collection[PaymentIntent] = Collection()
        self.charges: Collection[Charge] = Collection()
        self.refunds: Collection[Refund] = Collection()
        self.payment_methods: Collection[PaymentMethod] = Collection()
        self.balance_transactions: Collection[BalanceTransaction] = Collection()
        self.events: Collection[Event] = Collection()
        self.card_of: dict[str, Card] = {}
        """By payment method id: how the card behind it behaves."""
        self.charges_of: defaultdict[str, list[str]] = defaultdict(list)
        """By payment intent id, oldest first."""
        self.refunds_of: defaultdict[str, list[str]] = defaultdict(list)
        """By charge id, oldest first."""
        self.listeners: list[Listener] = []
        """Told of every event, in order, within the transition that caused it."""

    def now(self) -> int:
        return int(self.clock())

    def emit(
        self,
        type: str,
        subject: PaymentIntent | Charge | Refund,
        cause: EventRequest,
        previous: dict[str, Any] | None = None,
    ) -> Event:
        """Record that something happened to ``subject``, as it is now.

        ``previous`` holds the former values of the attributes that changed, for the event types
        where Stripe gives them.
        """
        event = Event(
            id=self.ids.draw("evt_"),
            api_version=API_VERSION,
            created=self.now(),
            data=EventData(object=subject, previous_attributes=previous),
            request=cause,
            type=type,
        )
        self.events.put(event)
        for listener in self.listeners:
            listener(event)
        return event
