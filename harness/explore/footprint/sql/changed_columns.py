"""Which columns have been changed in one execution, and so no longer tell locked rows apart.

A statement that waits for a row whose holder changes it looks again, and keeps the lock even if
the row no longer is what it was looking for (manual, section 13.2.1). So a lock asked for with
``status = 'unpaid'`` may be one on a row that is paid by then. Only a column that nobody changes
can tell locked rows apart. Whoever changes one has to run the UPDATE before the other begins to
wait, so that it is always known in time.
"""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.effects import ANYTHING, Modified

_ROW = 3
"""Places of rows are no longer than this; entries of indexes are (they have their own values)."""


class ChangedColumns:
    """The columns that each session of an execution has changed, as far as the others must know."""

    def __init__(self) -> None:
        self._columns: set[Modified] = set()
        self._told: dict[frozenset[Resource], frozenset[Resource]] = {}
        """Locks that were asked about since a column was changed for the first time."""

    def forget(self) -> None:
        """Another execution begins."""
        self._columns.clear()
        self._told.clear()

    def learn(self, modified: Iterable[Modified]) -> None:
        """These columns are being changed."""
        if not self._columns.issuperset(modified := frozenset(modified)):
            self._columns.update(modified)
            self._told.clear()

    def without(self, locks: frozenset[Resource]) -> frozenset[Resource]:
        """The locks, by columns that have not been changed."""
        if not self._columns:
            return locks
        resources = self._told.get(locks)
        if resources is None:
            resources = self._told[locks] = frozenset([self._kept(lock) for lock in locks])
        return resources

    def _kept(self, lock: Resource) -> Resource:
        if not lock.key or lock.place[0] != "pg" or len(lock.place) > _ROW:
            return lock
        if ANYTHING in self._columns:
            return Resource(lock.place, (), lock.shared)
        table = lock.place[1]
        key = tuple(pair for pair in lock.key if (table, pair[0]) not in self._columns)
        return lock if len(key) == len(lock.key) else Resource(lock.place, key, lock.shared)
