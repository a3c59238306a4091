"""Who waits for whom, as a real server says it."""

import asyncio
import time

import psycopg
import pytest

from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.explore.control.lock_waits import LockWaits

DEADLINE_S = 120.0

WORKER = (
    "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE usesysid IS NULL "
    "AND relation = 'swept'::regclass AND mode = 'ShareUpdateExclusiveLock'"
)
WAITING = "SELECT pg_blocking_pids(%s)"


async def connected(url):
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


async def until(connection, query, *values):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        row = await (await connection.execute(query, values)).fetchone()
        if row is not None and row[0]:
            return row[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"{query}: nothing within {DEADLINE_S:g} s")


async def let_go(*connections):
    for connection in connections:
        await connection.close()


def test_one_session_waits_for_another(explore_url):
    async def main():
        one, other, own = [await connected(explore_url) for _ in range(3)]
        await one.execute("SELECT pg_advisory_lock(991)")
        waiting = asyncio.ensure_future(other.execute("SELECT pg_advisory_lock(991)"))
        await until(own, WAITING, other.info.backend_pid)
        pids = (one.info.backend_pid, other.info.backend_pid)
        assert await LockWaits(own).blockers(pids) == {pids[0]: (), pids[1]: (pids[0],)}
        await one.execute("SELECT pg_advisory_unlock(991)")
        await waiting
        assert await LockWaits(own).blockers(pids) == {pids[0]: (), pids[1]: ()}
        await let_go(one, other, own)

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


@pytest.mark.slow
def test_who_waits_for_autovacuum_is_on_its_way():
    async def main(url):
        own, other = [await connected(url) for _ in range(2)]
        await own.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        await own.execute("SELECT pg_reload_conf()")
        # It rests for 100 ms after every page or two, so that it is met at work.
        await own.execute(
            "CREATE TABLE swept (x int, pad text) WITH (autovacuum_vacuum_threshold = 1, "
            "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
        )
        await own.execute(
            "INSERT INTO swept SELECT n, repeat('x', 900) FROM generate_series(1, 9000) n"
        )
        await own.execute("DELETE FROM swept")
        worker = await until(own, WORKER)
        # Whoever waits for it has it cancelled after this time.
        await other.execute("SET deadlock_timeout = '10min'")
        waits = "LOCK TABLE swept IN SHARE UPDATE EXCLUSIVE MODE"
        waiting = asyncio.ensure_future(other.execute(f"BEGIN; {waits}"))
        pid = other.info.backend_pid
        assert await until(own, WAITING, pid) == [worker]
        assert await LockWaits(own).blockers([pid]) == {pid: ()}
        await own.execute("SELECT pg_cancel_backend(%s)", (worker,))
        await waiting
        await let_go(own, other)

    with EmbeddedPostgres() as server:
        asyncio.run(asyncio.wait_for(main(server.url()), 2 * DEADLINE_S))
