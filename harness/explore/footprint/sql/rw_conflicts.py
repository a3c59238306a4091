"""Tells which statements of serializable transactions commute although one reads what the other
writes.

A statement sees nothing of what another transaction has written and not committed. At SERIALIZABLE
its order with a write matters all the same, since the server keeps *rw-conflicts*: R -> W where R
has read, or would read, what W writes, and the two are concurrent. It refuses a transaction in the
middle of R -> P -> W, and only once W, the first of the three to do so, has committed
(src/backend/storage/lmgr/README-SSI). A conflict is recorded by the later of the two statements:
by a write that meets an SIREAD lock, or by a read that meets a version it may not see. The first is
by tuple, page or relation, the second by tuple; so what looks like one by its page alone is
recorded in one order and not in the other. That is why a read and a write of one table conflict
here, whatever the rows are.

They do not where both orders come to the same. Let r be a statement of B, w one of A, both
transactions serializable and open, nothing between r and w. If

1. B has *seen* some row, by r or before, and A has *changed* that row, by w or before;
2. both have snapshots with the same commits before them, so that it was one version of the row;
3. since A took its snapshot no serializable transaction has ended,

then B -> A is recorded once both statements are through, in either order, and a conflict is
recorded once for each pair of transactions (``RWConflictExists`` in predicate.c). Nobody fails by
that (``OnConflict_CheckForSerializationFailure`` there): A has not committed, so B is no pivot
before it; and A is no pivot before somebody who has committed, since by 3 nobody has whom A could
be concurrent with. No other pair of transactions has to do with both statements. So all is as it
would be the other way round, for B's reads and, the other way about, for a conflict A -> B.

1 is certain by ``certain_rows``, and by the answer for what was seen. A has seen the row itself
before, so that it was there to be changed; that the UPDATE did not fail means that no newer version
was there (first updater wins). A rollback to a savepoint takes back changes, so nothing that is
changed after one was made counts. 2 and 3 are counted here. Every snapshot is in order with every
commit, and every end of a serializable transaction with all statements of such transactions: so
executions that are equal but for the order of steps that commute have the same counts.

That a table's pages are split or added is not taken to depend on the order: tables grow from
execution to execution, so when that happens is no part of any of them.

How two resources are told apart by that: each has the rows in its key as columns, with *seen* or
*changed* as values; they are apart where one has seen what the other has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from paidonce.harness.explore.footprint.model import LOOKED_AT, RW_MARK, Footprint, Resource

_PG = ("pg",)
ORDER = Resource(("pg-serializable",))
"""The order in which serializable transactions look, write and end."""
AMONG_OTHERS = Resource(ORDER.place, shared=True)
DOOMABLE = Resource((*ORDER.place, "doomable"))
"""Locked by a statement of a transaction since whose snapshot a serializable one has ended: any
statement of another may doom it, since it may be a pivot before that one, and then it fails here
or not until the next."""
_NONE: frozenset[Resource] = frozenset()


@dataclass
class Ends:
    """Counts in one execution, shared by all its sessions: commits that others see, and ends of
    serializable transactions."""

    commits: int = 0
    serializable: int = 0

    def forget(self) -> None:
        """Another execution begins."""
        self.commits = self.serializable = 0

    def note(self, touched: Footprint) -> None:
        """Count what a step did."""
        self.commits += any(one.place[:1] in ((), _PG) for one in touched.publishes)
        self.serializable += ORDER in touched.locks or Resource(()) in touched.locks


@dataclass(frozen=True)
class Known:
    """All that is certain of a transaction whose snapshot came after so many ``commits``, and after
    so many ends of ``serializable`` ones."""

    commits: int
    serializable: int
    seen: frozenset[Resource] = _NONE
    changed: frozenset[Resource] = _NONE

    def and_seen(self, rows: frozenset[Resource]) -> Known:
        """Return what is known once these rows were returned."""
        return Known(self.commits, self.serializable, self.seen | rows, self.changed)

    def and_changed(self, rows: frozenset[Resource]) -> Known:
        """Return what is known once these rows were changed if they were there."""
        there = rows & self.seen
        return Known(self.commits, self.serializable, self.seen, self.changed | there)

    def told_apart(self, touched: Footprint, ends: Ends) -> Footprint:
        """Return what a statement touched, its part among serializable transactions told apart."""
        if not (self.seen or self.changed):
            return touched
        changed = self.changed if self.serializable == ends.serializable else _NONE
        locks = frozenset(
            self._marked(lock, self.seen if lock.shared else changed)
            if lock.place[:1] == (LOOKED_AT,)
            else lock
            for lock in touched.locks
        )
        return Footprint(touched.looks, locks, touched.publishes)

    def _marked(self, lock: Resource, rows: frozenset[Resource]) -> Resource:
        value = "seen" if lock.shared else "changed"
        marks = [(self._mark(row), value) for row in rows]
        return Resource(lock.place, tuple(sorted(marks)), lock.shared)

    def _mark(self, row: Resource) -> str:
        ((column, value),) = row.key
        return "\0".join((RW_MARK, row.place[1], column, str(self.commits), value))


def among_serializable(
    looks: frozenset[Resource], locks: frozenset[Resource]
) -> frozenset[Resource]:
    """Return what a statement of a serializable transaction locks among its like: the tables that
    it looks at, and those of which it locks rows, or makes some.

    A transaction of another level takes no part in that (manual, section 13.2.3): it fails for
    nothing that others have looked at, and they fail for nothing that it has written since.
    """
    seen = {Resource(_among(one), shared=True) for one in looks if one.place[:1] == _PG}
    taken = {Resource(_among(one), shared=one.shared) for one in locks if one.place[:1] == _PG}
    return frozenset(seen | taken)


def _among(one: Resource) -> tuple[str, ...]:
    return (LOOKED_AT, *one.place[1:2])
