"""The index that searches go by: up to date, or as far as it has come.

Stripe writes first and indexes later: up to a minute, usually, and not to be read after a write
(https://docs.stripe.com/search#data-freshness). Here it is up to date unless it is held.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from paidonce.harness.simulator.domain.collection import Collection
from paidonce.harness.simulator.domain.search import SearchIndex
from paidonce.harness.simulator.domain.state import World

_SEARCHED = {
    "payment_intent": "intents",
    "charge": "charges",
    "customer": "customers",
    "product": "products",
    "price": "prices",
    "subscription": "subscriptions",
    "invoice": "invoices",
}


def hold(world: World) -> None:
    """Have searches see what there is by now, and nothing that comes later, until this is called
    again or ``release``."""
    objects = {kind: _copied(_all_of(world, kind)) for kind in _SEARCHED}
    world.search_index = SearchIndex(objects, frozenset(world.deleted))


def release(world: World) -> None:
    """Have searches see every write at once."""
    world.search_index = None


def index_of(world: World, kind: str) -> tuple[Collection[Any], Set[str]]:
    """Return the objects of a kind that a search sees, and the ids of those that are gone."""
    held = world.search_index
    if held is not None:
        return held.objects[kind], held.deleted
    return _all_of(world, kind), world.deleted


def _all_of(world: World, kind: str) -> Collection[Any]:
    objects: Collection[Any] = getattr(world, _SEARCHED[kind])
    return objects


def _copied(objects: Collection[Any]) -> Collection[Any]:
    copy: Collection[Any] = Collection()
    for item in objects:  # each is a snapshot: a change puts another into its place
        copy.put(item)
    return copy
