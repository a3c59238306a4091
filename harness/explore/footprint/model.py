"""A footprint: the things that a step touches, which decide with which steps it commutes.

A footprint may say too much, never too little: two steps whose footprints do not conflict must
lead to the same state in either order. It tells three kinds of touching apart, since Postgres
does (manual, chapter 13):

``looks``
    what is seen through a snapshot. It is not disturbed by what others have written and not
    committed.
``locks``
    rows, keys and advisory locks that are locked, which includes everything written, and what
    is let go of at the end of a transaction.
``publishes``
    what others can see from this step on: the writes of a transaction at its COMMIT, the
    effect of a call to Stripe, a command to Redis.

A step outside a transaction does all three at once.

Row locks have four strengths (manual, section 13.3.2). They are told apart by place and by
``shared``, so that each pair meets exactly where it conflicts in the manual's table 13.3:

==================== ============================ ==========
strength             place                        ``shared``
==================== ============================ ==========
FOR KEY SHARE        ``("pg", table, KEY)``       yes
FOR SHARE            ``("pg", table)``            yes
FOR NO KEY UPDATE    ``("pg", table, REST)``      no
FOR UPDATE           ``("pg", table)``            no
==================== ============================ ==========

An entry of a unique index is at ``("pg", table, REST, index)``: an INSERT waits for an unfinished
UPDATE of the row it collides with, whatever that changes, but not for who has only locked it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

KEY = "key"
"""The part of a row that others can refer to."""
REST = "rest"
"""All of a row but that."""

MADE = "\0made"
"""A column that no table has: who has made a row under a key from a sequence. Two of those are two
rows, whoever made what first. Where that is of no interest to anybody it is part of a key."""

LOOKED_AT = "pg-looked-at"
"""The place of what serializable transactions have looked at, for others of their kind."""
RW_MARK = "\0rw"
"""The first part of a column that no table has: the row by which two serializable transactions are
certainly in conflict, as the table, its column, a count and the value (``sql.rw_conflicts``)."""

Column = tuple[tuple[str, ...], str]
"""The first two parts of a place, and a column there: parts of a row have its table's columns."""


class Resource(msgspec.Struct, frozen=True, order=True):
    """A set of things: everything in ``place`` that agrees with ``key``.

    ``place`` is a path such as ``("pg", "public.orders")``, ``("stripe", "payment_intent")`` or
    ``("redis",)``; a shorter path includes every longer one that begins with it. ``key`` is a
    sorted tuple of (column, value) pairs; fewer pairs mean more things, none means all.
    """

    place: tuple[str, ...]
    key: tuple[tuple[str, str], ...] = ()
    shared: bool = False
    """Locked in a mode that goes with itself; leaving this out says more, never less."""

    def overlaps(self, other: Resource) -> bool:
        """Return whether some one thing may belong to both resources.

        Two keys are apart only if they give the same column different values: ``id=1`` and
        ``id=2`` are, ``id=1`` and ``owner=7`` need not be.
        """
        shorter = min(len(self.place), len(other.place))
        if self.place[:shorter] != other.place[:shorter]:
            return False
        mine = dict(self.key)
        return all(mine.get(column, value) == value for column, value in other.key)

    def includes(self, other: Resource) -> bool:
        """Return whether everything in ``other`` is in this resource as well, locked no less
        strongly."""
        return (
            self.place == other.place[: len(self.place)]
            and set(self.key) <= set(other.key)
            and (other.shared or not self.shared)
        )


class Footprint(msgspec.Struct, frozen=True):
    """The things that one step touches."""

    looks: frozenset[Resource] = frozenset()
    locks: frozenset[Resource] = frozenset()
    publishes: frozenset[Resource] = frozenset()

    @property
    def empty(self) -> bool:
        """Return whether the step is local: it commutes with every other."""
        return not (self.looks or self.locks or self.publishes)

    def conflicts(self, other: Footprint) -> bool:
        """Return whether the order of the two steps may matter."""
        return (
            _meet(self.looks, other.publishes)
            or _meet(self.publishes, other.looks)
            or _exclude(self.locks, other.locks)
            or _meet(self.locks, other.publishes)
            or _meet(self.publishes, other.locks)
            or _meet(self.publishes, other.publishes)
        )

    def union(self, other: Footprint) -> Footprint:
        """Everything either touches."""
        if other == LOCAL:
            return self
        if self == LOCAL:
            return other
        return Footprint(
            self.looks | other.looks,
            self.locks | other.locks,
            self.publishes | other.publishes,
        )

    def without(self, place: str) -> Footprint:
        """Return the footprint without the locks that are there."""
        kept = frozenset(lock for lock in self.locks if lock.place[:1] != (place,))
        return Footprint(self.looks, kept, self.publishes)


def _meet(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    return any(resource.overlaps(other) for resource in some for other in others)


def _exclude(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    return any(
        resource.overlaps(other)
        for resource in some
        for other in others
        if not (resource.shared and other.shared)
    )


LOCAL = Footprint()
"""Commutes with everything."""

_ALL = frozenset({Resource(())})
EVERYTHING = Footprint(_ALL, _ALL, _ALL)
"""Commutes with nothing but local steps: for what could not be understood."""
