"""Statements during which others may change what they have looked at.

To Postgres a statement that commits by itself is no single point in time: it looks, writes, and is
committed, and others may do the same meanwhile. Two ``INSERT ... WHERE NOT EXISTS (SELECT ...)``
at once both find nothing. Only what a statement keeps locked stays as it found it (manual, section
13.2.1). So one that writes by what it has looked at and not locked has to be carried out in one
step and committed in another, as if it were in a transaction.

Two statements get past each other only if both look at what the other writes, and have not locked
it. It is enough that one of them is made in two steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.explore.footprint import Resource
from harness.explore.sql.calls import SEQUENCES
from harness.explore.sql.statement import StatementFootprint

_DATA = frozenset({"select", "insert", "update", "delete", "merge"})
_ROW = 3
"""Places of rows are no longer than this; those of index entries are."""


def decides(found: StatementFootprint) -> bool:
    """Whether what a statement comes to depends on what others may change while it runs."""
    return found.kind in _DATA and any(
        look.place[:1] != (SEQUENCES,) and not any(_keeps(lock, look) for lock in found.locks)
        for look in found.looks
    )


def in_two_steps(found: Sequence[StatementFootprint]) -> bool:
    """Whether a unit outside of a transaction has to be carried out and committed apart."""
    if any(one.kind not in _DATA for one in found):
        return False
    return any(one.writes or one.at_once for one in found) and any(map(decides, found))


def is_moment(found: Sequence[StatementFootprint]) -> bool:
    """Whether a unit outside of a transaction is one statement that could be committed apart, and
    writes or locks anything."""
    if len(found) != 1 or found[0].kind not in _DATA:
        return False
    one = found[0]
    return bool(one.writes or one.at_once) or any(not lock.shared for lock in one.locks)


def in_pieces(found: Sequence[StatementFootprint], *, publishes: bool) -> bool:
    """Whether it matters what comes between the statements of one unit.

    ``publishes`` if the unit commits what it writes.
    """
    if len(found) < 2:
        return False
    deciding = sum(map(decides, found))
    return deciding > 1 or (publishes and deciding > 0)


def _keeps(lock: Resource, look: Resource) -> bool:
    """Whether what is looked at cannot change while the lock is held.

    Rows that are not there yet are not locked. A statement that changes the rows it looks at does
    nothing for those, whichever way they come about.
    """
    return (
        not lock.shared
        and 1 < len(lock.place) <= _ROW
        and lock.place[:2] == look.place[:2]
        and set(lock.key) <= set(look.key)
    )
