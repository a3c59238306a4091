"""Statements during which others may change what they have looked at.

To Postgres a statement that commits by itself is no single point in time: it looks, writes, and is
committed, and others may begin in between. Two ``INSERT ... WHERE NOT EXISTS (SELECT ...)`` at
once both find nothing. So where that can make a difference a statement is carried out in one step
and committed in another, as if it were in a transaction. There are three ways:

* It writes by what it looks at only once: two of those do not see each other. What a statement
  looks at is seen through one snapshot, whatever it has to wait for; seen again is nothing but the
  row that was waited for (``certain_locks``).
* It looks at who has locked what (SKIP LOCKED, NOWAIT, ``pg_try_advisory_lock``). What it locks
  itself is not locked any more when it is committed.
* Another statement looks at what it writes only once, and then waits for it; or looks at its locks
  (``overtakes``). Which statements there are is known only when they have come; a search that took
  one for a single moment, and then meets one that overtakes it, begins again.

At REPEATABLE READ and SERIALIZABLE nothing is seen again: who has waited fails with 40001, which
happens only where two overlap (manual, section 13.2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.statement_footprint import StatementFootprint

ASKED = frozenset({"select", "insert", "update", "delete", "merge", "call", "truncate"})
"""Kinds of statements that can be held before they are committed. DDL is none of a service's."""


def decides(found: StatementFootprint) -> bool:
    """Return whether the result of a statement depends on what others may change while it runs."""
    return found.kind in ASKED and bool(found.stale or found.tests)


def in_two_steps(found: Sequence[StatementFootprint], *, one_snapshot: bool = False) -> bool:
    """Return whether a unit outside of a transaction has to be carried out in one step and
    committed in another.

    ``one_snapshot`` if it runs at REPEATABLE READ or SERIALIZABLE.
    """
    if not found or any(footprint.kind not in ASKED for footprint in found):
        return False
    writes = any(footprint.writes or footprint.at_once for footprint in found)
    tests = any(footprint.tests for footprint in found) and any(
        footprint.locks for footprint in found
    )
    return tests or (writes and (one_snapshot or any(footprint.stale for footprint in found)))


def is_moment(found: Sequence[StatementFootprint]) -> bool:
    """Return whether a unit outside of a transaction is one statement that could be committed in a
    step of its own, and writes or locks anything."""
    if len(found) != 1 or found[0].kind not in ASKED or found[0].commits:
        return False
    footprint = found[0]
    return bool(footprint.writes or footprint.at_once) or any(
        not lock.shared for lock in footprint.locks
    )


def in_pieces(found: Sequence[StatementFootprint], *, publishes: bool) -> bool:
    """Return whether it matters what comes between the statements of one unit.

    ``publishes`` if the unit commits what it writes.
    """
    if len(found) < 2:
        return False
    deciding = sum(map(decides, found))
    return deciding > 1 or (publishes and deciding > 0)


def may_overtake(found: StatementFootprint, *, one_snapshot: bool = False) -> bool:
    """Return whether a statement may come to something else while another is not committed."""
    waits = bool(found.locks) and (one_snapshot or bool(found.stale or found.sure or found.several))
    return waits or bool(found.tests)


def overtakes(
    second: StatementFootprint, first: StatementFootprint, *, one_snapshot: bool = False
) -> bool:
    """Return whether it makes a difference to ``second`` that ``first`` is carried out, and
    committed only later; ``one_snapshot`` if ``second`` runs at REPEATABLE READ or SERIALIZABLE."""
    if _exclude(second.tests, first.locks):
        return True
    if not _exclude(second.locks, first.locks):
        return False  # it does not wait, so that it comes before
    stale = second.looks | second.locks if one_snapshot else second.stale
    written = first.writes | first.at_once
    if not one_snapshot and any(
        _meet(look.missing, first.adds) or _meet(look.some, first.arrives)
        for look in second.several
    ):
        return True  # it locks no row, since that is not there yet, and waits for it later on
    return _meet(stale, written) or any(
        _meet(looks, written) and _exclude(second.locks - own, first.locks)
        for looks, own in second.sure
    )


def _meet(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    return any(resource.overlaps(other) for resource in some for other in others)


def _exclude(some: Iterable[Resource], others: Iterable[Resource]) -> bool:
    return any(
        resource.overlaps(other)
        for resource in some
        for other in others
        if not (resource.shared and other.shared)
    )
