"""Objects of one kind, in order of creation, and the pages a list call gives of them.

Paging follows https://docs.stripe.com/api/pagination: newest first, ``starting_after`` goes to
older objects, ``ending_before`` to the newer ones nearest to the cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec


class Identified(Protocol):
    """Anything with an id and a time of creation."""

    @property
    def id(self) -> str: ...
    @property
    def created(self) -> int: ...


T = TypeVar("T", bound=Identified)


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Which page: at most ``limit`` objects on one side of a cursor, if any."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None


class UnknownCursor(KeyError):
    """The object to start from does not exist; ``param`` is the parameter that named it."""

    def __init__(self, param: str, identifier: str) -> None:
        super().__init__(identifier)
        self.param = param
        self.identifier = identifier


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Objects newest first; ``has_more`` tells of further ones in the direction of travel."""

    data: list[T]
    has_more: bool


class Collection(Generic[T]):
    """Insertion-ordered, by id. ``put`` replaces an object in place, keeping its rank."""

    def __init__(self) -> None:
        self._by_id: dict[str, T] = {}
        self._order: list[str] = []
        self._rank: dict[str, int] = {}

    def put(self, item: T) -> None:
        if item.id not in self._rank:
            self._rank[item.id] = len(self._order)
            self._order.append(item.id)
        self._by_id[item.id] = item

    def get(self, identifier: str) -> T | None:
        return self._by_id.get(identifier)

    def __getitem__(self, identifier: str) -> T:
        return self._by_id[identifier]

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._by_id

    def __iter__(self) -> Iterator[T]:
        """Oldest first."""
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def page(
        self,
        cursor: Cursor,
        *,
        among: Sequence[str] | None = None,
        where: Callable[[T], bool] | None = None,
    ) -> Page[T]:
        """One page of the objects that satisfy ``where``.

        ``among`` narrows the search to these ids, oldest first, for the callers that keep an
        index. Raises ``UnknownCursor`` when the cursor names no object of this collection.
        """
        ids = self._order if among is None else among
        if cursor.ending_before is not None:
            after = self._position("ending_before", cursor.ending_before)
            start = after + 1 if among is None else 0
            newer = (ids[i] for i in range(start, len(ids)))
            found, more = self._take(
                (i for i in newer if self._rank[i] > after), cursor.limit, where
            )
            return Page(found[::-1], more)
        before = len(self._order)
        if cursor.starting_after is not None:
            before = self._position("starting_after", cursor.starting_after)
        # In the whole collection rank is position: start there, so that paging to the end of it
        # costs no more than reading it once.
        start = before if among is None else len(ids)
        older = (ids[i] for i in range(start - 1, -1, -1))
        found, more = self._take((i for i in older if self._rank[i] < before), cursor.limit, where)
        return Page(found, more)

    def _position(self, param: str, identifier: str) -> int:
        rank = self._rank.get(identifier)
        if rank is None:
            raise UnknownCursor(param, identifier)
        return rank

    def _take(
        self, ids: Iterator[str], limit: int, where: Callable[[T], bool] | None
    ) -> tuple[list[T], bool]:
        found: list[T] = []
        for identifier in ids:
            item = self._by_id[identifier]
            if where is not None and not where(item):
                continue
            if len(found) == limit:
                return found, True
            found.append(item)
        return found, False
