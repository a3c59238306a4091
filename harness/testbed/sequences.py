"""Serial numbers that tell what they are: every sequence of a new database begins elsewhere.

An explorer compares executions in which numbers from sequences differ. Where the first order, the
first customer and a version are all 1, it cannot tell them apart; 730,411 is an order's number and
nothing else's.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

_FIRST, _APART = 730_411, 100_003
_SMALL_FIRST, _SMALL_APART = 20_411, 103
"""Where a sequence ends below the first numbers: a ``smallint`` has 32,767 at most."""


def spread_sequences(url: str) -> None:
    """Let every ascending sequence of the database go on from a number of its own, far from small
    ones; one that is beyond it already, or would be near its end, is left alone."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT schemaname, sequencename, coalesce(last_value, 0), max_value FROM pg_sequences"
            " WHERE increment_by > 0 ORDER BY schemaname, sequencename"
        ).fetchall()
        for number, (schema, name, last, most) in enumerate(found):
            start = _FIRST + number * _APART
            if start > most // 2:
                start = _SMALL_FIRST + number * _SMALL_APART
            if last < start < most - 1_000:
                connection.execute(
                    "SELECT setval(%s::regclass, %s)",
                    (sql.Identifier(schema, name).as_string(connection), start),
                )
