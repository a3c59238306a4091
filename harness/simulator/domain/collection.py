"""Objects of one kind, in order of creation, and the pages a list call gives of them.

Paging follows https://docs.stripe.com/api/pagination: newest first, ``starting_after`` goes to
older objects, ``ending_before`` to the newer ones nearest to the cursor.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar

import msgspec


class Identified(Protocol):
    """Anything with an id and a time of creation."""

    @property
    def id(self) -> str: ...

    @property
    def created(self) -> int:
        """Unix time in seconds."""


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
    """Insertion-ordered, by id. ``put`` replaces an object in place, keeping its rank.

    One mapping, as long as nobody asks for more: a load test holds millions of objects, and each
    structure costs a tenth of what an object does. Ranks are worked out when a page or an index is
    first asked for, and from then on for what has come since.
    """

    def __init__(self) -> None:
        self._items: dict[str, T] = {}
        self._ids: list[str] = []
        """By rank; those that came since a rank was last asked for are missing."""
        self._rank: dict[str, int] = {}
        self._indexes: dict[str, _Index[T]] = {}

    def put(self, item: T) -> None:
        """Add an object, or put it into the place of the one of that id."""
        if self._indexes:
            before = self._items.get(item.id)
            self._items[item.id] = item
            self._ranked()
            for index in self._indexes.values():
                index.put(self._rank[item.id], before, item)
        else:
            self._items[item.id] = item

    def having(self, name: str, read: Callable[[T], str | None], value: str) -> list[str]:
        """The ids of the objects of which ``read`` gives ``value``, oldest first.

        ``name`` stands for ``read``: from the first time that it is asked for, what it gives is
        kept by value, and every object that is put costs a little more.
        """
        ids = self._ranked()
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = _Index(read)
            for rank, item in enumerate(self._items.values()):
                index.put(rank, None, item)
        return [ids[rank] for rank in index.ranks.get(value, ())]

    def get(self, identifier: str) -> T | None:
        """The object of that id, if there is one."""
        return self._items.get(identifier)

    def newest(self, count: int) -> list[T]:
        """At most that many, newest first."""
        return list(islice(reversed(self._items.values()), count))

    def __getitem__(self, identifier: str) -> T:
        return self._items[identifier]

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._items

    def __iter__(self) -> Iterator[T]:
        """Oldest first. Meanwhile nothing may be added; what is there may be replaced."""
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

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
        ids = self._ranked()
        ranks = range(len(ids)) if among is None else [self._rank[one] for one in among]
        if cursor.ending_before is not None:
            newer_than = self._position("ending_before", cursor.ending_before)
            start = newer_than + 1 if among is None else 0
            newer = (ranks[i] for i in range(start, len(ranks)))
            found, more = self._take((r for r in newer if r > newer_than), cursor.limit, where)
            return Page(found[::-1], more)
        before = len(ids)
        if cursor.starting_after is not None:
            before = self._position("starting_after", cursor.starting_after)
        # In the whole collection rank is position: start there, so that paging to the end of it
        # costs no more than reading it once.
        start = before if among is None else len(ranks)
        older = (ranks[i] for i in range(start - 1, -1, -1))
        found, more = self._take((r for r in older if r < before), cursor.limit, where)
        return Page(found, more)

    def _position(self, param: str, identifier: str) -> int:
        rank = self._rank.get(identifier)
        if rank is None:
            raise UnknownCursor(param, identifier)
        return rank

    def _take(
        self, ranks: Iterator[int], limit: int, where: Callable[[T], bool] | None
    ) -> tuple[list[T], bool]:
        found: list[T] = []
        for rank in ranks:
            item = self._items[self._ids[rank]]
            if where is not None and not where(item):
                continue
            if len(found) == limit:
                return found, True
            found.append(item)
        return found, False

    def _ranked(self) -> list[str]:
        """All ids by their rank."""
        ids = self._ids
        known = len(ids)
        if known < len(self._items):
            new = list(islice(reversed(self._items), len(self._items) - known))
            new.reverse()
            ids.extend(new)
            self._rank.update(zip(new, range(known, len(ids)), strict=True))
        return ids


class _Index(Generic[T]):
    """The ranks of objects by what ``read`` gives of them, each list in order."""

    def __init__(self, read: Callable[[T], str | None]) -> None:
        self._read = read
        self.ranks: defaultdict[str, list[int]] = defaultdict(list)

    def put(self, rank: int, before: T | None, item: T) -> None:
        now = self._read(item)
        then = None if before is None else self._read(before)
        if now == then:
            return
        if then is not None:
            ranks = self.ranks[then]
            del ranks[bisect_left(ranks, rank)]
        if now is not None:
            insort(self.ranks[now], rank)
