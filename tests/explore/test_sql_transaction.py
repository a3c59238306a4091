"""What the units of a session touch, given those before them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from shop import RESET, SCHEMA
from sql_notation import short

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.shared import database_name
from paidonce.harness.explore.footprint.model import EVERYTHING, LOCAL, Footprint
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.footprint.sql.changed_columns import ChangedColumns
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.observed_locks import QUERY, unpredicted
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker

ELSEWHERE = """
CREATE FUNCTION go_elsewhere() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN SET search_path = elsewhere; END $$;
CREATE FUNCTION go_elsewhere_by_a_string() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'SET search_path = elsewhere'; END $$;
CREATE PROCEDURE go_elsewhere_in_a_procedure() LANGUAGE plpgsql AS
    $$ BEGIN SET search_path = elsewhere; END $$;
"""
LOCK = "SELECT * FROM orders WHERE id = 1 FOR UPDATE"
WRITE = "UPDATE orders SET total = 1 WHERE id = 2"
READ = "SELECT * FROM orders WHERE id = 3"
ROW_1, ROW_2, ROW_3 = "orders{id=1}", "orders/rest{id=2}", "orders{id=3}"


@pytest.fixture(scope="module")
def url(explore_server: PostgresServer) -> Iterator[str]:
    name = database_name("transactions")
    found = explore_server.create_database(name)
    with psycopg.connect(found, autocommit=True) as connection:
        connection.execute((SCHEMA + ELSEWHERE + RESET).encode())
    yield found
    explore_server.drop_database(name)


@pytest.fixture(scope="module")
def footprints(url: str) -> Footprints:
    return Footprints(read_catalog(url))


@pytest.fixture
def session(footprints: Footprints) -> TransactionTracker:
    return TransactionTracker(footprints)


def _run(session: TransactionTracker, *units: str) -> Footprint:
    """Run units; what the last touched."""
    touched = LOCAL
    for unit in units:
        session.expect([Query(unit)])
        touched = session.done()
    return touched


def test_alone_a_statement_does_all_at_once(session: TransactionTracker) -> None:
    touched = _run(session, WRITE)
    assert short(touched.locks) == short(touched.publishes) == {ROW_2}
    assert not session.inside
    assert not session.holds_locks


def test_commit_publishes_what_was_written_and_lets_go(session: TransactionTracker) -> None:
    assert _run(session, "BEGIN").empty
    locked = _run(session, LOCK)
    assert (short(locked.locks), locked.publishes) == ({ROW_1}, frozenset())
    written = _run(session, WRITE)
    assert short(written.locks) == {ROW_1, ROW_2}, "it may fail, and let go of the first"
    assert not written.publishes
    assert _run(session, READ) == Footprint(looks=session.expect([Query(READ)]).looks)
    committed = _run(session, "COMMIT")
    assert short(committed.locks) == {ROW_1, ROW_2}
    assert short(committed.publishes) == {ROW_2}
    assert not session.inside


def test_rollback_only_lets_go(session: TransactionTracker) -> None:
    ended = _run(session, "BEGIN", WRITE, "ROLLBACK")
    assert short(ended.locks) == {ROW_2}
    assert not ended.publishes


@pytest.mark.parametrize("unit", ["COMMIT", "ROLLBACK", "END"])
def test_the_end_of_a_transaction_that_only_looked_is_local(
    session: TransactionTracker, unit: str
) -> None:
    assert _run(session, "BEGIN", READ, unit).empty


@pytest.mark.parametrize(
    "unit",
    [
        "BEGIN",
        "SET lock_timeout = 5",
        "SHOW server_version",
        "SELECT 1",
        "SELECT version()",
        "DISCARD ALL",
        "DEALLOCATE ALL",
        "-- ping",
        "",
        "SELECT set_config('app.user', '1', false)",
    ],
)
def test_units_that_are_local(session: TransactionTracker, unit: str) -> None:
    assert session.expect([Query(unit)] if unit else []).empty


def test_a_statement_that_is_not_known_may_do_anything(session: TransactionTracker) -> None:
    assert session.expect([Query("")]) == EVERYTHING


def test_asking_changes_nothing(session: TransactionTracker) -> None:
    session.expect([Query("BEGIN")])
    assert session.expect([Query(WRITE)]).publishes
    assert not session.inside


def test_a_failure_lets_go_at_once(session: TransactionTracker) -> None:
    _run(session, "BEGIN", LOCK)
    session.expect([Query(WRITE)])
    assert short(session.done(failed=True, status="E").locks) == {ROW_1, ROW_2}
    assert _run(session, READ).empty, "it is refused"
    assert _run(session, "ROLLBACK").empty
    assert not session.inside


def test_savepoints(session: TransactionTracker) -> None:
    _run(session, "BEGIN", LOCK, "SAVEPOINT s")
    back = _run(session, WRITE, "ROLLBACK TO s")
    assert short(back.locks) == {ROW_2}
    ended = _run(session, "COMMIT")
    assert short(ended.locks) == {ROW_1}
    assert not ended.publishes


def test_what_was_locked_before_a_savepoint_outlives_a_failure(
    session: TransactionTracker,
) -> None:
    _run(session, "BEGIN", WRITE, "SAVEPOINT s")
    session.expect([Query(LOCK)])
    session.done(failed=True, status="E")
    assert _run(session, READ).empty
    _run(session, "ROLLBACK TO s")
    assert short(_run(session, "COMMIT").publishes) == {ROW_2}


def test_one_unit_with_several_statements(session: TransactionTracker) -> None:
    session.expect([Query(f"{WRITE}; {READ}")])
    touched = session.done(status="I")
    assert short(touched.publishes) == {ROW_2}
    assert short(touched.looks) >= {ROW_3}
    session.expect([Query(f"BEGIN; {WRITE}")])
    assert not session.done(status="T").publishes
    assert short(_run(session, "COMMIT").publishes) == {ROW_2}


def test_a_flush_publishes_nothing_until_the_sync(session: TransactionTracker) -> None:
    assert not session.expect([Query(WRITE)], ends=False).publishes
    session.done()
    assert short(session.expect([]).publishes) == {ROW_2}
    session.done(status="I")
    assert not session.holds_locks


CLAIM = "UPDATE orders SET total = 1 WHERE id = 2 AND total = 9"


def _run_in_vain(session: TransactionTracker, unit: str, *, waited: bool = False) -> Footprint:
    session.expect([Query(unit)])
    return session.done(waited=waited, found=False)


@pytest.mark.parametrize("sql", [CLAIM, "DELETE FROM payments WHERE id = 2 AND amount = 9"])
def test_who_found_no_row_and_did_not_wait_holds_none(
    session: TransactionTracker, footprints: Footprints, sql: str
):
    table = "orders" if sql == CLAIM else "payments"
    _run(session, "BEGIN")
    assert short(_run_in_vain(session, sql).locks), "whoever holds it would be waited for"
    ended = session.expect([Query("COMMIT")])
    assert not ended.publishes
    assert not short(ended.locks)
    locking = TransactionTracker(footprints).expect([Query(f"LOCK TABLE {table}")])
    assert ended.conflicts(locking), "the table is locked until then"
    assert not ended.conflicts(_run(TransactionTracker(footprints), WRITE))


def test_who_found_no_row_holds_what_it_held_before(session: TransactionTracker):
    _run(session, "BEGIN", LOCK, "UPDATE orders SET total = 2 WHERE id = 3")
    _run_in_vain(session, CLAIM)
    ended = session.expect([Query("COMMIT")])
    assert short(ended.publishes) == {"orders/rest{id=3}"}
    assert short(ended.locks) >= {"orders{id=1}", "orders/rest{id=3}"}
    assert "orders/rest{id=2}" not in short(ended.locks)


def test_who_found_no_row_publishes_nothing_outside_a_transaction(session: TransactionTracker):
    assert short(_run(session, CLAIM).publishes)
    assert not _run_in_vain(session, CLAIM).publishes
    assert short(_run_in_vain(session, CLAIM, waited=True).publishes)


@pytest.mark.parametrize(
    ("begin", "sql", "waited"),
    [
        ("BEGIN", CLAIM, True),  # it keeps the row that it waited for
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", CLAIM, False),
        ("BEGIN", f"{CLAIM} AND id IN (SELECT id FROM orders FOR UPDATE)", False),
        ("BEGIN", f"WITH c AS ({CLAIM} RETURNING id) DELETE FROM orders USING c", False),
        ("BEGIN", "SELECT * FROM orders WHERE id = 2 FOR UPDATE OFFSET 1", False),
        ("BEGIN", "DELETE FROM orders WHERE id = 2", False),  # others may refer to it
    ],
)
def test_who_found_no_row_may_hold_some_all_the_same(
    session: TransactionTracker, footprints: Footprints, begin: str, sql: str, waited: bool
):
    _run(session, begin)
    _run_in_vain(session, sql, waited=waited)
    written = _run(TransactionTracker(footprints), WRITE)
    assert session.expect([Query("COMMIT")]).conflicts(written)


def test_the_server_locks_no_row_that_does_not_fit_and_keeps_one_that_was_waited_for(url: str):
    with contextlib.ExitStack() as exits:
        first, second, third = (
            exits.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(3)
        )
        pids = [one.info.backend_pid for one in (first, second)]
        first.execute("INSERT INTO orders (id, total) VALUES (77, 5)")
        in_vain = "UPDATE orders SET total = 6 WHERE id = 77 AND total = 9"
        look = "SELECT 1 FROM orders WHERE id = 77 FOR UPDATE NOWAIT"
        second.execute("BEGIN")
        assert second.execute(in_vain).rowcount == 0
        assert third.execute(look).fetchone() is not None
        second.execute("ROLLBACK")
        first.execute("UPDATE orders SET total = 9 WHERE id = 77")
        first.execute("BEGIN")
        first.execute("UPDATE orders SET total = 5 WHERE id = 77")
        second.execute("BEGIN")
        waiting = exits.enter_context(ThreadPoolExecutor(1)).submit(second.execute, in_vain)
        blocked = "SELECT %s = ANY (pg_blocking_pids(%s))"
        while not third.execute(blocked, pids).fetchone()[0]:  # type: ignore[index]
            assert not waiting.done()
        first.execute("COMMIT")
        assert waiting.result(60).rowcount == 0
        with pytest.raises(psycopg.errors.LockNotAvailable):
            third.execute(look)
        second.execute("ROLLBACK")
        first.execute("DELETE FROM orders WHERE id = 77")


@pytest.mark.parametrize(
    "begin",
    [
        ["BEGIN ISOLATION LEVEL REPEATABLE READ"],
        ["BEGIN", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"],
        ["SET default_transaction_isolation = 'repeatable read'", "BEGIN"],
        ["SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ", "BEGIN"],
        ["BEGIN; SET transaction_isolation = 'repeatable read'"],
    ],
)
def test_the_first_statement_of_one_snapshot_looks_everywhere(
    session: TransactionTracker, begin: list[str]
) -> None:
    _run(session, *begin)
    assert "pg{}" in short(_run(session, "SELECT 1").looks)
    assert short(_run(session, READ).looks) == {ROW_3}


def test_at_serializable_looking_locks(session: TransactionTracker) -> None:
    _run(session, "BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT 1")
    assert short(_run(session, READ).locks) >= {
        "~pg-looked-at/public.orders{}",
        "~pg-serializable{}",
    }
    assert "pg-serializable{}" in short(_run(session, "COMMIT").locks)
    assert short(_run(session, READ).locks) == set(), "the next is not"


def test_a_default_isolation_of_the_connection(footprints: Footprints) -> None:
    session = TransactionTracker(footprints, isolation="SERIALIZABLE")
    assert "pg{}" in short(_run(session, "BEGIN", READ).looks)


def test_advisory_locks_of_the_session_outlive_the_transaction(
    session: TransactionTracker,
) -> None:
    key = "pg-advisory/number{key=1}"
    assert short(_run(session, "BEGIN", "SELECT pg_advisory_lock(1)").locks) == {key}
    assert _run(session, "COMMIT").empty
    assert session.holds_locks
    assert short(_run(session, "DISCARD ALL").locks) == {key}
    _run(session, "SELECT pg_advisory_lock(1)")
    assert short(session.closed().locks) == {key}


def test_letting_go_of_all_advisory_locks_lets_go_of_ones_own(session: TransactionTracker) -> None:
    reset = "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL"
    assert _run(session, reset).empty
    _run(session, "SELECT pg_advisory_lock(1)")
    assert short(_run(session, reset).locks) == {"pg-advisory/number{key=1}"}
    assert not session.holds_locks
    assert _run(session, reset).empty
    _run(session, "LISTEN orders")
    assert short(_run(session, reset).publishes) == {"pg-notify{}"}


def test_the_search_path_of_the_session(session: TransactionTracker) -> None:
    _run(session, "BEGIN", "SET search_path TO elsewhere")
    assert session.expect([Query(READ)]).looks == EVERYTHING.looks
    _run(session, "ROLLBACK")
    assert short(session.expect([Query(READ)]).looks) == {ROW_3}
    _run(session, "BEGIN", "SET LOCAL search_path TO elsewhere", "COMMIT")
    assert short(session.expect([Query(READ)]).looks) == {ROW_3}
    _run(session, "SET search_path = public, elsewhere")
    assert short(session.expect([Query(READ)]).looks) == {ROW_3}


@pytest.mark.parametrize(
    "hides",
    [
        "SELECT set_config('search_path', 'elsewhere', false)",
        "SELECT set_config($1, 'elsewhere', false)",
        "SELECT go_elsewhere()",
        "SELECT go_elsewhere_by_a_string()",
        "CALL go_elsewhere_in_a_procedure()",
        "DO 'BEGIN SET search_path = elsewhere; END'",
    ],
)
def test_where_the_path_was_changed_unseen_names_may_mean_anything(
    session: TransactionTracker, hides: str
) -> None:
    assert _run(session, hides, READ).looks == EVERYTHING.looks
    assert session.path is None
    assert short(_run(session, "SET search_path = public", READ).looks) == {ROW_3}


def test_a_path_that_was_changed_unseen_ends_with_its_transaction(
    session: TransactionTracker,
) -> None:
    local = "SELECT set_config('search_path', 'elsewhere', true)"
    assert _run(session, "BEGIN", local, READ).looks == EVERYTHING.looks
    assert short(_run(session, "COMMIT", READ).looks) == {ROW_3}
    lasting = "SELECT set_config('search_path', 'elsewhere', false)"
    assert short(_run(session, "BEGIN", lasting, "ROLLBACK", READ).looks) == {ROW_3}


def test_settings_that_mean_nothing_to_statements_change_nothing(
    session: TransactionTracker,
) -> None:
    for name in ("statement_timeout", "role", "request.jwt.claims"):
        assert _run(session, f"SELECT set_config('{name}', 'x', true)") == LOCAL
    assert session.path == ("public",)


@pytest.mark.parametrize(
    "units",
    [
        ("BEGIN", "SET LOCAL default_transaction_isolation = 'read committed'", "COMMIT"),
        ("BEGIN", "SET default_transaction_isolation = 'read committed'", "ROLLBACK"),
        (
            "BEGIN",
            "SAVEPOINT s",
            "SET default_transaction_isolation = 'read committed'",
            "ROLLBACK TO s",
            "COMMIT",
        ),
    ],
)
def test_what_was_set_in_a_transaction_may_end_with_it(
    session: TransactionTracker, units: tuple[str, ...]
) -> None:
    _run(session, "SET default_transaction_isolation = 'repeatable read'", *units)
    assert session.isolation == "repeatable read"


def test_each_statement_of_a_text_is_read_with_the_path_left_by_those_before(
    session: TransactionTracker,
) -> None:
    touched = _run(session, f"SET search_path = elsewhere; {READ}")
    assert touched.looks == EVERYTHING.looks
    assert short(_run(session, f"SET search_path = public; {READ}").looks) == {ROW_3}


def test_a_savepoint_remembers_the_path(session: TransactionTracker) -> None:
    _run(session, "BEGIN", "SAVEPOINT s", "SET search_path = elsewhere", "ROLLBACK TO s", "COMMIT")
    assert session.path == ("public",)


def test_who_asks_a_sequence_how_far_it_is_sees_what_others_took(
    session: TransactionTracker,
) -> None:
    took = _run(session, "SELECT nextval('log_id_seq')")
    assert took.conflicts(_run(session, "SELECT last_value FROM log_id_seq"))
    assert not took.conflicts(took)


def test_prepared_statements_and_cursors_in_sql(session: TransactionTracker) -> None:
    _run(session, "PREPARE q (int) AS UPDATE orders SET total = 1 WHERE id = $1")
    assert short(session.expect([Query("EXECUTE q(2)")]).publishes) == {ROW_2}
    _run(session, "BEGIN", f"DECLARE c CURSOR FOR {LOCK}")
    assert short(session.expect([Query("FETCH 1 FROM c")]).locks) == {ROW_1}
    assert session.expect([Query("EXECUTE unheard_of(2)")]).publishes == EVERYTHING.publishes


def test_a_table_being_emptied_keeps_readers_out(session: TransactionTracker) -> None:
    assert short(_run(session, "BEGIN", "TRUNCATE log").publishes) == {"log{}"}
    assert short(_run(session, "COMMIT").publishes) == {"log{}"}


def test_columns_that_somebody_changes_do_not_tell_locked_rows_apart(
    footprints: Footprints,
) -> None:
    changed = ChangedColumns()
    one, other = (TransactionTracker(footprints, changed=changed) for _ in range(2))
    lock = "SELECT * FROM orders WHERE id = 1 AND status = 'unpaid' FOR UPDATE"
    assert short(one.expect([Query(lock)]).locks) == {"orders{id=1,status=unpaid}"}
    _run(other, "BEGIN", "UPDATE orders SET status = 'paid' WHERE id = 1")
    assert short(one.expected.locks) == {ROW_1}
    _run(one, "BEGIN", lock)
    assert short(_run(one, "COMMIT").locks) == {ROW_1}


def test_a_transaction_begun_unseen_may_have_done_anything(session: TransactionTracker) -> None:
    session.expect([Query("SELECT 1")])
    session.done(status="T")
    assert _run(session, "COMMIT") == Footprint(locks=EVERYTHING.locks, publishes=EVERYTHING.locks)


def test_tables_the_text_did_not_show(url: str, footprints: Footprints) -> None:
    """The trigger that writes a log is known from the locks on the table, whatever is parsed."""
    catalog = footprints.catalog
    session = TransactionTracker(footprints)
    _run(session, "BEGIN", WRITE)
    with psycopg.connect(url) as connection, psycopg.connect(url) as watch:
        connection.execute(WRITE)
        connection.execute("INSERT INTO log (what) VALUES ('')")
        connection.execute("SELECT FROM counters FOR KEY SHARE")
        connection.execute("SELECT FROM parts_2")
        asked = watch.execute(QUERY.encode(), ([connection.info.backend_pid],)).fetchall()
    locks = [(str(name), str(mode)) for _, name, mode in asked]
    extra = unpredicted(locks, session.touched, catalog)
    assert short(extra.looks) == {"log{}", "counters{}", "parts{}"}
    assert short(extra.locks) == {"log{}", "counters{}"}
    assert short(extra.publishes) == {"log{}"}
    session.observed(extra)
    assert short(_run(session, "COMMIT").publishes) == {ROW_2, "log{}"}
    assert unpredicted(locks, EVERYTHING, catalog).empty


# --- statements that are only parsed --------------------------------------------------------------


def _parse(session: TransactionTracker, text: str, *, ends: bool = True) -> Footprint:
    session.expect([], prepared=[Query(text)], ends=ends)
    return session.done()


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("text", [READ, WRITE, "DECLARE c CURSOR FOR SELECT 1"])
def test_parsing_takes_the_snapshot(session: TransactionTracker, level: str, text: str) -> None:
    _run(session, f"BEGIN ISOLATION LEVEL {level}")
    assert _parse(session, "SET lock_timeout = 5") == LOCAL
    assert short(_parse(session, text).looks) == {"pg{}"}
    assert _parse(session, text) == LOCAL
    assert "pg{}" not in short(_run(session, READ).looks)
    _run(session, "COMMIT", f"BEGIN ISOLATION LEVEL {level}")
    assert "pg{}" in short(_run(session, READ).looks)


def test_parsing_takes_none_where_each_statement_has_its_own(session: TransactionTracker) -> None:
    assert _parse(session, READ) == LOCAL
    _run(session, "BEGIN")
    assert _parse(session, READ) == LOCAL
    _run(session, "COMMIT", "SET default_transaction_isolation = 'repeatable read'")
    assert _parse(session, READ) == LOCAL  # its Sync ends the transaction
    assert short(_parse(session, READ, ends=False).looks) == {"pg{}"}
    session.expect([Query(READ)])
    session.done(status="I")
    assert not session.inside


def test_preparing_in_sql_takes_the_snapshot(session: TransactionTracker) -> None:
    _run(session, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert short(_run(session, f"PREPARE p AS {READ}").looks) == {"pg{}"}


@pytest.mark.parametrize(("level", "sees"), [("READ COMMITTED", 2), ("REPEATABLE READ", 1)])
def test_the_server_takes_the_snapshot_when_it_parses(url: str, level: str, sees: int) -> None:
    with (
        psycopg.connect(url, autocommit=True) as one,
        psycopg.connect(url, autocommit=True) as other,
    ):
        one.execute("CREATE TABLE parsed (x integer)")
        one.execute("INSERT INTO parsed VALUES (1)")
        one.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        one.pgconn.prepare(b"look", b"SELECT x FROM parsed")
        other.execute("UPDATE parsed SET x = 2")
        assert one.pgconn.exec_prepared(b"look", []).get_value(0, 0) == str(sees).encode()
        one.execute("COMMIT")
        one.execute("DROP TABLE parsed")


@pytest.mark.parametrize(
    ("held", "next_", "may"),
    [
        (LOCK, "UPDATE orders SET total = 1 WHERE id = 1", False),
        (LOCK, WRITE, True),
        (READ, WRITE, False),
    ],
    ids=["the row it has", "another row", "nothing held"],
)
def test_who_needs_no_other_lock_is_in_no_deadlock(
    session: TransactionTracker, held: str, next_: str, may: bool
) -> None:
    _run(session, "BEGIN", held)
    session.expect([Query(next_)])
    assert session.may_deadlock is may
