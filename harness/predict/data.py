"""The contents of the service's database, as far as advice depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
from psycopg import sql

from paidonce.harness.explore.footprint.sql.catalog import Catalog


class Data(Protocol):
    """Questions to a database in which the attempts were played one after the other."""

    def repeats(self, table: str, columns: Sequence[str], where: str) -> bool:
        """Return whether several rows agree in these columns, of those that meet a condition (SQL,
        "" for all), so that a unique index is refused, or would refuse what was accepted."""
        ...

    def checks(self, table: str, column: str) -> tuple[str, ...]:
        """The conditions of a table's CHECK constraints that speak of the column."""
        ...

    def fits(self, table: str, column: str, word: str) -> bool:
        """Return whether the column's type has that value: an enumeration need not, and a length
        may be too short."""
        ...

    def succeeds_again(self, mine: str, theirs: str, label: str) -> bool:
        """Return whether both attempts make such a call when one comes after the other."""
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

    def repeats(self, table: str, columns: Sequence[str], where: str) -> bool:
        names = [sql.Identifier(column) for column in columns]
        asked: list[sql.Composable] = [sql.SQL("{} IS NOT NULL").format(name) for name in names]
        if where:
            asked.append(_text(where))
        query = sql.SQL("SELECT 1 FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1 LIMIT 1").format(
            sql.Identifier(*table.split(".", 1)),
            sql.SQL(" AND ").join(asked),
            sql.SQL(", ").join(names),
        )
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query).fetchone() is not None

    def checks(self, table: str, column: str) -> tuple[str, ...]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            rows = connection.execute(_CHECKS, (table, column)).fetchall()
        return tuple(row[0] for row in rows)

    def fits(self, table: str, column: str, word: str) -> bool:
        with psycopg.connect(self.url, autocommit=True) as connection:
            kind = connection.execute(_TYPE, (table, column)).fetchone()
            if kind is None:
                return False
            query = sql.SQL("SELECT {}::{}::text").format(sql.Literal(word), _text(kind[0]))
            try:
                row = connection.execute(query).fetchone()
            except psycopg.Error:
                return False  # no value of the type
        # A cast to varchar(n) cuts what is too long, and an INSERT refuses it (manual, 8.3).
        return row is not None and row[0] == word

    def succeeds_again(self, mine: str, theirs: str, label: str) -> bool:
        return {mine, theirs} <= self.called.get(label, frozenset())


def _text(text: str) -> sql.SQL:
    """A piece of SQL that the database, or its parser, has written."""
    return sql.SQL(text)


_CHECKS = """
SELECT pg_get_expr(c.conbin, c.conrelid) FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
WHERE c.contype = 'c' AND c.conrelid = %s::regclass AND a.attname = %s
"""
_TYPE = """
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attname = %s
"""
