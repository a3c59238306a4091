"""What may come between two looks of one function: where that matters, and where it does not.

Each statement in a VOLATILE function has a snapshot of its own (manual, section 38.7).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.footprint.sql.sent import Query

DEADLINE_S = 120.0
ASK = """
    IF EXISTS (SELECT FROM paid WHERE order_id = which) THEN RETURN 'paid'; END IF;
    PERFORM pg_advisory_xact_lock_shared(77);  -- a place to be stopped at
    IF EXISTS (SELECT FROM pending WHERE order_id = which) THEN RETURN 'pending'; END IF;
"""
SCHEMA = f"""
CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL DEFAULT 'unpaid', n int DEFAULT 0);
INSERT INTO orders (id) VALUES (1), (2);
CREATE TABLE pending (order_id int PRIMARY KEY);
CREATE TABLE paid (order_id int PRIMARY KEY);
CREATE TABLE notes (id serial PRIMARY KEY, note text);

CREATE FUNCTION ask(which int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN {ASK}
    INSERT INTO pending VALUES (which); RETURN 'new'; END $$;
CREATE FUNCTION ask_stable(which int) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN {ASK}
    RETURN 'new'; END $$;
CREATE FUNCTION ask_by_another(which int) RETURNS text LANGUAGE sql AS
    $$ SELECT ask(which) FROM (VALUES (1)) v $$;
CREATE FUNCTION is_paid(which int) RETURNS bool LANGUAGE sql AS
    $$ SELECT EXISTS (SELECT FROM paid WHERE order_id = which) $$;
CREATE FUNCTION ask_once(which int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM paid p FULL JOIN pending q USING (order_id) WHERE order_id = which)
    THEN RETURN 'there'; END IF;
    INSERT INTO pending VALUES (which); RETURN 'new'; END $$;
CREATE FUNCTION poll(which int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    FOR i IN 1..2 LOOP
        IF EXISTS (SELECT FROM paid WHERE order_id = which) THEN RETURN 'paid'; END IF;
    END LOOP; RETURN 'unpaid'; END $$;
CREATE FUNCTION by_text(which int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int; BEGIN
    EXECUTE format('SELECT count(*) FROM %I', 'paid') INTO n; RETURN n; END $$;
CREATE FUNCTION by_texts(which int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int; BEGIN
    EXECUTE 'SELECT count(*) FROM paid' INTO n;
    EXECUTE 'SELECT count(*) FROM pending' INTO n; RETURN n; END $$;
CREATE FUNCTION tree(which int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM paid WHERE order_id = which) THEN RETURN tree(which + 1); END IF;
    RETURN which; END $$;
CREATE FUNCTION claim(which int) RETURNS bool LANGUAGE plpgsql AS $$ DECLARE s text; BEGIN
    SELECT status INTO s FROM orders WHERE id = which;
    IF s <> 'unpaid' THEN RETURN false; END IF;
    UPDATE orders SET status = 'paid' WHERE id = which AND status = 'unpaid';
    RETURN FOUND; END $$;
CREATE FUNCTION claim_locked(which int) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE s text; BEGIN
    SELECT status INTO s FROM orders WHERE id = which FOR UPDATE;
    IF s <> 'unpaid' THEN RETURN false; END IF;
    UPDATE orders SET status = 'paid' WHERE id = which; RETURN true; END $$;
CREATE FUNCTION claim_locked_if(which int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM orders WHERE id = which AND status = 'unpaid' FOR UPDATE;
    RETURN (SELECT n FROM orders WHERE id = which) = 0; END $$;
CREATE FUNCTION once(which int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO pending VALUES (which) ON CONFLICT DO NOTHING;
    RETURN (SELECT status FROM orders WHERE id = which); END $$;
CREATE FUNCTION get_or_make(which int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    PERFORM FROM pending WHERE order_id = which FOR UPDATE;
    IF NOT FOUND THEN INSERT INTO pending VALUES (which); END IF; END $$;
CREATE TABLE watched (order_id int PRIMARY KEY);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF ask_stable(NEW.order_id) = 'new' AND is_paid(NEW.order_id) THEN RAISE 'paid'; END IF;
    RETURN NEW; END $$;
CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch();
"""
MOVED = ["BEGIN", "DELETE FROM pending WHERE order_id = 1", "INSERT INTO paid VALUES (1)", "COMMIT"]
PAID = ["INSERT INTO paid VALUES (1)"]
STATUS = ["UPDATE orders SET status = 'sent' WHERE id = 1"]
BACK = ["UPDATE orders SET status = 'unpaid' WHERE id = 1"]
ROW = "SELECT id FROM orders WHERE id = 1 FOR UPDATE"
ADVISORY = "SELECT pg_advisory_xact_lock(5)"
RR = "BEGIN ISOLATION LEVEL REPEATABLE READ"
Sent = list[str]


@pytest.fixture(scope="module")
def url(explore_server: PostgresServer) -> Iterator[str]:
    name = database_name("gaps")
    found = explore_server.create_database(name)
    with psycopg.connect(found, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    yield found
    explore_server.drop_database(name)


@pytest.fixture(scope="module")
def sessions(url: str) -> SqlSessions:
    return SqlSessions(url)


@pytest.mark.parametrize(
    ("sent", "others", "torn"),
    [
        (["SELECT ask(1)"], MOVED, True),
        (["SELECT * FROM ask(1)"], MOVED, True),
        (["SELECT ask_by_another(1)"], MOVED, True),
        (["CALL nobody_knows(1)"], MOVED, True),
        (["BEGIN", "SELECT ask(1)", "COMMIT"], MOVED, True),
        (["DO $$ BEGIN IF is_paid(1) THEN PERFORM is_paid(1); END IF; END $$"], PAID, True),
        (["SELECT is_paid(1), is_paid(1)"], PAID, True),
        (["SELECT is_paid(id) FROM orders"], PAID, True),  # for one row after the other
        (["SELECT poll(1)"], PAID, True),
        (["SELECT tree(1)"], PAID, True),
        (["SELECT by_texts(1)"], PAID, True),
        (["INSERT INTO watched VALUES (1)"], PAID, True),
        (["SELECT claim_locked_if(1)"], BACK, True),  # it locks nothing unless it is unpaid
        (["SELECT claim(1)"], [*STATUS, *STATUS], True),  # one before it looks, both when it writes
        # One look, or several that see the same.
        (["SELECT is_paid(1)"], PAID, False),
        (["SELECT is_paid(id) FROM orders WHERE id = 1"], PAID, False),
        (["SELECT ask_once(1)"], MOVED, False),
        (["SELECT ask_stable(1)"], MOVED, False),
        (["SELECT by_text(1)"], MOVED, False),
        ([RR, "SELECT ask(1)", "COMMIT"], MOVED, False),
        # Nothing that both looks meet.
        (["SELECT ask(1)"], STATUS, False),
        (["SELECT ask(1)"], PAID, False),
        (["SELECT ask(1)"], [*MOVED[:-1], "ROLLBACK"], False),
        # What is locked as it is looked at, and what waits.
        (["SELECT claim_locked(1)"], [*STATUS, *STATUS], False),
        (["SELECT claim(1)"], STATUS, False),
        (["SELECT claim(1)"], BACK, True),
        (["SELECT claim(1)"], ["SELECT claim(1)"], False),
        (["SELECT claim_locked_if(1)"], STATUS, False),
        (["SELECT once(1)"], ["SELECT once(1)", *STATUS], False),
        (["SELECT once(1)"], ["BEGIN", *STATUS, MOVED[1], "COMMIT"], True),  # it locks no row then
        (["SELECT get_or_make(1)"], ["SELECT get_or_make(1)"], False),
        # Who holds the same lock is not there at the same time.
        (["BEGIN", ROW, "SELECT ask(1)", "COMMIT"], ["BEGIN", ROW, *MOVED[1:]], False),
        (["BEGIN", ADVISORY, "SELECT ask(1)", "COMMIT"], ["BEGIN", ADVISORY, *MOVED[1:]], False),
        (["BEGIN", ROW, "SELECT ask(1)", "COMMIT"], MOVED, True),
        (
            ["BEGIN", ROW, "SELECT ask(1)", "COMMIT"],
            ["BEGIN", ROW.replace("1", "2"), *MOVED[1:]],
            True,
        ),
    ],
)
def test_what_comes_between(sessions: SqlSessions, sent: Sent, others: Sent, torn: bool) -> None:
    assert _torn(sessions, sent, others) is torn


def test_a_row_that_is_not_there_is_locked_by_nobody(sessions: SqlSessions) -> None:
    sent, others = ["BEGIN", ROW, "SELECT ask(1)", "COMMIT"], ["BEGIN", ROW, *MOVED[1:]]
    assert _torn(sessions, sent, others, found=False)


def test_who_makes_what_another_looks_for_and_makes_is_held_before_it_is_committed(
    sessions: SqlSessions,
) -> None:
    _torn(sessions, ["SELECT get_or_make(1)"], ["INSERT INTO pending VALUES (1)"])
    assert "b INSERT INTO pending VALUES (1)" in sessions.moments.overtaken


def _torn(sessions: SqlSessions, sent: Sent, others: Sent, *, found: bool = True) -> bool:
    """Whether the first actor's function is torn, and only it is asked for."""
    sessions.begin()
    for actor, texts in (("a", sent), ("b", others)):
        sessions.forget(actor)
        for sql in texts:
            tracker = sessions.tracker(actor)
            tracker.expect([Query(sql)])
            sessions.came(actor, actor, f"{actor} {sql}", sessions.found(actor, [Query(sql)]))
            tracker.done()
            sessions.gaps.answered(actor, rows=found)
    return any(unit.startswith("a ") for unit in sessions.gaps.torn())


def test_who_looks_twice_may_see_what_nobody_sees_at_once(url: str) -> None:
    """A charge that is pending, and then paid, is neither to who looks for it in this order."""
    before, after = "INSERT INTO pending VALUES (1)", "; ".join(MOVED)
    with (
        psycopg.connect(url, autocommit=True) as eyes,
        psycopg.connect(url, autocommit=True) as asking,
    ):
        for texts in ([before], [before, after]):
            eyes.execute(b"TRUNCATE pending, paid")
            for sql in texts:
                eyes.execute(sql.encode())
            assert asking.execute("SELECT ask(1)").fetchone() != ("new",)
        eyes.execute(b"TRUNCATE pending, paid")
        eyes.execute(before.encode())
        eyes.execute("SELECT pg_advisory_lock(77)")
        answers: list[object] = []
        thread = threading.Thread(
            target=lambda: answers.append(asking.execute("SELECT ask(1)").fetchone())
        )
        thread.start()
        deadline = time.monotonic() + DEADLINE_S
        waits = "SELECT pg_blocking_pids(%s) <> '{}'"
        while eyes.execute(waits, (asking.info.backend_pid,)).fetchone() != (True,):
            assert time.monotonic() < deadline, "it has looked for the first time"
            time.sleep(0.001)
        eyes.execute(after.encode())
        eyes.execute("SELECT pg_advisory_unlock(77)")
        thread.join(DEADLINE_S)
    assert answers == [("new",)]
