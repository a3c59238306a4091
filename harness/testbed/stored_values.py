"""Values that a database has stored, looked for in the rows themselves: an address, say, that a
migration was told and that is one lane's alone."""

from __future__ import annotations

from collections.abc import Collection

import psycopg
from psycopg import sql

_TABLES = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""
_TIMES = """
    SELECT n.nspname, c.relname, a.attname FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      AND a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3
"""


def holds(url: str, texts: Collection[str]) -> bool:
    """Tell whether a row of the database at ``url`` has one of ``texts`` in a value, as written.

    What is encoded or encrypted there is not recognized.
    """
    wanted = [text for text in texts if text]
    if not wanted:
        return False
    with psycopg.connect(url, autocommit=True) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            query = sql.SQL(
                "SELECT EXISTS (SELECT FROM {} AS t, unnest(%s::text[]) AS wanted"
                " WHERE strpos(t::text, wanted) > 0)"
            ).format(sql.Identifier(schema, table))
            row = connection.execute(query, (wanted,)).fetchone()
            if row is not None and row[0]:
                return True
    return False


def next_time_to_come(url: str) -> float | None:
    """Return the first moment after now that a row of the database at ``url`` names, as Unix time.

    None where no column of a type for times has one.
    """
    first: float | None = None
    with psycopg.connect(url, autocommit=True) as connection:
        for schema, table, column in connection.execute(_TIMES).fetchall():
            query = sql.SQL(
                "SELECT extract(epoch FROM min({column}))::float8 FROM {table}"
                " WHERE {column} > now() AND isfinite({column})"
            ).format(column=sql.Identifier(column), table=sql.Identifier(schema, table))
            row = connection.execute(query).fetchone()
            if row is not None and row[0] is not None:
                first = row[0] if first is None else min(first, row[0])
    return first
