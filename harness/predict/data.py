"""What the database of the service holds, as far as advice depends on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
from psycopg import sql

from harness.explore.sql.catalog import Catalog


class Data(Protocol):
    """What can be asked of a database in which the attempts were played one after the other."""

    def repeats(self, table: str, columns: Sequence[str]) -> bool:
        """Whether several rows agree in these columns, so that a unique index is refused, or
        would refuse what was accepted."""
        ...

    def checks(self, table: str, column: str) -> tuple[str, ...]:
        """The conditions of a table's CHECK constraints that speak of the column."""
        ...

    def labels(self, table: str, column: str) -> tuple[str, ...] | None:
        """The values a column of an enumeration type can have; None for any other type."""
        ...

    def succeeds_again(self, mine: str, theirs: str, label: str) -> bool:
        """Whether both attempts make such a call when one comes after the other."""
        ...


@dataclass(frozen=True)
class LiveData:
    """``Data`` of the database at ``url``; ``called`` are the attempts that made a call with an
    effect at Stripe, by the call's label, when they were played one after the other.

    Raises ``psycopg.Error`` where the database cannot be asked.
    """

    url: str
    catalog: Catalog
    called: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def repeats(self, table: str, columns: Sequence[str]) -> bool:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        where = sql.SQL(" AND ").join(
            sql.SQL("{} IS NOT NULL").format(sql.Identifier(column)) for column in columns
        )
        query = sql.SQL("SELECT 1 FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1 LIMIT 1").format(
            sql.Identifier(*table.split(".", 1)), where, names
        )
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query).fetchone() is not None

    def checks(self, table: str, column: str) -> tuple[str, ...]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            rows = connection.execute(_CHECKS, (table, column)).fetchall()
        return tuple(row[0] for row in rows)

    def labels(self, table: str, column: str) -> tuple[str, ...] | None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            rows = connection.execute(_LABELS, (table, column)).fetchall()
        return tuple(row[0] for row in rows) or None

    def succeeds_again(self, mine: str, theirs: str, label: str) -> bool:
        return {mine, theirs} <= self.called.get(label, frozenset())


_CHECKS = """
SELECT pg_get_expr(c.conbin, c.conrelid) FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
WHERE c.contype = 'c' AND c.conrelid = %s::regclass AND a.attname = %s
"""
_LABELS = """
SELECT e.enumlabel FROM pg_attribute a JOIN pg_enum e ON e.enumtypid = a.atttypid
WHERE a.attrelid = %s::regclass AND a.attname = %s ORDER BY e.enumsortorder
"""
