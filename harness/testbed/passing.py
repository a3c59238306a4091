"""Lets time pass on a bench: for what expires, and by statements that end a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.history import Recorder
from paidonce.harness.process.threads import in_thread
from paidonce.harness.taps.faults import TimePasses
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.outside import Outside

Prepared = tuple[str, dict[str, Any]]
"""A statement as psycopg takes it, and its parameters."""


@dataclass
class Clockwork:
    """Moves the clocks around the service on ``bench``.

    Its statements go by a connection of its own through the tap before Postgres, so that they are
    held, read and waited for as the service's are.
    """

    bench: Bench
    _connections: dict[str, psycopg.AsyncConnection[Any]] = field(default_factory=dict)

    async def join(self, name: str, *, runs: bool) -> None:
        """Make ready for what is called ``name``, which ``runs`` statements or does not.

        Raises ``Unavailable`` where the database cannot be reached.
        """
        known = self._connections.get(name)
        if not runs or (known is not None and not known.closed):
            return
        try:
            self._connections[name] = await psycopg.AsyncConnection.connect(
                self.bench.addresses.postgres_url, autocommit=True, prepare_threshold=None
            )
        except psycopg.Error as error:
            raise Unavailable(
                "Postgres", f"it cannot be reached to let time pass ({error})", "Is it running?"
            ) from None

    async def passes(
        self,
        name: str,
        seconds: float,
        statements: Sequence[Prepared],
        journal: Recorder,
        where: str,
        *,
        catches_up: bool = False,
    ) -> None:
        """Let time pass once. Raises ``UsageError`` naming ``where``: a statement is not accepted,
        or no clock can be moved."""
        if catches_up:
            assert self.bench.replica is not None, "who reads from a replica has one"
            await in_thread(self.bench.replica.hold)
        if seconds:
            await Outside(self.bench).happen(TimePasses(seconds), journal)
        for text, parameters in statements:
            try:
                await self._connections[name].execute(text.encode(), parameters or None)
            except psycopg.Error as error:
                raise UsageError(f"{where}: Postgres does not accept {text!r}: {error}") from None

    async def close(self) -> None:
        """Close its connections."""
        connections, self._connections = self._connections, {}
        await asyncio.gather(*(one.close() for one in connections.values()))
