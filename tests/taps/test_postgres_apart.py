"""Statements that commit by themselves, held before their commit."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from postgres_play import DEADLINE_S, Gatekeeper

from harness.taps.postgres import PostgresTap
from harness.taps.postgres.units import COMMIT

SIMPLY = "UPDATE item SET v = 'new' WHERE id = 1 RETURNING id, v, NULL AS nothing"
EXTENDED = "UPDATE item SET v = %s WHERE id = %s RETURNING id, v, NULL AS nothing"
LABEL = "UPDATE item SET v = ? WHERE id = ? RETURNING id, v, NULL AS nothing"


def play(database, story):
    """Run ``story(tap, gate, connection, eyes)`` with all that can be committed apart."""

    async def main():
        async with (
            PostgresTap(database) as tap,
            await psycopg.AsyncConnection.connect(database, autocommit=True) as eyes,
            await psycopg.AsyncConnection.connect(
                tap.url_for(database), autocommit=True
            ) as connection,
        ):
            tap.apart = lambda session, statements: all(
                statement.sql.startswith(("UPDATE", "INSERT", "DELETE")) for statement in statements
            )
            gate = Gatekeeper(requests=COMMIT)
            tap.bind(None, gate)
            await story(tap, gate, connection, eyes)
            tap.bind(None, None)

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


async def value(eyes):
    return (await (await eyes.execute("SELECT v FROM item WHERE id = 1")).fetchone())[0]


@pytest.mark.parametrize(
    ("sql", "params"), [(SIMPLY, None), (EXTENDED, ("new", 1))], ids=["simple", "extended"]
)
def test_what_is_carried_out_is_not_committed_yet(database, sql, params):
    async def story(tap, gate, connection, eyes):
        pending = asyncio.ensure_future(connection.execute(sql, params))
        await gate.wait("request", COMMIT)
        assert gate.seen[:2] == [("request", LABEL), ("answer", LABEL)]
        assert await value(eyes) == "old"
        assert not pending.done()
        gate.let_go("request", COMMIT)
        cursor = await pending
        assert await cursor.fetchall() == [(1, "new", None)]
        assert (cursor.rowcount, cursor.statusmessage) == (1, "UPDATE 1")
        assert await value(eyes) == "new"
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        # The connection is as usable as before.
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)

    play(database, story)


@pytest.mark.parametrize(
    ("sql", "params"),
    [("INSERT INTO item VALUES (1, 'x')", None), ("INSERT INTO item VALUES (%s, 'x')", (1,))],
    ids=["simple", "extended"],
)
def test_a_failure_is_told_as_ever(database, sql, params):
    async def story(tap, gate, connection, eyes):
        pending = asyncio.ensure_future(connection.execute(sql, params))
        await gate.wait("request", COMMIT)
        gate.let_go("request", COMMIT)
        with pytest.raises(psycopg.errors.UniqueViolation):
            await pending
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        assert await (await connection.execute("SELECT 1")).fetchone() == (1,)

    play(database, story)


def test_a_commit_that_fails_is_told_as_ever(database):
    async def story(tap, gate, connection, eyes):
        await eyes.execute("CREATE TABLE one (v int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        await eyes.execute("INSERT INTO one VALUES (1)")
        pending = asyncio.ensure_future(connection.execute("INSERT INTO one VALUES (1)"))
        await gate.wait("request", COMMIT)
        gate.let_go("request", COMMIT)
        with pytest.raises(psycopg.errors.UniqueViolation):
            await pending
        assert await (await connection.execute("SELECT count(*) FROM one")).fetchone() == (1,)

    play(database, story)


def test_in_a_transaction_nothing_is_put_apart(database):
    async def story(tap, gate, connection, eyes):
        await connection.execute("BEGIN")
        await connection.execute(SIMPLY)
        await connection.execute(EXTENDED, ("newer", 1))
        await connection.execute("COMMIT")
        assert [label for side, label in gate.seen if side == "request"] == [
            "BEGIN",
            LABEL,
            LABEL,
            "COMMIT",
        ]
        assert await value(eyes) == "newer"

    play(database, story)
