"""Statements that need not be let go while they would only wait: which, and that it is true."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.control.tenures import Tenures
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.footprint.sql.lock_targets import Door, Doors
from paidonce.harness.explore.footprint.sql.symbols import Params
from paidonce.harness.explore.search.world import Tenure

DEADLINE_S = 120.0
SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, number text UNIQUE NOT NULL, status text, total int);
CREATE TABLE watched (id int PRIMARY KEY, n int);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE FUNCTION others(orders) RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT count(*) FROM orders o WHERE o.id <> $1.id $$;
CREATE TYPE seen AS (n bigint);
CREATE FUNCTION see(text) RETURNS seen LANGUAGE sql STABLE AS
    $$ SELECT ROW(count(*))::seen FROM orders $$;
CREATE CAST (text AS seen) WITH FUNCTION see(text);
CREATE FUNCTION public.now() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT count(*) FROM orders $$;
CREATE FUNCTION alike(int, int) RETURNS bool LANGUAGE sql STABLE AS
    $$ SELECT $1 = $2 AND EXISTS (SELECT FROM orders) $$;
CREATE OPERATOR === (FUNCTION = alike, LEFTARG = int, RIGHTARG = int);
CREATE VIEW paid AS SELECT * FROM orders WHERE status = 'paid';
"""
RESET = """
TRUNCATE orders, watched;
INSERT INTO orders VALUES (1, 'one', 'unpaid', 10), (2, 'two', 'unpaid', 20);
INSERT INTO watched VALUES (1, 0);
"""

BARE = [
    "SELECT * FROM orders WHERE id = 1 FOR UPDATE",
    "SELECT o.status FROM orders AS o WHERE o.id = 1 FOR NO KEY UPDATE OF o",
    "SELECT status FROM public.orders WHERE 1 = id FOR UPDATE",
    "UPDATE orders SET total = total + 1 WHERE id = 1 RETURNING total",
    "UPDATE orders SET status = coalesce(status, 'none') WHERE id = 1 RETURNING status",
    "SELECT pg_advisory_xact_lock(7)",
]
CONDITIONAL = [
    "SELECT id FROM orders WHERE id = 1 AND status = 'unpaid' FOR UPDATE",
    "UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid'",
    "UPDATE orders SET status = 'paid' WHERE id = 1 AND total > 5",
]
NO_DOOR = [
    "SELECT * FROM orders WHERE id = 1",
    "SELECT * FROM orders WHERE id = 1 FOR SHARE",
    "SELECT * FROM orders WHERE id = 1 FOR UPDATE NOWAIT",
    "SELECT * FROM orders WHERE id = 1 FOR UPDATE SKIP LOCKED",
    "SELECT * FROM orders WHERE id IN (1, 2) FOR UPDATE",
    "SELECT * FROM orders WHERE status = 'unpaid' FOR UPDATE",
    "SELECT * FROM orders WHERE id = 1 OR id = 2 FOR UPDATE",
    "SELECT * FROM orders, watched WHERE orders.id = 1 FOR UPDATE",
    "SELECT * FROM paid WHERE id = 1 FOR UPDATE",
    "SELECT (SELECT max(n) FROM watched) FROM orders WHERE id = 1 FOR UPDATE",
    "SELECT * FROM orders WHERE id = (SELECT min(id) FROM orders) FOR UPDATE",
    "WITH x AS (SELECT 1) SELECT * FROM orders WHERE id = 1 FOR UPDATE",
    "SELECT random() FROM orders WHERE id = 1 FOR UPDATE",
    "UPDATE orders SET id = 9 WHERE id = 1",
    "UPDATE watched SET n = 1 WHERE id = 1",
    "UPDATE orders SET total = n FROM watched WHERE orders.id = 1",
    "DELETE FROM orders WHERE id = 1",
    "INSERT INTO orders VALUES (3, 'three')",
    "SELECT pg_try_advisory_xact_lock(7)",
    "SELECT pg_advisory_xact_lock_shared(7)",
    "SELECT pg_advisory_xact_lock(id) FROM orders",
    "SELECT * FROM orders WHERE id = 1 FOR UPDATE; SELECT 1",
    "SELECT * FROM orders WHERE id = 1 FOR UPDATE LIMIT 0",
    # What looks elsewhere without a sub-select: it would be looked at before the wait.
    "SELECT o.others FROM orders o WHERE o.id = 1 FOR UPDATE",
    "SELECT (o).others FROM orders o WHERE o.id = 1 FOR UPDATE",
    "SELECT number::seen FROM orders WHERE id = 1 FOR UPDATE",
    "SELECT public.now() FROM orders WHERE id = 1 FOR UPDATE",
    "UPDATE orders SET total = 1 WHERE id = 1 RETURNING total === 1",
    "not SQL at all",
]
HOLDERS = {
    "changes the row": ("UPDATE orders SET status = 'paid', total = 99 WHERE id = 1", "COMMIT"),
    "takes it back": ("UPDATE orders SET status = 'paid', total = 99 WHERE id = 1", "ROLLBACK"),
    "removes the row": ("DELETE FROM orders WHERE id = 1", "COMMIT"),
    "only locks it": ("SELECT 1", "COMMIT"),
}


@pytest.fixture(scope="module")
def url(explore_server: PostgresServer) -> Iterator[str]:
    name = database_name("deferring")
    found = explore_server.create_database(name)
    with psycopg.connect(found, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    yield found
    explore_server.drop_database(name)


@pytest.fixture(scope="module")
def doors(url: str) -> Doors:
    return Doors(read_catalog(url))


def door(doors: Doors, sql: str, *params: str) -> Door | None:
    return doors.of(sql, Params(params), ("public",))


@pytest.mark.parametrize("sql", BARE)
def test_what_depends_on_nothing_but_the_one_thing_is_bare(doors: Doors, sql: str) -> None:
    found = door(doors, sql)
    assert found is not None
    assert found.bare


@pytest.mark.parametrize("sql", CONDITIONAL)
def test_a_condition_beside_the_key_is_looked_at_before_the_wait(doors: Doors, sql: str) -> None:
    found = door(doors, sql)
    assert found is not None
    assert not found.bare


@pytest.mark.parametrize("sql", NO_DOOR)
def test_where_anything_is_in_doubt_there_is_no_door(doors: Doors, sql: str) -> None:
    assert door(doors, sql) is None


def test_parameters_name_the_row(doors: Doors) -> None:
    sql = "SELECT * FROM orders WHERE id = $1 FOR UPDATE"
    assert door(doors, sql, "1") == door(doors, BARE[0]) == door(doors, sql, "01")
    assert door(doors, sql, "2") != door(doors, sql, "1")
    assert doors.of(sql, Params([None]), ("public",)) is None


def test_another_unique_index_is_another_door(doors: Doors) -> None:
    by_number = door(doors, "SELECT * FROM orders WHERE number = 'one' FOR UPDATE")
    by_id = door(doors, BARE[0])
    assert by_number is not None
    assert by_id is not None
    assert by_number.thing != by_id.thing


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("sql", BARE)
def test_who_waits_comes_to_what_it_comes_to_later(url: str, sql: str, holder: str) -> None:
    change, end = HOLDERS[holder]
    assert _played(url, sql, change, end, wait=True) == _played(url, sql, change, end, wait=False)


@pytest.mark.parametrize("sql", CONDITIONAL[:2])
def test_a_condition_makes_the_difference(url: str, sql: str) -> None:
    """Why such statements are not deferred: this one does not wait, and would find a row later."""
    change = "UPDATE orders SET status = 'unpaid' WHERE id = 1"
    with psycopg.connect(url, autocommit=True) as connection:
        _reset(connection)
        connection.execute("UPDATE orders SET status = 'paid' WHERE id = 1")
        with psycopg.connect(url) as other:
            other.execute("SELECT FROM orders WHERE id = 1 FOR UPDATE")
            other.execute(change.encode())
            before = connection.execute(sql.encode()).rowcount
        after = connection.execute(sql.encode()).rowcount
    assert (before, after) == (0, 1)


def test_a_row_that_was_replaced_makes_the_difference(url: str) -> None:
    """Why a holder who may put a new row in the place of the old one ends all deferring."""
    change = "DELETE FROM orders WHERE id = 1; INSERT INTO orders VALUES (1, 'one', 'new', 1)"
    waited = _played(url, BARE[0], change, "COMMIT", wait=True)
    later = _played(url, BARE[0], change, "COMMIT", wait=False)
    assert waited[0] == []
    assert later[0] == [(1, "one", "new", 1)]


def test_tenures_are_of_others_and_end_with_the_transaction() -> None:
    tenures = Tenures()
    tenures.acquired("row", "a", 2, by="session 1")
    tenures.acquired("row", "a", 3, by="session 1")
    assert tenures.held("row", but="b")
    assert not tenures.held("row", but="a")
    assert not tenures.held("another row", but="b")
    assert tenures.past("row", but="b") == ()
    tenures.released("session 2", 4)
    assert tenures.held("row", but="b")
    tenures.released("session 1", 5)
    assert not tenures.held("row", but="b")
    assert tenures.past("row", but="b") == (Tenure("a", 2, 5),)
    assert tenures.past("row", but="a") == ()


def _reset(connection: psycopg.Connection) -> None:
    connection.execute(RESET.encode())


def _played(url: str, sql: str, change: str, end: str, *, wait: bool) -> tuple[object, object]:
    """What the statement answers, and the rows in the end."""
    with psycopg.connect(url, autocommit=True) as eyes:
        _reset(eyes)
        holder = psycopg.connect(url, autocommit=True)
        late = psycopg.connect(url, autocommit=True)
        answer: list[object] = []

        def ask() -> None:
            cursor = late.execute(sql.encode())
            answer.append(cursor.fetchall() if cursor.description else cursor.rowcount)

        with holder, late:
            holder.execute("BEGIN")
            holder.execute("SELECT FROM orders WHERE id = 1 FOR UPDATE")
            holder.execute("SELECT pg_advisory_xact_lock(7)")
            thread = threading.Thread(target=ask)
            if wait:
                thread.start()
                _until_it_waits(eyes, late.info.backend_pid)
            holder.execute(change.encode())
            holder.execute(end.encode())
            if not wait:
                thread.start()
            thread.join(DEADLINE_S)
            assert answer, "the statement was answered"
        return answer[0], eyes.execute("SELECT * FROM orders ORDER BY id").fetchall()


def _until_it_waits(eyes: psycopg.Connection, pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while eyes.execute("SELECT pg_blocking_pids(%s) <> '{}'", (pid,)).fetchone() != (True,):
        assert time.monotonic() < deadline, "the statement waits for the holder"
        time.sleep(0.002)
