"""Lets time pass on a bench: for what expires, and by statements that end a lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.history import Recorder
from paidonce.harness.process.threads import in_thread
from paidonce.harness.service.passing import TIME
from paidonce.harness.taps.faults import TimePasses
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.outside import Outside

Prepared = tuple[str, dict[str, Any]]
"""A statement as psycopg takes it, and its parameters."""

# Time that passes sets off no trigger and no rule (manual, 19.11.1, session_replication_role: who
# may set it can keep them out). A row that a policy would hide makes the statement fail.
_AS_TIME_DOES = ("SET row_security = off", "SET session_replication_role = replica")


@dataclass
class Clockwork:
    """Moves the clocks around the service on ``bench``.

    Its statements go by a connection of its own through the tap before Postgres, so that they are
    held, read and waited for as the service's are, each in one step.
    """

    bench: Bench
    _connections: dict[str, psycopg.AsyncConnection[Any]] = field(default_factory=dict)
    _before: str = ""
    """The snapshot of the moment in which the statement that was sent last was let go."""

    async def join(self, name: str, *, runs: bool, as_time_does: bool = False) -> None:
        """Make ready for what is called ``name``, which ``runs`` statements or does not.

        ``as_time_does`` keeps out what writing sets off, as far as the service's user may.

        Raises ``Unavailable`` where the database cannot be reached.
        """
        known = self._connections.get(name)
        if not runs or (known is not None and not known.closed):
            return
        try:
            connection = await psycopg.AsyncConnection.connect(
                self.bench.addresses.postgres_url,
                autocommit=True,
                prepare_threshold=None,
                application_name=TIME,
            )
            self._connections[name] = connection
            for setting in _AS_TIME_DOES if as_time_does else ():
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                    await connection.execute(setting.encode())
        except psycopg.Error as error:
            raise Unavailable(
                "Postgres", f"it cannot be reached to let time pass ({error})", "Is it running?"
            ) from None

    async def let_go(self) -> None:
        """Remember what has been committed: a statement is about to begin, if none has that is to
        be committed yet."""
        if self._before:
            return
        async_cursor = await self.bench.eyes.execute(b"SELECT pg_current_snapshot()::text")
        self._before = str((await async_cursor.fetchone() or ("",))[0])

    async def passes(
        self,
        name: str,
        seconds: float,
        statements: Sequence[Prepared],
        journal: Recorder,
        where: str,
        left: Sequence[str] = (),
        *,
        at_stripe: bool = True,
        catches_up: bool = False,
        indexes: bool = False,
    ) -> frozenset[str]:
        """Let time pass once; return the columns that ``left`` finds (see ``Passing``).

        Raises ``UsageError`` naming ``where``: a statement is not accepted, or no clock can be
        moved.
        """
        if catches_up:
            assert self.bench.replica is not None, "who reads from a replica has one"
            await in_thread(self.bench.replica.hold)
        if indexes:
            assert self.bench.hold_search is not None, "only a search that can be held lags"
            await self.bench.hold_search(True)
        if seconds:
            await Outside(self.bench).happen(TimePasses(seconds, at_stripe), journal)
        found: set[str] = set()
        for number, (text, parameters) in enumerate(statements):
            self._before = ""
            try:
                met = await self._connections[name].execute(text.encode(), parameters or None)
                if left:
                    found |= await self._left(left[number], await met.fetchone())
            except psycopg.Error as error:
                raise UsageError(f"{where}: Postgres does not accept {text!r}: {error}") from None
        return frozenset(found)

    async def _left(self, asked: str, met: tuple[str] | None) -> set[str]:
        """Return the columns that are as they were after a statement that has returned ``met``."""
        known = {"before": self._before, "by": None if met is None else met[0]}
        rows = await (await self.bench.eyes.execute(asked.encode(), known)).fetchall()
        return {str(row[0]) for row in rows}

    async def close(self) -> None:
        """Close its connections."""
        connections, self._connections = self._connections, {}
        await asyncio.gather(*(connection.close() for connection in connections.values()))
