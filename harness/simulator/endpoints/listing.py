"""The parameters of every list call, and the shape of its answer.

Source: https://docs.stripe.com/api/pagination.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from paidonce.harness.simulator.domain import search, search_index
from paidonce.harness.simulator.domain.collection import (
    Collection,
    Cursor,
    Identified,
    UnknownCursor,
)
from paidonce.harness.simulator.domain.errors import Refused, no_such
from paidonce.harness.simulator.domain.objects import AnyObject, EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.wire.params import Params

MAX_LIMIT = 100
DEFAULT_LIMIT = 10

T = TypeVar("T", bound=Identified)

Where = Callable[[Any], bool]


class HasId(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str: ...


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list."""

    object: str = "list"
    data: list[Any]
    has_more: bool
    url: str


class SearchListing(Listing, frozen=True, kw_only=True):
    """A page of search results; ``next_page`` is the token that asks for the next one."""

    object: str = "search_result"
    next_page: str | None = None
    total_count: int | msgspec.UnsetType = msgspec.UNSET
    """How many match in all, where it is asked for by ``expand[]=total_count``."""


Answer = AnyObject | Listing

Execution = Callable[[World, EventRequest], Answer]


def limit(params: Params) -> int:
    """The page size asked for, 1 to 100."""
    asked = params.integer("limit", minimum=1, maximum=MAX_LIMIT)
    return DEFAULT_LIMIT if asked is None else asked


def cursor(params: Params) -> Cursor:
    """Return where the page lies; 400 when both directions are asked for at once."""
    found = Cursor(
        limit=limit(params),
        starting_after=params.string("starting_after"),
        ending_before=params.string("ending_before"),
    )
    if found.starting_after is not None and found.ending_before is not None:
        raise Refused(
            400,
            "You may only specify one of these parameters: starting_after, ending_before.",
            param="ending_before",
        )
    return found


def created(params: Params) -> Where | None:
    """The ``created`` filter: a time, or bounds ``gt``, ``gte``, ``lt`` and ``lte``."""
    if not params.has("created"):
        return None
    if not params.is_nested("created"):
        exact = params.integer("created", minimum=0)
        return lambda item: bool(item.created == exact)
    bounds = params.mapping("created")
    assert bounds is not None
    over, least, under, most = (
        bounds.integer(name, minimum=0) for name in ("gt", "gte", "lt", "lte")
    )
    bounds.finish()
    return lambda item: (
        (over is None or item.created > over)
        and (least is None or item.created >= least)
        and (under is None or item.created < under)
        and (most is None or item.created <= most)
    )


def equal(name: str, value: object) -> Where | None:
    """A condition that an attribute has that value; None where no value is asked for."""
    return None if value is None else lambda item: bool(getattr(item, name) == value)


def both(*conditions: Where | None) -> Where | None:
    """A condition that asks for all of them; None where there is none."""
    given = [condition for condition in conditions if condition is not None]
    if len(given) < 2:
        return given[0] if given else None
    return lambda item: all(condition(item) for condition in given)


def there(world: World) -> Where | None:
    """A condition that an object was not deleted; None where nothing was."""
    return (lambda item: item.id not in world.deleted) if world.deleted else None


def of_customer(collection: Collection[Any], customer: str | None) -> list[str] | None:
    """The ids of that customer's objects, oldest first; None where none is asked for."""
    if customer is None:
        return None
    return collection.having("customer", _customer, customer)


def _customer(item: Any) -> str | None:
    customer: str | None = item.customer
    return customer


def searched(params: Params, kind: str, url: str) -> Execution:
    """A page of what a query finds. The page token is the id of the last object seen."""
    query = search.read_query(params.required("query"), kind)
    where_to = Cursor(limit=limit(params), starting_after=params.string("page"))
    counted = params.counted

    def execute(world: World, _: EventRequest) -> Answer:
        objects, gone = search_index.index_of(world, kind)
        among = query.among(objects)

        def matches(item: Any) -> bool:
            return item.id not in gone and query.matches(item)

        total: int | msgspec.UnsetType = msgspec.UNSET
        if counted:
            every = Cursor(limit=len(objects) + 1)
            total = len(objects.page(every, among=among, where=matches).data)
        listing = page(objects, "page", f"{url}/search", where_to, among=among, where=matches)
        return SearchListing(
            data=listing.data,
            has_more=listing.has_more,
            url=listing.url,
            next_page=listing.data[-1].id if listing.has_more else None,
            total_count=total,
        )

    return execute


def part(items: Sequence[HasId], noun: str, url: str, where_to: Cursor) -> Listing:
    """A page of what has an order of its own, the first of it first; 400 for an unknown cursor."""
    ids = [item.id for item in items]
    for param in ("starting_after", "ending_before"):
        cursor = getattr(where_to, param)
        if cursor is not None and cursor not in ids:
            raise no_such(noun, cursor, param, status=400)
    if where_to.ending_before is not None:
        before = items[: ids.index(where_to.ending_before)]
        data = before[-where_to.limit :]
        return Listing(data=list(data), has_more=len(before) > len(data), url=url)
    start = 0 if where_to.starting_after is None else ids.index(where_to.starting_after) + 1
    data = items[start : start + where_to.limit]
    return Listing(data=list(data), has_more=len(items) > start + len(data), url=url)


def page(
    collection: Collection[T],
    noun: str,
    url: str,
    where_to: Cursor,
    *,
    among: Sequence[str] | None = None,
    where: Callable[[T], bool] | None = None,
) -> Listing:
    """The page at ``where_to``; 400 ``resource_missing`` when its cursor names nothing."""
    try:
        found = collection.page(where_to, among=among, where=where)
    except UnknownCursor as error:
        raise no_such(noun, error.identifier, error.param, status=400) from None
    return Listing(data=list(found.data), has_more=found.has_more, url=url)
