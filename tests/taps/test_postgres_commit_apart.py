"""Statements that commit by themselves, held before their commit."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from postgres_play import DEADLINE_S, Gatekeeper

from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.taps.postgres.units import CHECKS, COMMIT

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
            gate = Gatekeeper(requests=COMMIT)
            gate.commits_apart = lambda session, statements: all(
                statement.sql.startswith(("UPDATE", "INSERT", "DELETE")) for statement in statements
            )
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


ONE_EACH = """
    CREATE TABLE tries (id serial, what text);
    CREATE FUNCTION only_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM tries WHERE what = NEW.what) > 1 THEN
            RAISE EXCEPTION 'taken' USING ERRCODE = '23505';
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER only_one AFTER INSERT ON tries DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION only_one();
"""
TRY = "INSERT INTO tries (what) VALUES ('x')"
ENDS = ["COMMIT", "COMMIT AND CHAIN", "COMMIT; BEGIN"]


async def tries(eyes):
    return (await (await eyes.execute("SELECT count(*) FROM tries")).fetchone())[0]


def checking(gate):
    """Have what is put off carried out before a commit, and hold the commit."""
    gate.checks_first = lambda session, statements: statements[0].sql.startswith(
        "COMMIT" if session.status == "T" else "INSERT"
    )
    gate._sides["request"] = "COMMIT"


@pytest.mark.parametrize("prepare", [False, True], ids=["simple", "extended"])
@pytest.mark.parametrize("end", ENDS)
def test_what_is_put_off_until_a_commit_is_carried_out_before_it(database, end, prepare):
    async def story(tap, gate, connection, eyes):
        await eyes.execute(ONE_EACH)
        checking(gate)
        await connection.execute("BEGIN")
        await connection.execute(TRY)
        pending = asyncio.ensure_future(connection.execute(end, prepare=prepare))
        await gate.wait("request", end)
        assert gate.seen[-3:] == [("request", CHECKS), ("answer", CHECKS), ("request", end)]
        assert not pending.done()
        assert await tries(eyes) == 0
        gate.let_go("request", end)
        cursor = await pending
        assert cursor.statusmessage == "COMMIT"
        assert await tries(eyes) == 1
        assert (await (await connection.execute("SELECT 1")).fetchone()) == (1,)

    if not (prepare and ";" in end):  # several statements cannot be prepared
        play(database, story)


@pytest.mark.parametrize("prepare", [False, True], ids=["simple", "extended"])
@pytest.mark.parametrize("end", ENDS)
def test_a_check_that_fails_is_the_commits_answer(database, end, prepare):
    async def story(tap, gate, connection, eyes):
        await eyes.execute(ONE_EACH)
        await eyes.execute(TRY)
        checking(gate)
        for number in range(3):
            await connection.execute("BEGIN")
            await connection.execute(TRY)
            pending = asyncio.ensure_future(connection.execute(end, prepare=prepare))
            await gate.wait("request", end)
            gate.let_go("request", end)
            with pytest.raises(psycopg.errors.UniqueViolation, match="taken"):
                await pending
            assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE, number
            assert await tries(eyes) == 1
            assert (await (await connection.execute("SELECT 1")).fetchone()) == (1,)

    if not (prepare and ";" in end):
        play(database, story)


@pytest.mark.parametrize("prepare", [False, True], ids=["simple", "extended"])
def test_what_commits_by_itself_is_checked_before_it_is_committed(database, prepare):
    async def story(tap, gate, connection, eyes):
        await eyes.execute(ONE_EACH)
        checking(gate)
        gate._sides["request"] = COMMIT
        label = "INSERT INTO tries (what) VALUES (?)"
        for wins in (True, False):
            pending = asyncio.ensure_future(connection.execute(TRY, prepare=prepare))
            await gate.wait("request", COMMIT)
            sent = [what for side, what in gate.seen if side == "request"]
            assert sent[-3:] == [label, CHECKS, COMMIT]
            assert await tries(eyes) == (not wins)
            gate.let_go("request", COMMIT)
            if wins:
                assert (await pending).statusmessage == "INSERT 0 1"
            else:
                with pytest.raises(psycopg.errors.UniqueViolation, match="taken"):
                    await pending
            assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
            assert await tries(eyes) == 1
            assert not connection.pgconn.error_message or not wins
            assert (await (await connection.execute("SELECT 1")).fetchone()) == (1,)

    play(database, story)
