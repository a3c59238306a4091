"""Statements that the tap changes: what Postgres gets, and what the client is told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import select

import psycopg
import pytest
from postgres_play import DEADLINE_S, Gatekeeper

from paidonce.harness.taps.changes import Preceded, Replaced
from paidonce.harness.taps.postgres import PostgresTap, fields
from paidonce.harness.taps.postgres.changing import Changing, WholeUnits, words_of
from paidonce.harness.taps.postgres.frames import Frame
from paidonce.harness.taps.postgres.session import Session

READ = "SELECT id, v FROM item WHERE id = $1"
LOCKED = f"{READ} FOR UPDATE"
SIMPLY = "SELECT id, v FROM item WHERE id = 1"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))"
LABEL = "SELECT pg_advisory_xact_lock(hashtextextended(?::text, ?))"
READ_LABEL = "SELECT id, v FROM item WHERE id = ?"
# Other workers have locks on this server, in databases of their own.
LOCKS = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid <> 0
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class Player(Gatekeeper):
    """Takes every unit for one attempt's."""

    async def request(self, call, connection):
        call.attempt = "tab"
        return await super().request(call, connection)


def play(database, changes, story, *, late=False):
    """Run ``story(tap, gate, connection, eyes)``; ``late`` binds the gate in the story."""

    async def main():
        async with (
            PostgresTap(database, changes=changes) as tap,
            await psycopg.AsyncConnection.connect(database, autocommit=True) as eyes,
            await psycopg.AsyncConnection.connect(
                tap.url_for(database), autocommit=True
            ) as connection,
        ):
            gate = Player()
            if not late:
                tap.bind(None, gate)
            await story(tap, gate, connection, eyes)
            tap.bind(None, None)

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


async def locks_its_row(connection, eyes):
    """Whether the row is locked by the connection's transaction."""
    try:
        await eyes.execute("SELECT 1 FROM item WHERE id = 1 FOR UPDATE NOWAIT")
    except psycopg.errors.LockNotAvailable:
        return True
    return False


@pytest.mark.parametrize(
    ("seen", "sql", "params", "prepare"),
    [
        (SIMPLY, SIMPLY, None, False),
        (SIMPLY, f" {SIMPLY};", None, False),
        (READ, READ.replace("$1", "%s"), (1,), False),
        (READ, READ.replace("$1", "%b"), (1,), False),
        (READ, READ.replace("$1", "%s"), (1,), True),
    ],
    ids=["simple", "with its end", "extended", "binary", "prepared"],
)
def test_a_statement_is_sent_as_another(database, seen, sql, params, prepare):
    async def story(tap, gate, connection, eyes):
        for _ in range(2):  # the second time a prepared one is only bound
            await connection.execute("BEGIN")
            cursor = await connection.execute(sql, params, prepare=prepare)
            assert await cursor.fetchall() == [(1, "old")]
            assert cursor.statusmessage == "SELECT 1"
            assert await locks_its_row(connection, eyes)
            await connection.execute("COMMIT")
        assert ("request", f"{READ_LABEL} FOR UPDATE") in gate.seen
        assert ("request", READ_LABEL) not in gate.seen
        assert tap.changing.came == {change: 2}

    change = Replaced(sql=seen, by=f"{seen} FOR UPDATE")
    play(database, [change], story)


def test_what_was_prepared_before_anything_was_held_is_changed_as_well(database):
    async def story(tap, gate, connection, eyes):
        sql = READ.replace("$1", "%s")
        await connection.execute(sql, (1,), prepare=True)
        assert not tap.changing.came
        tap.bind(None, gate)
        await connection.execute("BEGIN")
        await connection.execute(sql, (1,), prepare=True)
        assert await locks_its_row(connection, eyes)
        await connection.execute("COMMIT")
        assert tap.changing.came == {change: 1}

    change = Replaced(sql=READ, by=LOCKED)
    play(database, [change], story, late=True)


def test_a_statement_in_other_words_is_left_as_it_is(database):
    async def story(tap, gate, connection, eyes):
        await connection.execute("BEGIN")
        await connection.execute("SELECT id, v FROM item WHERE id = 1 AND true")
        await connection.execute(SIMPLY.replace("1", "2"))
        assert not await locks_its_row(connection, eyes)
        await connection.execute("COMMIT")
        assert not tap.changing.came

    play(database, [Replaced(sql=SIMPLY, by=f"{SIMPLY} FOR UPDATE")], story)


def test_of_several_statements_in_one_only_that_one_is_changed(database):
    async def story(tap, gate, connection, eyes):
        await connection.execute(f"BEGIN; {SIMPLY}; SELECT 1")
        assert await locks_its_row(connection, eyes)
        await connection.execute("COMMIT")

    play(database, [Replaced(sql=SIMPLY, by=f"{SIMPLY} FOR UPDATE")], story)


def test_values_that_differ_in_every_execution_are_kept(database):
    """A client that writes its parameters into the text: ``id`` differs, the state does not."""
    seen = "UPDATE item SET v = 'new' WHERE id = 41"
    by = "UPDATE item SET v = 'new' WHERE id = 41 AND v = 'old'"
    (at,) = [n for n, word in enumerate(words_of(seen)) if word == "41"]

    async def story(tap, gate, connection, eyes):
        now = "UPDATE item SET v = 'new' WHERE id = 1"
        for tag in ("UPDATE 1", "UPDATE 0"):
            assert (await connection.execute(now)).statusmessage == tag
        other = "UPDATE item SET v = 'newer' WHERE id = 1"
        assert (await connection.execute(other)).statusmessage == "UPDATE 1"

    play(database, [Replaced(sql=seen, by=by, differing=(at,))], story)


@pytest.mark.parametrize(
    ("sql", "params", "prepare"),
    [
        (SIMPLY, None, False),
        (READ.replace("$1", "%s"), (1,), False),
        (READ.replace("$1", "%b"), (1,), False),
        (READ.replace("$1", "%s"), (1,), True),
    ],
    ids=["simple", "extended", "binary", "prepared"],
)
def test_a_lock_is_sent_before_a_statement_in_its_transaction(database, sql, params, prepare):
    async def story(tap, gate, connection, eyes):
        for number in (1, 2):
            await connection.execute("BEGIN")
            await connection.execute("SELECT 'something else'")
            cursor = await connection.execute(sql, params, prepare=prepare)
            assert await cursor.fetchall() == [(1, "old")]
            assert cursor.statusmessage == "SELECT 1"
            assert await (await eyes.execute(LOCKS)).fetchone() == (1,)
            assert connection.info.transaction_status is psycopg.pq.TransactionStatus.INTRANS
            await connection.execute("COMMIT")
            assert await (await eyes.execute(LOCKS)).fetchone() == (0,)
            sent = [what for side, what in gate.seen if side == "request"]
            assert sent.count(LABEL) == number
            assert sent[sent.index(LABEL) + 1] == READ_LABEL
        assert tap.changing.came == {change: 2}

    by = LOCK if params else LOCK.replace("$1", "1")
    change = Preceded(sql=READ if params else SIMPLY, by=by)
    play(database, [change], story)


def test_it_is_sent_as_well_where_the_statement_was_prepared_at_a_flush_just_before(database):
    """As asyncpg does when it runs a statement for the first time: no Sync comes in between."""

    def run(url):
        with (
            psycopg.connect(database, autocommit=True) as eyes,
            contextlib.closing(psycopg.connect(url, autocommit=True)) as connection,
        ):
            connection.execute("BEGIN")
            pg = connection.pgconn
            pg.enter_pipeline_mode()
            pg.send_prepare(b"s", READ.encode())
            pg.send_describe_prepared(b"s")
            _answers(pg, 2)
            pg.send_query_prepared(b"s", [(1).to_bytes(4)], [1])
            (rows,) = _answers(pg, 1)
            assert rows.get_value(0, 1) == b"old", rows.error_message
            assert eyes.execute(LOCKS).fetchone() == (1,)

    async def story(tap, gate, connection, eyes):
        await asyncio.to_thread(run, tap.url_for(database))
        assert tap.changing.came == {change: 1}

    change = Preceded(sql=READ, by=LOCK)
    play(database, [change], story)


@pytest.mark.parametrize("alone", [False, True], ids=["in one unit", "in two"])
@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "prepared"])
@pytest.mark.parametrize("held", [True, False], ids=["held", "free"])
def test_it_is_sent_behind_a_begin_that_comes_with_the_statement(database, alone, named, held):
    """As pgjdbc does, which sends BEGIN and the first statement without waiting in between."""

    def run(url):
        with (
            psycopg.connect(database, autocommit=True) as eyes,
            contextlib.closing(psycopg.connect(url, autocommit=True)) as connection,
        ):
            pg = connection.pgconn
            if named:
                pg.prepare(b"begin", b"BEGIN")
                pg.prepare(b"read", READ.encode())
            pg.enter_pipeline_mode()
            for number in (1, 2):
                if named:
                    pg.send_query_prepared(b"begin", None)
                else:
                    pg.send_query_params(b"BEGIN", None)
                if alone:
                    pg.pipeline_sync()
                if named:
                    pg.send_query_prepared(b"read", [b"1"])
                else:
                    pg.send_query_params(READ.encode(), [b"1"])
                told = _answers(pg, 3 if alone else 2, end=pg.pipeline_sync)
                begun, rows = told[0], told[-1]
                assert begun.command_status == b"BEGIN", begun.error_message
                assert rows.get_value(0, 1) == b"old", rows.error_message
                assert eyes.execute(LOCKS).fetchone() == (1,)
                assert pg.transaction_status == psycopg.pq.TransactionStatus.INTRANS
                pg.send_query_params(b"COMMIT", None)
                (over,) = _answers(pg, 1, end=pg.pipeline_sync)
                assert over.command_status == b"COMMIT", number
                assert eyes.execute(LOCKS).fetchone() == (0,)

    async def story(tap, gate, connection, eyes):
        await asyncio.to_thread(run, tap.url_for(database))
        assert tap.changing.came == {change: 2}

    change = Preceded(sql=READ, by=LOCK)
    play(database, [change], story, late=not held)


@pytest.mark.parametrize(
    ("first", "sent"),
    [("BEGIN", "QPBECCHPBES"), ("BEGIN; SELECT 1", "QPBES"), ("SELECT 1", "QPBES")],
)
def test_a_begin_by_a_simple_query_is_one_as_well(first, sent):
    """Of one sending, so that the server has told nothing yet: no library here does that."""
    session = Session(1, itertools.count(1).__next__)
    session.status = "I"
    number = fields.count16(1), fields.int16(0), fields.count16(1)
    bind = fields.string("") * 2, *number, fields.int32(1), b"1", fields.count16(0)
    messages = (
        fields.message(b"Q", fields.string(first)),
        fields.message(b"P", fields.string(""), fields.string(READ), fields.count16(0)),
        fields.message(b"B", *bind),
        fields.message(b"E", fields.string(""), fields.int32(0)),
        fields.message(b"S"),
    )
    changing = Changing([Preceded(sql=READ, by=LOCK)])
    found = WholeUnits(changing, session).take([Frame(one[0], one, 0) for one in messages])
    assert "".join(chr(frame.kind) for frame in found) == sent


def _answers(pg, count, *, end=None):
    """The answers that a Flush brings, of a pipeline that goes on, or what else ends it."""
    (end or pg.send_flush_request)()
    pg.flush()
    found = []
    while len(found) < count:
        # To wait in get_result would keep the interpreter, and with it the tap, from going on.
        while pg.is_busy():
            select.select([pg.socket], [], [])
            pg.consume_input()
        if (answer := pg.get_result()) is not None:  # None ends the answers to one command
            found.append(answer)
    while end is not None and pg.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
        while pg.is_busy():
            select.select([pg.socket], [], [])
            pg.consume_input()
        pg.get_result()  # that of the Sync
    return found


def test_out_of_a_transaction_no_lock_is_sent(database):
    async def story(tap, gate, connection, eyes):
        await connection.execute(READ.replace("$1", "%s"), (1,))
        assert ("request", LABEL) not in gate.seen
        assert not tap.changing.came

    play(database, [Preceded(sql=READ, by=LOCK)], story)


@pytest.mark.parametrize("params", [None, (1,)], ids=["simple", "extended"])
def test_a_lock_that_fails_is_the_answer_to_the_statement(database, params):
    async def story(tap, gate, connection, eyes):
        await eyes.execute("BEGIN")
        await eyes.execute("SELECT pg_advisory_xact_lock(hashtextextended('1', 0))")
        await connection.execute("BEGIN")
        await connection.execute("SET LOCAL lock_timeout = '5ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await connection.execute(READ.replace("$1", "%s") if params else SIMPLY, params)
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.INERROR
        await connection.execute("ROLLBACK")
        await eyes.execute("ROLLBACK")
        await connection.execute("BEGIN")
        cursor = await connection.execute(READ.replace("$1", "%s") if params else SIMPLY, params)
        assert await cursor.fetchall() == [(1, "old")]
        await connection.execute("COMMIT")

    by = LOCK if params else LOCK.replace("$1", "1")
    play(database, [Preceded(sql=READ if params else SIMPLY, by=by)], story)


@pytest.mark.parametrize(
    ("params", "prepare"),
    [(None, False), ((1,), False), ((1,), True)],
    ids=["simple", "extended", "prepared"],
)
def test_while_nothing_is_held_the_same_changes_are_made(database, params, prepare):
    by = LOCK if params else LOCK.replace("$1", "1")
    seen = READ if params else SIMPLY
    replaced = Replaced(sql=seen, by=f"{seen} FOR UPDATE")
    preceded = Preceded(sql=f"{seen} FOR UPDATE", by=by)

    async def story(tap, gate, connection, eyes):
        for number in (1, 2):
            await connection.execute("BEGIN")
            cursor = await connection.execute(
                READ.replace("$1", "%s") if params else SIMPLY, params, prepare=prepare
            )
            assert await cursor.fetchall() == [(1, "old")]
            assert cursor.statusmessage == "SELECT 1"
            assert await (await eyes.execute(LOCKS)).fetchone() == (1,)
            assert await locks_its_row(connection, eyes)
            await connection.execute("COMMIT")
            assert tap.changing.passed == {replaced: number, preceded: number}
        assert not tap.changing.came[replaced], "nobody knows whose it was"

    play(database, [replaced, preceded], story, late=True)


@pytest.mark.parametrize("params", [None, (1,)], ids=["simple", "extended"])
def test_while_nothing_is_held_a_lock_that_fails_is_the_answer_as_well(database, params):
    async def story(tap, gate, connection, eyes):
        await eyes.execute("BEGIN")
        await eyes.execute("SELECT pg_advisory_xact_lock(hashtextextended('1', 0))")
        await connection.execute("BEGIN")
        await connection.execute("SET LOCAL lock_timeout = '5ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await connection.execute(READ.replace("$1", "%s") if params else SIMPLY, params)
        await connection.execute("ROLLBACK")
        await eyes.execute("ROLLBACK")
        cursor = await connection.execute("SELECT 1")
        assert await cursor.fetchall() == [(1,)]

    by = LOCK if params else LOCK.replace("$1", "1")
    play(database, [Preceded(sql=READ if params else SIMPLY, by=by)], story, late=True)
