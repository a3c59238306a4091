"""What is said of single moments is true: two plain sessions, neither a tap nor a search.

``BEGIN; statement`` on one, the statement on the other, and COMMIT: what the two are answered and
leave behind is compared with what they are answered one after the other, in either order. Who comes
to anything else is no single moment. That there is a difference only for those whom ``apart`` names
is what a search relies on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from moments import SCHEMA

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.footprint.sql.sent import Query

DEADLINE_S = 120.0
RESET = """
TRUNCATE orders, seats, attempts, checked, numbered, limited RESTART IDENTITY;
INSERT INTO orders (id, number) VALUES (1, 'a'), (2, 'b');
INSERT INTO seats VALUES (1, 1), (1, 2);
"""
STATE = """
SELECT 'orders', orders::text FROM orders UNION ALL SELECT 'seats', seats::text FROM seats UNION ALL
SELECT 'attempts', (order_id, state)::text FROM attempts UNION ALL
SELECT 'checked', n::text FROM checked UNION ALL SELECT 'numbered', n::text FROM numbered
ORDER BY 1, 2
"""

CLAIM = "UPDATE orders SET status = 'paid', total = total + 1 WHERE "
ALONE = [
    CLAIM + "id = 1 AND status = 'unpaid'",
    CLAIM + "id = 1",
    "DELETE FROM orders WHERE id = 1 AND status = 'unpaid'",
    "INSERT INTO orders (id, number) VALUES (7, 'seven')",
    "INSERT INTO orders (id, number) VALUES (7, 'seven') ON CONFLICT DO NOTHING",
    "INSERT INTO orders (id, number) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET total ="
    " orders.total + 1, status = 'paid' WHERE orders.status = 'unpaid'",
    "INSERT INTO attempts (order_id, state) VALUES (1, 'paid') ON CONFLICT DO NOTHING",
    "WITH u AS (UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid' RETURNING id)"
    " INSERT INTO attempts (order_id) SELECT id FROM u",
    "SELECT claim_locked(1)",
    "SELECT claim_by_update(1)",
    "DO $$ BEGIN UPDATE orders SET total = total + 1 WHERE id = 1 AND total = 0; END $$",
]
OVERLAPPING = [
    CLAIM + "id = (SELECT id FROM orders WHERE id = 1 AND status = 'unpaid')",
    CLAIM + "id IN (SELECT id FROM orders WHERE id = 1 AND status = 'unpaid')",
    CLAIM + "id = 1 AND EXISTS (SELECT FROM orders WHERE id = 1 AND status = 'unpaid')",
    CLAIM + "id = (SELECT min(id) FROM orders WHERE status = 'unpaid')",
    CLAIM + "id = (SELECT id FROM orders WHERE id = 1 FOR UPDATE SKIP LOCKED)",
    CLAIM + "id = 1 AND pg_try_advisory_xact_lock(7)",
    CLAIM + "id = 1 AND NOT EXISTS (SELECT FROM orders WHERE total > 0)",
    "UPDATE orders o SET total = p.total + 1 FROM orders p WHERE o.id = 1 AND p.id = 1",
    "UPDATE orders SET total = (SELECT total FROM orders WHERE id = 1) + 1 WHERE id = 1",
    "WITH f AS (SELECT id FROM orders WHERE id = 1 AND status = 'unpaid') UPDATE orders"
    " SET status = 'paid', total = total + 1 FROM f WHERE orders.id = f.id",
    "MERGE INTO orders o USING (SELECT id FROM orders WHERE id = 1 AND status = 'unpaid') s"
    " ON o.id = s.id WHEN MATCHED THEN UPDATE SET status = 'paid', total = total + 1",
    "MERGE INTO orders o USING (VALUES (7)) v(id) ON o.id = v.id WHEN NOT MATCHED THEN"
    " INSERT (id, number) VALUES (v.id, 'seven')",
    "INSERT INTO attempts (order_id) SELECT 1 WHERE NOT EXISTS (SELECT FROM attempts)",
    "INSERT INTO orders (id, number) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET total ="
    " orders.total + 1 WHERE (SELECT sum(total) FROM orders) = 0",
    "WITH i AS (INSERT INTO attempts (order_id, state) VALUES (1, 'paid') ON CONFLICT DO NOTHING"
    " RETURNING order_id) SELECT order_id FROM i UNION SELECT order_id FROM attempts",
    "SELECT claim(1)",
    "CALL pay(1)",
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM attempts) THEN"
    " INSERT INTO attempts (order_id) VALUES (1); END IF; END $$",
    "INSERT INTO numbered DEFAULT VALUES",
    "INSERT INTO ruled VALUES (1)",
    "INSERT INTO attempts (order_id) SELECT o.id FROM orders o WHERE o.id = 1 AND o.live = 0",
    "INSERT INTO attempts (order_id) SELECT id FROM orders WHERE id = 1 AND"
    " (number::livecount).k = 0",
    "INSERT INTO attempts (order_id) SELECT 1 FROM orders WHERE id = 1 GROUP BY id"
    " HAVING live_agg(number) = 0",
]


@pytest.fixture(scope="module")
def url(explore_server: PostgresServer) -> Iterator[str]:
    name = database_name("momentsreal")
    found = explore_server.create_database(name)
    with psycopg.connect(found, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    yield found
    explore_server.drop_database(name)


@pytest.fixture(scope="module")
def sessions(url: str) -> SqlSessions:
    return SqlSessions(url)


@pytest.mark.parametrize("sql", ALONE)
def test_a_single_moment_is_one(url: str, sessions: SqlSessions, sql: str) -> None:
    assert not sessions.apart("one", [Query(sql)])
    assert overlapping(url, sql) == in_turn(url, sql)


@pytest.mark.parametrize("sql", OVERLAPPING)
def test_what_comes_to_something_else_is_apart(url: str, sessions: SqlSessions, sql: str) -> None:
    assert sessions.apart("one", [Query(sql)])
    assert overlapping(url, sql) != in_turn(url, sql)


def test_rows_that_come_into_a_set_are_not_seen(url: str, sessions: SqlSessions) -> None:
    pay = "UPDATE orders SET status = 'paid' WHERE status = 'unpaid'"
    refund = "UPDATE orders SET status = 'unpaid' WHERE status = 'paid'"
    assert sessions.apart("one", [Query(pay)])
    assert overlapping(url, pay, refund)[1] == 0
    assert in_turn(url, pay, refund)[1] == 2


def test_a_moment_may_be_overtaken_by_what_looks_and_waits(url: str) -> None:
    """One of both conditions, of which each is true of one order only, is true of both."""
    plain, by_look = ALONE[0], OVERLAPPING[0]
    assert overlapping(url, plain, by_look) not in (
        in_turn(url, plain, by_look),
        in_turn(url, by_look, plain)[::-1],
    )


def in_turn(url: str, first: str, second: str = "") -> tuple[object, ...]:
    """What two of a statement (or two statements) are answered one after the other, and leave."""
    with psycopg.connect(url, autocommit=True) as one:
        one.execute(RESET.encode())
        answers = [_answer(one, sql) for sql in (first, second or first)]
        return (*answers, tuple(one.execute(STATE.encode())))


def overlapping(url: str, first: str, second: str = "") -> tuple[object, ...]:
    """The same where the second begins before the first is committed."""
    answers: list[object] = []
    with (
        psycopg.connect(url, autocommit=True) as eyes,
        psycopg.connect(url) as one,
        psycopg.connect(url, autocommit=True) as other,
    ):
        eyes.execute(RESET.encode())
        before = _answer(one, first)
        thread = threading.Thread(target=lambda: answers.append(_answer(other, second or first)))
        thread.start()
        _until_done_or_waiting(eyes, other.info.backend_pid, thread)
        one.commit()
        thread.join(DEADLINE_S)
        assert answers, "the second statement was answered"
        return (before, answers[0], tuple(eyes.execute(STATE.encode())))


def _answer(connection: psycopg.Connection, sql: str) -> object:
    try:
        cursor = connection.execute(sql.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return tuple(cursor.fetchall()) if cursor.description else cursor.rowcount


def _until_done_or_waiting(eyes: psycopg.Connection, pid: int, thread: threading.Thread) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while thread.is_alive():
        if eyes.execute("SELECT pg_blocking_pids(%s) <> '{}'", (pid,)).fetchone() == (True,):
            return
        assert time.monotonic() < deadline, "the second statement is answered, or waits"
        time.sleep(0.001)
