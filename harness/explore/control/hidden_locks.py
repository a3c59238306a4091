"""Hidden locks: asks the server which tables a transaction has locked that its SQL does not name.

A footprint is read from a statement's text, the catalog and the bodies of functions. Should that
overlook a table, its lock gives it away: table locks are kept until the end of a transaction
(manual, section 13.3.1). Asking costs a round trip, so a statement is looked at the first few
times it is met, and from then on always if there ever was something to find.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg

from paidonce.harness.explore.footprint.model import LOCAL, Footprint
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.observed_locks import QUERY, unpredicted
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker

LOOKS = 3
"""How often a statement is looked at that never locked what its text does not tell."""


class HiddenLocks:
    """Looks at the sessions of one database, over a connection of our own."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog
        self._looked: Counter[str] = Counter()
        self._hiding: set[str] = set()

    async def beyond(self, label: str, pid: int, tracker: TransactionTracker) -> Footprint:
        """Return what the transaction on ``pid`` has touched that ``tracker`` does not know of.

        To be asked when the statement ``label`` was answered and its transaction goes on; the
        tracker learns of it, so that COMMIT publishes and lets go of it as well.
        """
        if self._looked[label] >= LOOKS and label not in self._hiding:
            return LOCAL
        self._looked[label] += 1
        cursor = await self._connection.execute(QUERY, ([pid],), prepare=True)
        locks = [(table, mode) for _, table, mode in await cursor.fetchall()]
        extra = unpredicted(locks, tracker.shown, self._catalog)
        if extra.empty:
            return LOCAL
        self._hiding.add(label)
        tracker.observed(extra)
        return Footprint(looks=extra.looks, locks=extra.locks)

    @property
    def found(self) -> tuple[str, ...]:
        """The statements that locked more than their text tells, sorted."""
        return tuple(sorted(self._hiding))
