"""Sessions on a real server that may wait for each other, and when they have come to rest."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterable

import psycopg

from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.explore.control.process_activity import runnable

# Waiting for longer than deadlock_timeout: the waiter's own check for deadlocks is behind it.
_LOOK = """
    SELECT pid, pg_blocking_pids(pid),
           coalesce((SELECT bool_and(clock_timestamp() - waitstart > interval '20 ms')
                     FROM pg_locks WHERE pg_locks.pid = asked.pid AND NOT granted), false)
    FROM unnest(%s::int[]) AS asked(pid)
"""
_PATIENCE_S = 120.0

Connection = psycopg.AsyncConnection[tuple[object, ...]]


class Sessions:
    """Named sessions, and one more to watch them with."""

    def __init__(self, watch: Connection, sessions: dict[str, Connection]) -> None:
        self.watch = watch
        self._sessions = sessions
        self._pids = {name: session.info.backend_pid for name, session in sessions.items()}
        self._running: dict[str, asyncio.Task[None]] = {}

    def __getitem__(self, name: str) -> Connection:
        return self._sessions[name]

    def busy(self, name: str) -> bool:
        """Whether what was started is not known to be over."""
        return name in self._running

    def start(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Let a session do something."""
        self._running[name] = asyncio.create_task(work)

    async def rest(self) -> dict[str, frozenset[str]]:
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
            if not self._running:
                return {}
            waiting = [self._pids[name] for name in self._running]
            cursor = await self.watch.execute(_LOOK, (waiting,))
            found = {
                names[int(str(pid))]: (frozenset(names[p] for p in by if p in names), settled)
                for pid, by, settled in await cursor.fetchall()
                if isinstance(by, list)
            }
            # Who was woken to make that check may still wait for a processor.
            resting = not any(runnable(pid) for pid in waiting)
            if (
                resting
                and all(by and settled for by, settled in found.values())
                and not any(task.done() for task in self._running.values())
            ):
                return {name: by for name, (by, _) in found.items()}
            if time.monotonic() > deadline:
                waited_for = f"{', '.join(self._running)} to be done or wait for a lock"
                raise DeadlineExceeded(waited_for, _PATIENCE_S)

    async def end(self) -> None:
        """Leave no transaction behind."""
        for name, session in self._sessions.items():
            task = self._running.pop(name, None)
            if task is not None:
                await session.cancel_safe()
                with contextlib.suppress(psycopg.Error):
                    await task
            await session.rollback()


@contextlib.asynccontextmanager
async def sessions(url: str, names: Iterable[str]) -> AsyncIterator[Sessions]:
    """Connect ``names`` to the database at ``url``; statements commit unless in a transaction."""
    async with contextlib.AsyncExitStack() as stack:

        async def connect() -> Connection:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
            return await stack.enter_async_context(connection)

        watch = await connect()
        yield Sessions(watch, {name: await connect() for name in names})
