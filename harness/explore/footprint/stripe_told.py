"""The footprint of a call to Stripe where Stripe tells it: see
``paidonce.harness.simulator.domain.touched``.

Ids differ in every execution. What was there before the attempts began is known by its name, if it
has one, and what a call of theirs made by that call; of anything else it is only said which kind
of thing it is, so that the footprint is that of all of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.footprint.stripe import (
    CUSTOMER,
    METHOD,
    MONEY,
    NEW,
    OBJECTS,
    PRODUCT,
    WALLET,
)

_PLACES = {
    "payment_intent": (MONEY, "payment_intent"),
    "payment_method": (METHOD, "method"),
    "customer": (CUSTOMER, "customer"),
    "wallet": (WALLET, "customer"),
    "setup_intent": (MONEY, "setup_intent"),
    "checkout_session": (MONEY, "checkout_session"),
    "product": (PRODUCT, "product"),
    "billing": ((*OBJECTS, "billing"), "customer"),
    "coupon": ((*OBJECTS, "coupon"), "coupon"),
    "account": ((*OBJECTS, "account"), "account"),
    "payout": ((*OBJECTS, "payout"), "payout"),
    "test_clock": ((*OBJECTS, "clock"), "clock"),
    "webhook_endpoint": ((*OBJECTS, "endpoint"), "endpoint"),
}

_ENDPOINTS = "webhook_endpoints"
"""Whoever raises an event looks through them; two that are made conflict anyway."""


class _Told(msgspec.Struct, frozen=True):
    looks: tuple[tuple[str, str], ...]
    changes: tuple[tuple[str, str], ...]
    made: tuple[tuple[str, str], ...]
    added: tuple[str, ...]
    listed: tuple[str, ...]


_decoder = msgspec.json.Decoder(_Told)


@dataclass
class ToldByStripe:
    """Reads what is told in one execution.

    ``known`` are the values that have a name beforehand; ``name`` is called with what a call made,
    and the name of that by the call. Of ``ordered`` collections it matters in which order they
    grew: somebody looks through them, newest first.
    """

    known: Collection[str] = ()
    name: Callable[[str, str], None] | None = None
    ordered: Collection[str] = ()
    listed: set[str] = field(default_factory=set)
    """Collections that were looked through."""
    _made: set[str] = field(default_factory=set)

    def footprint(self, text: str, maker: str) -> Footprint:
        """The footprint of a call; ``maker`` names it, as the maker of what it made."""
        told = _decoder.decode(text)
        for number, (kind, identifier) in enumerate(told.made):
            self._made.add(identifier)
            if self.name is not None:
                self.name(identifier, f"{kind} {number} of {maker}")
        self.listed.update(set(told.listed) - {_ENDPOINTS})
        added = {
            Resource(NEW, (("collection", one),))
            if one in self.ordered
            else Resource(NEW, (("collection", one), ("maker", maker)))
            for one in told.added
        }
        listed = {Resource(NEW, (("collection", one),)) for one in told.listed}
        if "events" in told.listed:
            listed.add(Resource(OBJECTS))  # whatever changes raises one
        return Footprint(
            looks=frozenset({self._thing(*look) for look in told.looks} | listed),
            publishes=frozenset({self._thing(*change) for change in told.changes} | added),
        )

    def renamed(self, footprint: Footprint) -> Footprint:
        """``footprint``, of a call of which nothing is told, by the same names."""
        return Footprint(
            looks=frozenset(map(self._renamed, footprint.looks)),
            locks=footprint.locks,
            publishes=frozenset(map(self._renamed, footprint.publishes)),
        )

    def _renamed(self, resource: Resource) -> Resource:
        for kind, (place, column) in _PLACES.items():
            if place == resource.place:
                for one, value in resource.key:
                    if one == column:
                        return self._thing(kind, value)
        return resource

    def _thing(self, kind: str, identifier: str) -> Resource:
        place, column = _PLACES[kind]
        named = identifier in self.known or identifier in self._made
        return Resource(place, ((column, identifier),) if named else ())
