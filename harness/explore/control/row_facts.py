"""Facts about rows that were there before anybody moved: the values that tell them apart.

An ORM changes a row by its number and looks for rows by what they belong to: ``UPDATE tickets ...
WHERE id = 5`` and ``SELECT ... WHERE booking_id = 7`` are apart if ticket 5 is booking 6's, which
no statement says. The table does: so it is read once everything is prepared. Nobody may change such
a value then; a column that somebody does change is told to the search, which begins again without.

A table grows from execution to execution, by rows that nobody speaks of any more. What is known
must not depend on how many those are, or the same step would touch another thing in a later
execution: so the rows that were always there and those that came last are read each by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from paidonce.harness.explore.footprint.sql.catalog import Catalog, Table
from paidonce.harness.explore.footprint.sql.effects import ANYTHING, Modified
from paidonce.harness.explore.footprint.sql.serials import Serials
from paidonce.harness.explore.footprint.sql.statement_footprint import StatementFootprint

MOST = 200
"""Rows of a table that are read, of those that were always there and of those that came last. Where
no sequence numbers them it is twice as many; of a table with more, those known by a value."""
_ANY = "*"
_BY_VALUE = 1_000_000
"""Added to a table's number, for those of its rows that are known by a value."""

Facts = Mapping[str, str]
"""A row's values that tell it apart, by column."""


@dataclass
class RowFacts:
    """The facts of one execution; ``changing`` are columns known to be changed ("table.column")."""

    catalog: Catalog
    changing: Collection[str] = ()
    _rows: dict[tuple[str, str, str], Facts] = field(default_factory=dict)
    _columns: dict[str, frozenset[str]] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)

    def of(self, table: str, column: str, value: str) -> Facts:
        """Return what else is known of the row with this value in a column of its own."""
        return self._rows.get((table, column, value), {})

    async def read(
        self,
        connection: psycopg.AsyncConnection[Any],
        serials: Serials,
        known: Collection[str] = (),
    ) -> None:
        """Read the tables: of each the rows that were always there, and those that came last.

        Where no sequence numbers the rows, which came last is not known: then all of them, or those
        whose own value is ``known``.
        """
        asked = [
            (table, key, columns)
            for table in self.catalog.tables.values()
            if (key := _number(table)) and (columns := self._telling(table, key))
        ]
        parts = [
            part
            for number, (table, key, columns) in enumerate(asked)
            for part in _parts(_Part(number, table, key, columns), serials, known)
        ]
        if not parts:
            return
        found: dict[int, list[list[str | None]]] = {}
        whole = await connection.execute(sql.SQL(" UNION ALL ").join(parts))
        for number, values in await whole.fetchall():
            found.setdefault(number, []).append(values)
        for number, (table, key, columns) in enumerate(asked):
            rows = found.get(number, [])
            if len(rows) > 2 * MOST:
                rows = found.get(number + _BY_VALUE, [])
            name = table.place[1]
            self._columns[name] = frozenset(columns)
            for row in rows:
                said = zip((key, *columns), row, strict=True)
                facts = {c: text for c, value in said if (text := _text(table, c, value))}
                if own := facts.pop(key, ""):
                    self._rows[name, key, own] = facts

    def sees(self, statements: Iterable[StatementFootprint]) -> None:
        """Somebody runs statements."""
        for statement in statements:
            for table, column in statement.modifies:
                self._change((table, column))
            for row in statement.adds:
                if len(row.place) < 2:
                    self._change(ANYTHING)
                elif any(self.of(row.place[1], column, value) for column, value in row.key):
                    self._change((row.place[1], _ANY))  # a row in the place of another

    @property
    def changed(self) -> frozenset[str]:
        """Return the columns that were changed, beyond those known to be."""
        return frozenset(self._changed)

    def _change(self, modified: Modified) -> None:
        table, column = modified
        tables = self._columns if modified == ANYTHING else [table]
        for name in tables:
            columns = self._columns.get(name, frozenset())
            hit = columns if column in ("", _ANY) else columns & {column}
            self._changed.update(
                f"{name}.{one}" for one in hit if f"{name}.{one}" not in self.changing
            )

    def _telling(self, table: Table, key: str) -> list[str]:
        """The columns of a table that tell its rows apart: unique ones, and references."""
        wanted = {column for foreign_key in table.foreign_keys for column in foreign_key.columns}
        wanted |= {
            column for index in table.unique if index.plain for column in index.columns if column
        }
        return sorted(
            column for column in wanted - {key} if f"{table.place[1]}.{column}" not in self.changing
        )


def _number(table: Table) -> str:
    """The column by whose number a row is known; empty if there is none."""
    plain = table.kind == "table" and not table.related and not table.rules
    if not plain or table.row_security or len(table.primary_key) != 1:
        return ""
    return table.primary_key[0]


def _text(table: Table, column: str, value: str | None) -> str:
    """The one text for a value, as a statement's values have it; empty if there is none."""
    found = table.column(column)
    return "" if value is None or found is None else found.type.compared(value) or ""


@dataclass(frozen=True)
class _Part:
    """One table, and the columns of it that are read."""

    number: int
    table: Table
    key: str
    columns: list[str]

    def query(self, where: sql.Composable, most: int, *, number: int = 0) -> sql.Composable:
        """Return the query for at most that many of its rows."""
        values = sql.SQL(", ").join(
            sql.SQL("{}::text").format(sql.Identifier(column))
            for column in (self.key, *self.columns)
        )
        return sql.SQL("(SELECT {}, ARRAY[{}] FROM {} {} LIMIT {})").format(
            sql.Literal(number or self.number),
            values,
            sql.Identifier(*self.table.name.split(".", 1)),
            where,
            sql.Literal(most),
        )


def _parts(part: _Part, serials: Serials, known: Collection[str]) -> list[sql.Composable]:
    root = (part.table.place[1], part.key)
    key = sql.Identifier(part.key)
    if serials.root(part.table.place, part.key) == root:
        floor = sql.Literal(serials.floors.get(root, 0))
        return [
            part.query(sql.SQL("WHERE {0} <= {1} ORDER BY {0}").format(key, floor), MOST),
            part.query(sql.SQL("WHERE {0} > {1} ORDER BY {0} DESC").format(key, floor), MOST),
        ]
    values = sql.SQL("WHERE {}::text = ANY({})").format(key, sql.Literal(sorted(known)))
    return [
        part.query(sql.SQL(""), 2 * MOST + 1),
        part.query(values, 2 * MOST, number=part.number + _BY_VALUE),
    ]
