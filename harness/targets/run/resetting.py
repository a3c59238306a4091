"""Takes a service's database back to where every execution begins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from psycopg import sql

from paidonce.harness.errors import DeadlineExceeded, UsageError
from paidonce.harness.targets.file.placeholders import as_parameters

RESET_DEADLINE_S = 30.0
SAVED = "paidonce_saved"
"""The schema that holds a snapshot."""
MARKED_BYTES = 64 * 1024 * 1024
"""Of how many bytes tables may be that are copied without having been asked for."""

_TABLES = """
SELECT n.nspname, c.relname, c.oid::int FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%%'
  AND n.nspname NOT IN ('information_schema', %s)
ORDER BY 1, 2
"""
_SIZE = """
SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""
_SEQUENCES = """
SELECT schemaname, sequencename, coalesce(last_value, start_value), last_value IS NOT NULL
FROM pg_sequences WHERE schemaname NOT LIKE 'pg\\_%%' AND schemaname <> %s ORDER BY 1, 2
"""

Connection = psycopg.AsyncConnection[Any]


async def run_statements(
    connection: Connection, statements: tuple[str, ...], values: Mapping[str, Any], where: str
) -> None:
    """Run statements in one transaction. Raises ``UsageError`` naming ``where``."""
    try:
        async with asyncio.timeout(RESET_DEADLINE_S), connection.transaction():
            for number, statement in enumerate(statements, start=1):
                text, parameters = as_parameters(statement, values, f"{where}, item {number}")
                await connection.execute(cast(Any, text), parameters or None)
    except psycopg.Error as error:
        raise UsageError(f"{where}: Postgres does not accept it: {error}") from None
    except TimeoutError:
        raise DeadlineExceeded(f"{where} (it may wait for a lock)", RESET_DEADLINE_S) from None


class Snapshot:
    """Copies of all tables, and where the sequences are; kept in a schema beside them.

    Without ``sequences`` these go on: no number comes again.
    """

    def __init__(self, connection: Connection, where: str, *, sequences: bool = True) -> None:
        self._connection = connection
        self._where = where
        self._sequences = sequences
        self._restore: sql.Composed | None = None

    async def take(self) -> None:
        """Copy everything. Raises ``UsageError`` where that is not allowed."""
        try:
            await self._take()
        except psycopg.Error as error:
            raise UsageError(f"{self._where}: it cannot be made: {error}") from None

    async def restore(self) -> None:
        """Put everything back. Raises ``UsageError`` and ``DeadlineExceeded``."""
        assert self._restore is not None, "no snapshot was taken"
        try:
            async with asyncio.timeout(RESET_DEADLINE_S):
                # Several statements in one message are one transaction (manual, 55.2.2.1).
                await self._connection.execute(self._restore)
        except psycopg.Error as error:
            raise UsageError(f"{self._where}: it cannot be put back: {error}") from None
        except TimeoutError:
            raise DeadlineExceeded(
                f"{self._where} (it may wait for a lock)", RESET_DEADLINE_S
            ) from None

    async def _take(self) -> None:
        execute = self._connection.execute
        saved = sql.Identifier(SAVED)
        await execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(saved))
        await execute(sql.SQL("CREATE SCHEMA {}").format(saved))
        deletes: list[sql.Composable] = []
        inserts: list[sql.Composable] = []
        tables = await (await execute(_TABLES, (SAVED,))).fetchall()
        for number, (schema, name, oid) in enumerate(tables):
            table, copy = sql.Identifier(schema, name), sql.Identifier(SAVED, f"t{number}")
            await execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(copy, table))
            rows = await (await execute(_COLUMNS, (oid,))).fetchall()
            columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in rows)
            deletes.append(sql.SQL("DELETE FROM {}").format(table))
            if rows:
                inserts.append(
                    sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
                        table, columns, columns, copy
                    )
                )
        sequences = []
        if self._sequences:
            sequences = await (await execute(_SEQUENCES, (SAVED,))).fetchall()
        resets: list[sql.Composable] = [
            sql.SQL("SELECT setval({}::regclass, {}, {})").format(
                sql.Literal(sql.Identifier(schema, name).as_string(self._connection)),
                sql.Literal(value),
                sql.Literal(called),
            )
            for schema, name, value, called in sequences
        ]
        # Foreign keys and triggers are out of the way: what is put back was consistent.
        first = sql.SQL("SET LOCAL session_replication_role = replica")
        self._restore = sql.SQL("; ").join([first, *deletes, *inserts, *resets])


class Mark(Snapshot):
    """The tables as they were once the service was warm, for executions that are to begin alike.

    What a race leaves behind may be nothing that the file's reset takes back: a job in the queue,
    say, that the next execution's worker takes for one of its own.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "what the database was like", sequences=False)

    async def take(self) -> None:
        """Copy everything, unless it is too large; what cannot be copied is not put back."""
        with contextlib.suppress(psycopg.Error):
            row = await (await self._connection.execute(_SIZE)).fetchone()
            if row is not None and row[0] <= MARKED_BYTES:
                await self._take()

    async def restore(self) -> None:
        """Put everything back that was copied, if the database allows it."""
        if self._restore is not None:
            with contextlib.suppress(UsageError, DeadlineExceeded):
                await super().restore()
