"""Runs a program of the model of row locks on a real server, in a schedule the model chose.

After every step it is asked of the server, not of the clock, who waits for whom.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Hashable

import psycopg

from harness.errors import DeadlineExceeded
from harness.models.rowprograms import SCHEMA, Answer, Program

# Longer than deadlock_timeout: the waiter's own check for deadlocks is behind it.
_LOOK = """
    SELECT pid, pg_blocking_pids(pid),
           coalesce((SELECT bool_and(clock_timestamp() - waitstart > interval '7 ms')
                     FROM pg_locks WHERE pg_locks.pid = asked.pid AND NOT granted), false)
    FROM unnest(%s::int[]) AS asked(pid)
"""
_RESET = "DELETE FROM keys; DELETE FROM rows"
_FILL = """
    WITH filled AS (INSERT INTO rows SELECT * FROM unnest(%s::int[], %s::int[]))
    INSERT INTO keys SELECT key, NULL, '' FROM unnest(%s::int[]) AS key
"""
_PATIENCE_S = 10.0

Connection = psycopg.AsyncConnection[tuple[object, ...]]


class Server:
    """Connections to a database with the tables of the programs."""

    def __init__(self, watch: Connection, sessions: dict[str, Connection]) -> None:
        self._watch = watch
        self._sessions = sessions
        self._pids = {name: session.info.backend_pid for name, session in sessions.items()}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sent: dict[str, int] = {}
        self._calls: dict[str, list[str]] = {}
        self.answers: dict[str, list[Answer]] = {}

    async def reset(self, program: Program) -> None:
        """The initial state of ``program``."""
        self._sent = dict.fromkeys(program.actors, 0)
        self._calls = {}
        self.answers = {name: [] for name in program.actors}
        await self._watch.execute(_RESET)
        rows, values, keys = list(program.rows), list(program.rows.values()), list(program.keys)
        await self._watch.execute(_FILL, (rows, values, keys))

    def send(self, actor: str, sent: tuple[str, ...]) -> None:
        """Send what is new in all that ``actor`` has to have sent, unless he waits."""
        if actor in self._running:
            return
        new = sent[self._sent[actor] :]
        self._sent[actor] = len(sent)
        if new:
            self._running[actor] = asyncio.create_task(self._send(actor, new))

    async def blocked(self) -> dict[str, frozenset[str]]:
        """Who waits for whom once all is at rest; those who do not wait are done."""
        deadline = time.monotonic() + _PATIENCE_S
        names = {pid: name for name, pid in self._pids.items()}
        while True:
            if self._running:
                # Most statements do not wait; those that do are asked about.
                await asyncio.wait(self._running.values(), timeout=0.002)
            for name, task in list(self._running.items()):
                if task.done():
                    del self._running[name]
                    task.result()
            waiting = {self._pids[name] for name in self._running}
            if not waiting:
                return {}
            cursor = await self._watch.execute(_LOOK, (list(waiting),))
            found = {
                names[int(str(pid))]: (frozenset(names[p] for p in by if p in names), settled)
                for pid, by, settled in await cursor.fetchall()
                if isinstance(by, list)
            }
            if all(by and settled for by, settled in found.values()) and not any(
                task.done() for task in self._running.values()
            ):
                return {name: by for name, (by, _) in found.items()}
            if time.monotonic() > deadline:
                raise DeadlineExceeded(
                    f"{', '.join(self._running)} to wait or be done", _PATIENCE_S
                )

    async def outcome(self) -> Hashable:
        """As the model's."""
        rows = await self._watch.execute("SELECT id, value FROM rows ORDER BY id")
        found = tuple(await rows.fetchall())
        keys = await self._watch.execute("SELECT key, owner FROM keys ORDER BY key")
        return (
            found,
            tuple(await keys.fetchall()),
            tuple((name, tuple(answers)) for name, answers in self.answers.items()),
            tuple(sorted((thing, tuple(by)) for thing, by in self._calls.items())),
        )

    async def end(self) -> None:
        """Leave no transaction behind."""
        for name, session in self._sessions.items():
            task = self._running.pop(name, None)
            if task is not None:
                await session.cancel_safe()
                with contextlib.suppress(psycopg.Error):
                    await task
            await session.rollback()

    async def _send(self, actor: str, statements: tuple[str, ...]) -> None:
        session = self._sessions[actor]
        for sql in statements:
            called = re.fullmatch(r"-- call (\w+)", sql)
            if called:
                callers = self._calls.setdefault(called.group(1), [])
                callers.append(actor)
                self.answers[actor].append(len(callers))
                continue
            try:
                cursor = await session.execute(sql.encode())
            except psycopg.Error as error:
                self.answers[actor].append(error.sqlstate)
                continue
            if sql in ("BEGIN", "COMMIT", "ROLLBACK"):
                continue
            if cursor.description is None:
                self.answers[actor].append(cursor.rowcount)
                continue
            values = tuple(int(str(value)) for (value,) in await cursor.fetchall())
            self.answers[actor].append(values if " FOR " in sql else values[0])


@contextlib.asynccontextmanager
async def server(url: str, actors: tuple[str, ...]) -> AsyncIterator[Server]:
    """Make the tables at ``url`` and connect each of ``actors``."""
    async with contextlib.AsyncExitStack() as stack:

        async def connect() -> Connection:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
            return await stack.enter_async_context(connection)

        watch = await connect()
        for table in SCHEMA:
            await watch.execute(table.encode())
        yield Server(watch, {name: await connect() for name in actors})
