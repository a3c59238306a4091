"""What is a single moment although it looks and writes, and what is not.

What is said of statements here is from the manual, section 13.2.1 ("UPDATE, DELETE, SELECT FOR
UPDATE ... will wait ..., the search condition of the command is re-evaluated to see if the updated
version of the row still matches") and section 13.3.2, and was tried with two plain sessions: see
``test_sql_moments_real``.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from moments import SCHEMA

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.service.passing import TIME

MOMENTS = [
    # One row by a whole unique key, and conditions on that row's own columns.
    "UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid'",
    "UPDATE orders SET status = 'paid' WHERE 1 = id AND status IN ('unpaid', 'failed') RETURNING *",
    "UPDATE orders o SET total = total + 1 WHERE (o.id = $1 AND o.total > 0) AND o.status <> 'x'",
    "UPDATE orders SET total = CASE WHEN total > 5 THEN 0 ELSE total END WHERE id = 2::int",
    "UPDATE orders SET note = lower(note) WHERE number = upper('a' || 'b')",
    "UPDATE seats SET taken = true WHERE hall = 1 AND seat = 2 AND NOT taken",
    "DELETE FROM orders WHERE id = 1 AND status = 'unpaid'",
    "SELECT status FROM orders WHERE id = 1 AND status = 'unpaid' FOR UPDATE",
    "SELECT status FROM orders WHERE id = 1 FOR NO KEY UPDATE",
    # New rows: who meets an entry of a unique index waits for it.
    "INSERT INTO orders (id, number) VALUES (7, 'seven')",
    "INSERT INTO orders (id, number) VALUES (7, 'seven') ON CONFLICT DO NOTHING",
    "INSERT INTO orders (id, number) VALUES (7, 'x') ON CONFLICT (id) DO UPDATE SET total ="
    " orders.total + excluded.total WHERE orders.status = 'unpaid'",
    # What is locked first and then handed on.
    "WITH u AS (UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid' RETURNING id)"
    " INSERT INTO attempts (order_id) SELECT id FROM u",
    "WITH u AS (DELETE FROM orders WHERE id = 1 RETURNING id)"
    " INSERT INTO attempts (order_id, state) SELECT u.id, 'gone' FROM u",
    "INSERT INTO attempts (order_id) SELECT id FROM orders WHERE id = 1 AND status = 'unpaid'"
    " FOR UPDATE",
    # Functions: each of their statements has a snapshot of its own.
    "SELECT claim_locked(1)",
    "SELECT claim_by_update(1)",
    "CALL pay_locked(1)",
    "DO $$ BEGIN UPDATE orders SET total = 0 WHERE id = 1 AND total > 0; END $$",
    "UPDATE stamped SET n = n + 1 WHERE id = 1",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT count(*) FROM attempts",
    "SELECT o.live FROM orders o",
]
NO_MOMENTS = [
    # Another look, made by the statement's snapshot alone.
    "UPDATE orders SET status = 'paid' WHERE id = (SELECT id FROM orders WHERE id = 1 AND"
    " status = 'unpaid')",
    "UPDATE orders SET status = 'paid' WHERE id IN (SELECT id FROM orders WHERE id = 1 AND"
    " status = 'unpaid')",
    "UPDATE orders SET status = 'paid' WHERE id = 1 AND EXISTS (SELECT FROM orders WHERE id = 1"
    " AND status = 'unpaid')",
    "UPDATE orders SET status = 'paid' WHERE id = 1 AND NOT EXISTS (SELECT FROM attempts)",
    "UPDATE orders SET total = (SELECT count(*) FROM attempts) WHERE id = 1",
    "UPDATE orders SET total = 1 WHERE id = 1 RETURNING (SELECT count(*) FROM attempts)",
    "UPDATE orders o SET status = 'paid' FROM orders p WHERE o.id = 1 AND p.id = o.id AND"
    " p.status = 'unpaid'",
    "UPDATE orders SET status = 'paid' FROM attempts a WHERE orders.id = 1 AND a.state = 'live'",
    "WITH f AS (SELECT id FROM orders WHERE id = 1 AND status = 'unpaid') UPDATE orders"
    " SET status = 'paid' FROM f WHERE orders.id = f.id",
    "DELETE FROM orders USING orders p WHERE orders.id = 1 AND p.id = 1 AND p.status = 'unpaid'",
    "MERGE INTO orders o USING (SELECT id FROM orders WHERE id = 1 AND status = 'unpaid') s"
    " ON o.id = s.id WHEN MATCHED THEN UPDATE SET status = 'paid'",
    "INSERT INTO attempts (order_id) SELECT id FROM orders WHERE id = 1 AND status = 'unpaid'",
    "INSERT INTO attempts (order_id) SELECT 1 WHERE NOT EXISTS (SELECT FROM attempts)",
    "INSERT INTO orders (id, number) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET status = 'paid'"
    " WHERE (SELECT count(*) FROM attempts) = 0",
    "INSERT INTO attempts (order_id) SELECT id FROM orders WHERE id = 1 FOR KEY SHARE",
    "WITH i AS (INSERT INTO attempts (order_id) VALUES (1) ON CONFLICT DO NOTHING RETURNING id)"
    " SELECT id FROM i UNION ALL SELECT id FROM attempts WHERE order_id = 1",
    # Rows that come into the set.
    "UPDATE orders SET total = 0 WHERE status = 'unpaid'",
    "UPDATE orders SET total = 0 WHERE lower(number) = lower('a')",
    "UPDATE orders SET total = 0 WHERE id > 0",
    "UPDATE seats SET taken = true WHERE hall = 1 AND NOT taken",
    "UPDATE orders SET total = 0 WHERE id = total",
    "UPDATE orders SET total = 0 WHERE id = 1 OR id = 2",
    "DELETE FROM attempts WHERE order_id = 1 AND state = 'live'",
    "UPDATE attempts SET state = 'gone' WHERE order_id = 1 AND state = 'live'",  # partial index
    # Locks that are looked at.
    "SELECT id FROM orders WHERE id = 1 FOR UPDATE SKIP LOCKED",
    "SELECT id FROM orders WHERE id = 1 FOR UPDATE NOWAIT",
    "UPDATE orders SET total = 0 WHERE id = (SELECT id FROM orders WHERE id = 1 FOR UPDATE"
    " SKIP LOCKED)",
    "SELECT pg_try_advisory_xact_lock(1)",
    "UPDATE orders SET total = 0 WHERE id = 1 AND pg_try_advisory_xact_lock(7)",
    # Functions, procedures, blocks.
    "SELECT claim(1)",
    "SELECT * FROM claim(1)",
    "CALL pay(1)",
    "CALL pay_by_another(1)",
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM attempts) THEN"
    " INSERT INTO attempts (order_id) VALUES (1); END IF; END $$",
    "DO $$ BEGIN EXECUTE 'DELETE FROM attempts'; END $$",
    # Functions that nobody calls by name.
    "INSERT INTO attempts (order_id) SELECT o.id FROM (VALUES (1)) o(id)"
    " WHERE row(o.id)::text = '' OR (SELECT p.live FROM orders p LIMIT 1) = 0",
    "UPDATE orders o SET total = o.live WHERE id = 1",
    "UPDATE orders o SET total = (o).live WHERE id = 1",
    "UPDATE orders SET total = (number::livecount).k WHERE id = 1",
    "UPDATE orders SET total = ('1'::few)::int WHERE id = 1",
    "INSERT INTO limited VALUES ('1')",
    "INSERT INTO numbered DEFAULT VALUES",
    "INSERT INTO checked VALUES (1)",
    "UPDATE orders SET total = 1 WHERE id = 1 AND 1 === 1",
    "INSERT INTO attempts (order_id) SELECT live_agg(number) FROM (VALUES ('a')) v(number)",
    "INSERT INTO watched VALUES (1)",
    # What is not simply a table.
    "UPDATE unpaid SET total = 0 WHERE id = 1",
    "INSERT INTO ruled VALUES (1)",
]


@pytest.fixture(scope="module")
def url(explore_server: PostgresServer) -> Iterator[str]:
    name = database_name("moments")
    url = explore_server.create_database(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    yield url
    explore_server.drop_database(name)


@pytest.fixture(scope="module")
def sessions(url: str) -> SqlSessions:
    return SqlSessions(url)


@pytest.mark.parametrize("sql", MOMENTS)
def test_a_single_moment(sessions: SqlSessions, sql: str) -> None:
    assert not sessions.apart("one", [Query(sql, ("1",))])


@pytest.mark.parametrize("sql", NO_MOMENTS)
def test_no_single_moment(sessions: SqlSessions, sql: str) -> None:
    assert sessions.apart("one", [Query(sql, ("1",))])


@pytest.mark.parametrize(("name", "apart"), [(TIME, False), ("psql", True)])
def test_time_passes_at_one_moment(url: str, name: str, apart: bool) -> None:
    """Nobody meets it half passed, whatever its statement is; nor does it meet others so."""
    passes = SqlSessions(url, lambda session: {"application_name": name})
    for number, sql in enumerate((*MOMENTS, *NO_MOMENTS)):
        statements, session = [Query(sql, ("1",))], f"session {number}"
        assert passes.apart(session, statements) is (apart and sql in NO_MOMENTS)
        found = passes.found(session, statements)
        passes.tracker(session).expect(statements)
        assert passes.came(f"actor {number}", session, sql, found) is (apart and sql in NO_MOMENTS)
        assert apart or not passes.could_be_apart(session, found)
    assert bool(passes.moments.overtaken) is apart


@pytest.mark.parametrize(
    "level",
    [
        "SET default_transaction_isolation = 'repeatable read'",
        "set SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ],
)
def test_with_one_snapshot_nothing_that_writes_is_a_moment(
    sessions: SqlSessions, level: str
) -> None:
    tracker = sessions.tracker(level)
    tracker.expect([Query(level)])
    tracker.done()
    assert sessions.apart(level, [Query(MOMENTS[0])])
    assert sessions.apart(level, [Query("INSERT INTO orders (id, number) VALUES (7, 'seven')")])
    assert not sessions.apart(level, [Query("SELECT count(*) FROM orders")])


def test_the_isolation_of_the_database_counts(explore_url: str) -> None:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        name = connection.info.dbname
        connection.execute(
            f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'serializable'".encode()
        )
    assert SqlSessions(explore_url).apart("one", [Query(MOMENTS[0])])


def test_the_isolation_of_the_role_that_connects_counts(explore_url: str) -> None:
    """The service connects as a role of its own, which is not the one of the URL."""
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        name, me = connection.info.dbname, connection.info.user
        careful, usual = f"{name}_careful", f"{name}_usual"
        for role in (careful, usual):
            connection.execute(f'CREATE ROLE "{role}" LOGIN'.encode())
        try:
            for sql in (
                f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'",
                f"ALTER ROLE \"{careful}\" SET default_transaction_isolation = 'serializable'",
                f'ALTER ROLE "{usual}" IN DATABASE "{name}"'
                " SET default_transaction_isolation = 'read committed'",
            ):
                connection.execute(sql.encode())
            sessions = SqlSessions(explore_url, lambda session: {"user": session})
            found = {role: sessions.tracker(role).isolation for role in (careful, usual, me, "new")}
        finally:
            for role in (careful, usual):
                connection.execute(f'DROP ROLE "{role}"'.encode())
    assert found == {
        careful: "serializable",
        usual: "read committed",
        me: "repeatable read",
        "new": "repeatable read",
    }


def test_a_statement_prepared_by_another_is_that_statement(sessions: SqlSessions) -> None:
    tracker = sessions.tracker("prepares")
    for name, sql in (("safe", MOMENTS[0]), ("racy", NO_MOMENTS[0])):
        tracker.expect([Query(f"PREPARE {name} AS {sql}")])
        tracker.done()
    assert not sessions.apart("prepares", [Query("EXECUTE safe")])
    assert sessions.apart("prepares", [Query("EXECUTE racy")])
    assert sessions.apart("prepares", [Query("EXECUTE nobody_knows")])


def test_what_commits_while_it_runs_is_held_nowhere_and_said_to_be(sessions: SqlSessions) -> None:
    for sql in ("CALL pay_and_commit(1)", "DO $$ BEGIN COMMIT; END $$"):
        assert not sessions.apart("one", [Query(sql)])
        assert _commits_inside(sessions, sql)
    assert not _commits_inside(sessions, "CALL pay(1)")


def _commits_inside(sessions: SqlSessions, sql: str) -> bool:
    return any(statement.commits for statement in sessions.found("one", [Query(sql)]))


def test_several_statements_in_one_text_are_not_made_one(sessions: SqlSessions) -> None:
    assert not sessions.apart("one", [Query(f"{NO_MOMENTS[0]}; SELECT 1")])


PLAIN = "UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid'"
BY_LOOK = "UPDATE orders SET status = 'gone' WHERE id = (SELECT 1 FROM orders WHERE id = 1)"


@pytest.mark.parametrize(
    ("first", "second", "overtaken"),
    [
        (PLAIN, BY_LOOK, True),  # it passes its look, waits, and is carried out all the same
        (PLAIN, f"BEGIN; {BY_LOOK}", True),
        (PLAIN, "SELECT id FROM orders WHERE status = 'unpaid' FOR UPDATE", True),
        (PLAIN, "SELECT id FROM orders WHERE id = 1 FOR UPDATE NOWAIT", True),
        (PLAIN, "SELECT claim(1)", True),
        ("SELECT pg_advisory_xact_lock(1)", "SELECT pg_try_advisory_xact_lock(1)", True),
        ("SELECT FROM orders WHERE id = 1 FOR SHARE", BY_LOOK, False),  # it changes nothing
        (PLAIN, PLAIN, False),
        (PLAIN, "SELECT count(*) FROM orders", False),
        (PLAIN, "SELECT * FROM orders WHERE id = 1 AND status = 'unpaid' FOR UPDATE", False),
        (PLAIN, "SELECT id FROM orders WHERE id = 2 FOR UPDATE NOWAIT", False),
        ("SELECT pg_advisory_xact_lock(1)", "SELECT pg_try_advisory_xact_lock(2)", False),
        ("INSERT INTO watched VALUES (1)", PLAIN, False),
        # It may wait for the new row first, and has looked for the other before.
        (
            f"WITH u AS ({PLAIN} RETURNING id) INSERT INTO attempts (order_id, state)"
            " SELECT id, 'paid' FROM u",
            "WITH i AS (INSERT INTO attempts (order_id, state) VALUES (1, 'paid')"
            " ON CONFLICT DO NOTHING) UPDATE orders SET total = 1 WHERE id = 1 AND status = 'paid'",
            True,
        ),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["first", "second"])
def test_whom_others_overtake(
    sessions: SqlSessions, first: str, second: str, overtaken: bool, turned: bool
) -> None:
    sessions.begin()
    came = [("a", first), ("b", second)]
    for actor, sql in reversed(came) if turned else came:
        sent = [Query(sql)]
        sessions.forget(actor)
        sessions.tracker(actor).expect(sent)
        sessions.came(actor, actor, sql, sessions.found(actor, sent))
    assert (first in sessions.moments.overtaken) is overtaken


def test_nobody_overtakes_himself(sessions: SqlSessions) -> None:
    sessions.begin()
    for sql in (PLAIN, BY_LOOK):
        sessions.tracker("a").expect([Query(sql)])
        sessions.came("a", "a", sql, sessions.found("a", [Query(sql)]))
    assert not sessions.moments.overtaken


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        (BY_LOOK, True),
        (PLAIN, False),
        ("COPY watched FROM STDIN", True),
        ("COPY attempts FROM STDIN", False),
    ],
)
def test_what_ought_to_be_held_and_was_not_is_named(
    sessions: SqlSessions, sql: str, named: bool
) -> None:
    sessions.begin()
    sessions.tracker("a").expect([Query(sql)])
    assert sessions.came("a", "a", sql, sessions.found("a", [Query(sql)])) is named


@pytest.mark.parametrize(
    ("sql", "enters"),
    [
        ("INSERT INTO attempts (order_id, state) VALUES (1, 'paid')", True),
        ("INSERT INTO attempts (order_id, state) VALUES (1, $1)", True),
        ("INSERT INTO attempts (order_id, state) VALUES (1, 'live')", False),
        ("INSERT INTO attempts (order_id) VALUES (1)", False),
        ("UPDATE attempts SET state = 'gone' WHERE id = 1", False),
        ("UPDATE attempts SET state = 'paid' WHERE id = 1", True),
        ("UPDATE attempts SET state = lower('PAID') WHERE id = 1", True),
        ("UPDATE attempts SET order_id = 2 WHERE id = 1 AND state = 'live'", False),
        ("UPDATE attempts SET order_id = 2 WHERE id = 1", True),
    ],
)
def test_a_row_that_is_not_in_a_partial_index_is_in_nobodys_way(
    sessions: SqlSessions, sql: str, enters: bool
) -> None:
    (found,) = sessions.tracker("partial").read(Query(sql, (None,)))
    assert any(lock.place[-1] == "public.one_paid" for lock in found.locks) is enters
