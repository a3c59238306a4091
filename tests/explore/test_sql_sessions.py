"""Statements that others may get past while they run: their commit is another step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
import pytest
from shop import SCHEMA

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.footprint.sql.sent import Query

MORE = """
CREATE FUNCTION claim(which int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payments WHERE order_id = which) THEN RETURN false; END IF;
    INSERT INTO payments (order_id, status) VALUES (which, 'ok');
    RETURN true;
END $$;
CREATE FUNCTION anything() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'DELETE FROM log'; END $$;
"""
UNLESS_THERE = (
    "INSERT INTO payments (order_id, status) SELECT 1, 'ok'"
    " WHERE NOT EXISTS (SELECT FROM payments WHERE order_id = 1)"
)

APART = [
    UNLESS_THERE,
    "UPDATE counters SET n = n + 1 WHERE name = 'x' AND (SELECT count(*) FROM log) < 5",
    "UPDATE orders SET total = 0 WHERE id = (SELECT min(order_id) FROM payments)",
    "INSERT INTO orders (id) SELECT max(id) + 1 FROM orders",
    "WITH gone AS (DELETE FROM log RETURNING what)"
    " INSERT INTO counters SELECT what, (SELECT count(*) FROM orders) FROM gone",
    "MERGE INTO counters t USING (VALUES ('q')) v(name) ON t.name = v.name"
    " WHEN NOT MATCHED THEN INSERT VALUES (v.name, 0)",
    "SELECT claim(1)",
    "SELECT anything()",
    # Rows may come into the set that it does not see: they are in no snapshot of its.
    "UPDATE counters SET n = n + 1",
    "DELETE FROM log WHERE what = 'x'",
]
AT_ONCE = [
    "SELECT * FROM orders",
    "SELECT * FROM orders WHERE id = 1 FOR UPDATE",
    "INSERT INTO log (what) VALUES ('x')",
    "INSERT INTO orders (id, customer_id) VALUES (nextval('log_id_seq'), 1)",
    "INSERT INTO counters VALUES ('x', 1) ON CONFLICT (name) DO UPDATE SET n = counters.n + 1",
    "UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid'",
    "SELECT bump('x')",
    "SELECT pg_notify('payments', '1')",
    "CREATE TABLE made (id int)",
    "BEGIN",
    "not SQL at all",
]


@pytest.fixture(scope="module")
def sessions(explore_server: PostgresServer) -> Iterator[SqlSessions]:
    name = database_name("overtaken")
    url = explore_server.create_database(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((SCHEMA + MORE).encode())
    yield SqlSessions(url)
    explore_server.drop_database(name)


@pytest.mark.parametrize("sql", APART)
def test_what_decides_by_what_it_has_not_locked_is_committed_apart(
    sessions: SqlSessions, sql: str
) -> None:
    assert sessions.apart("one", [Query(sql)])


@pytest.mark.parametrize("sql", AT_ONCE)
def test_all_else_is_one_step(sessions: SqlSessions, sql: str) -> None:
    assert not sessions.apart("one", [Query(sql)])


def test_in_a_transaction_the_commit_is_a_step_anyway(sessions: SqlSessions) -> None:
    _sent(sessions, "two", "BEGIN")
    assert not sessions.apart("two", [Query(UNLESS_THERE)])
    _sent(sessions, "two", "COMMIT")
    assert sessions.apart("two", [Query(UNLESS_THERE)])


@pytest.mark.parametrize(
    ("sql", "matters"),
    [
        ([f"BEGIN; {UNLESS_THERE}; COMMIT"], True),
        ([f"{UNLESS_THERE}; SELECT 1"], True),
        (["INSERT INTO log (what) VALUES ('x')", UNLESS_THERE], True),
        (["SELECT n FROM counters", "SELECT count(*) FROM log"], True),
        ([f"BEGIN; {UNLESS_THERE}"], False),
        ([UNLESS_THERE], False),
        (["BEGIN; UPDATE orders SET total = 1 WHERE id = 1; COMMIT"], False),
        (["INSERT INTO log (what) VALUES ('x')", "INSERT INTO log (what) VALUES ('y')"], False),
        (["SELECT 1; SELECT 2"], False),
    ],
)
def test_what_may_come_between_statements_sent_as_one(
    sessions: SqlSessions, sql: Sequence[str], matters: bool
) -> None:
    sent = [Query(text) for text in sql]
    sessions.tracker("three").expect(sent)
    assert sessions.in_pieces("three", sessions.found("three", sent)) is matters


def test_a_session_has_the_settings_it_asked_for(explore_url: str) -> None:
    asked = {"options": "-c search_path=alt", "default_transaction_isolation": "serializable"}
    sessions = SqlSessions(explore_url, lambda session: asked if session == "one" else {})
    assert sessions.tracker("one").path == ("alt",)
    assert sessions.tracker("one").isolation == "serializable"
    assert sessions.tracker("two").path == ("public",)
    assert sessions.tracker("two").isolation == "read committed"


def _sent(sessions: SqlSessions, session: str, sql: str) -> None:
    tracker = sessions.tracker(session)
    tracker.expect([Query(sql)])
    tracker.done()
