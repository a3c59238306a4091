"""Names for rows that were made while an execution was prepared.

A basket's number is another one in every execution, and the file of a target need not capture it.
The database knows which rows are new since an execution began, and in which order they came: the
first basket is the first basket, whatever its number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from paidonce.harness.explore.footprint.sql.catalog import Catalog, Table
from paidonce.harness.explore.footprint.sql.serials import Serials, serial_columns
from paidonce.harness.explore.naming.generated import GENERATED
from paidonce.harness.predict.types import Place

_MOST = 200
"""Rows of a table that are named; a preparation that makes more is not told apart by them."""
_NEW = """
SELECT {columns} FROM ONLY {table} WHERE age(xmin) < age(%s::xid)
ORDER BY age(xmin) DESC, ctid LIMIT {most}
"""


class NewRows:
    """The rows that were written since ``mark`` was called last.

    Raises ``psycopg.Error`` where the database cannot be asked.
    """

    def __init__(self, url: str, catalog: Catalog) -> None:
        self._url, self._catalog = url, catalog
        self._serials: Serials = serial_columns(catalog)
        self._since = "0"

    def mark(self) -> None:
        """From now on rows are new."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            # Transactions are numbered in 64 bits, rows have the lower 32 of them (manual,
            # section 67.1, "Transactions and Identifiers").
            row = connection.execute("SELECT (txid_current() % 4294967296)::text").fetchone()
            assert row is not None
            self._since = row[0]

    def told(self) -> tuple[dict[Place, str], dict[str, str]]:
        """Names of sequences' values, by table, column and value, and of generated values."""
        rows: dict[Place, str] = {}
        texts: dict[str, str] = {}
        with psycopg.connect(self._url, autocommit=True) as connection:
            for table in sorted(self._catalog.tables.values(), key=lambda table: table.name):
                for number, row in enumerate(self._of(table, connection), start=1):
                    for column, value in row.items():
                        name = f"{table.name.removeprefix('public.')}.{column} {number}"
                        if self._serials.root(table.place, column) == (table.name, column):
                            rows.setdefault((table.name, column, value), name)
                        elif GENERATED.fullmatch(value):
                            texts.setdefault(value, name)
        return rows, texts

    def _of(
        self, table: Table, connection: psycopg.Connection[tuple[str | None, ...]]
    ) -> Iterator[Mapping[str, str]]:
        columns = [column.name for column in table.columns]
        if table.kind != "table" or not columns:
            return
        query = sql.SQL(_NEW).format(
            columns=sql.SQL(", ").join(
                sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns
            ),
            table=sql.Identifier(*table.name.split(".", 1)),
            most=sql.Literal(_MOST),
        )
        for row in connection.execute(query, (self._since,)):
            yield {c: value for c, value in zip(columns, row, strict=True) if value is not None}
