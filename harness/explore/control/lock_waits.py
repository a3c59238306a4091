"""Asks Postgres who waits for whom: never guessed from the time something takes."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from paidonce.harness.explore.control.process_activity import runnable

# A process of the server's own (it has no user), such as autovacuum cutting off a table's end,
# lets go by itself: who waits for it is on its way, as one that merely takes long.
_QUERY = (
    "SELECT pid, ARRAY(SELECT other FROM unnest(pg_blocking_pids(pid)) AS other WHERE other NOT IN "
    "(SELECT own.pid FROM pg_stat_get_activity(NULL) AS own WHERE own.usesysid IS NULL)) "
    "FROM unnest(%s::text::int[]) AS pid"
)
_ALIVE = "SELECT pid, NULL FROM pg_stat_activity WHERE pid = ANY (%s)"
_END_IDLE = (
    "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
    "WHERE pid = ANY (%s) AND state LIKE 'idle in transaction%%' "
    "AND clock_timestamp() - state_change > %s * interval '1 second'"
)


class LockWaits:
    """Who blocks whom, as the server says it, over a connection of our own.

    ``pg_blocking_pids`` is PostgreSQL manual 9.27 (session information functions). It names the
    holders of conflicting locks and those ahead in the queue for them. Processes of the server's
    own are left out.
    """

    def __init__(self, connection: psycopg.AsyncConnection[tuple[int, list[int]]]) -> None:
        self._connection = connection

    async def blockers(self, pids: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """For each of ``pids`` the pids it waits for; empty when it waits for nobody."""
        wanted = list(pids)
        if not wanted:
            return {}
        # As a text: psycopg looks at a list element by element for the type it is of.
        cursor = await self._connection.execute(_QUERY, (_array(wanted),), prepare=True)
        # 0 stands for a prepared transaction: nobody's session.
        return {pid: tuple(found) for pid, found in await cursor.fetchall()}

    async def alive(self, pids: Iterable[int]) -> set[int]:
        """Those of ``pids`` whose sessions are not over yet.

        A session that has lost its client lets go of its locks before it is gone from
        ``pg_stat_activity``.
        """
        cursor = await self._connection.execute(_ALIVE, (list(pids),), prepare=True)
        return {pid for pid, _ in await cursor.fetchall()}

    def running(self, pids: Iterable[int]) -> bool:
        """Return whether the backend of any of ``pids`` runs now or waits for its turn.

        Known where the server runs on this machine; False elsewhere.
        """
        return any(runnable(pid) for pid in pids)

    async def end_idle(self, pids: Iterable[int], seconds: float) -> None:
        """End those of ``pids`` that have done nothing in a transaction for so long."""
        await self._connection.execute(_END_IDLE, (list(pids), seconds), prepare=True)


def _array(pids: list[int]) -> str:
    """Return these as Postgres writes an array (PostgreSQL manual 8.15.2)."""
    return f"{{{','.join(map(str, pids))}}}"


def in_a_cycle(pid: int, blockers: dict[int, tuple[int, ...]]) -> bool:
    """Return whether following who waits for whom from ``pid`` leads back to it: a deadlock."""
    seen: set[int] = set()
    front = list(blockers.get(pid, ()))
    while front:
        found = front.pop()
        if found == pid:
            return True
        if found not in seen:
            seen.add(found)
            front.extend(blockers.get(found, ()))
    return False
