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
