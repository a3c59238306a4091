"""Things that a session turned out to have touched inside a transaction, by the locks it holds.

Locks on tables are held until the end of a transaction (manual, section 13.3.1), so the server
knows which tables were reached through functions, triggers and views, whatever the text said.
"""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.footprint.sql.catalog import Catalog

QUERY = """
SELECT l.pid, n.nspname || '.' || c.relname AS relation, l.mode
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = ANY (%s) AND l.granted AND l.locktype = 'relation' AND l.mode <> 'SIReadLock'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND c.relkind IN ('r', 'p', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
"""Asked with a list of pids; one row for each lock: pid, table with its schema, mode.

Predicate locks are left out: they lock nothing, and outlive their transaction (manual, 13.2.3).
"""

_LOOKS = "AccessShareLock"
_LOCKS = "RowShareLock"


def unpredicted(locks: Iterable[tuple[str, str]], known: Footprint, catalog: Catalog) -> Footprint:
    """Return what locks, as (table, mode), tell beyond what is ``known`` of the transaction.

    Of a table the text did not show, it is known only that it was looked at, locked or written,
    not which rows. What was written is among ``publishes``: it is to be published at COMMIT.
    """
    looks: set[Resource] = set()
    held: set[Resource] = set()
    writes: set[Resource] = set()
    for name, mode in locks:
        table = catalog.tables.get(name)
        whole = Resource(("pg", name) if table is None else table.place)
        if not _touched(whole, known.looks | known.locks | known.publishes):
            looks.add(whole)
        if mode == _LOOKS:
            continue
        if not _touched(whole, known.locks | known.publishes):
            held.add(whole)
        if mode != _LOCKS and not _touched(whole, known.publishes):
            writes.add(whole)
    return Footprint(frozenset(looks), frozenset(held), frozenset(writes))


def _touched(whole: Resource, known: frozenset[Resource]) -> bool:
    """Return whether it is known that something of a table, or all of what it belongs to, is
    touched."""
    return any(whole.overlaps(resource) for resource in known)
