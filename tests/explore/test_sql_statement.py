"""What single statements look at, lock and write."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from shop import SCHEMA
from sql_notation import short

from harness.backends.base import PostgresServer
from harness.backends.shared import database_name
from harness.explore.sql.read import read_catalog
from harness.explore.sql.statement import UNKNOWN, Footprints, StatementFootprint

MORE = """
CREATE TYPE mood AS ENUM ('fine', 'bad');
CREATE TABLE things (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), mood mood, name varchar(5),
                     price numeric(8, 2), at timestamptz DEFAULT now(), UNIQUE (mood, name));
CREATE FUNCTION anything() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'DELETE FROM log'; END $$;
CREATE FUNCTION sure(int) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT $1 $$;
"""
UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
ALL = {"{}"}


@pytest.fixture(scope="module")
def footprints(explore_server: PostgresServer) -> Iterator[Footprints]:
    name = database_name("statements")
    url = explore_server.create_database(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((SCHEMA + MORE).encode())
    yield Footprints(read_catalog(url))
    explore_server.drop_database(name)


def _of(footprints: Footprints, sql: str, *params: str | None) -> StatementFootprint:
    (found,) = footprints.of(sql, params)
    return found


LOOKS: list[tuple[str, tuple[str, ...], set[str]]] = [
    ("SELECT 1", (), set()),
    ("SELECT version(), now(), nextval('log_id_seq')", (), set()),
    ("SELECT sure(1)", (), set()),
    ("SELECT * FROM pg_type WHERE oid = 16", (), set()),
    ("TABLE orders", (), {"orders{}"}),
    ("SELECT * FROM orders WHERE id = $1", ("7",), {"orders{id=7}"}),
    ("SELECT * FROM orders WHERE $1 = id", ("07",), {"orders{id=7}"}),
    ("SELECT * FROM public.orders o WHERE o.id = $1::int", ("7",), {"orders{id=7}"}),
    ("SELECT * FROM orders WHERE id::text = $1", ("7",), {"orders{id=7}"}),
    ("SELECT * FROM orders WHERE id = 7.0", (), {"orders{id=7}"}),
    ("SELECT * FROM orders WHERE id = 7 AND total > 3", (), {"orders{id=7}"}),
    ("SELECT * FROM orders WHERE id IN (7, $1)", ("8",), {"orders{id=7}", "orders{id=8}"}),
    ("SELECT * FROM orders WHERE id = ANY($1)", ("{7,8}",), {"orders{id=7}", "orders{id=8}"}),
    ("SELECT * FROM orders WHERE id = ANY(ARRAY[7, 8])", (), {"orders{id=7}", "orders{id=8}"}),
    ("SELECT * FROM orders WHERE id = 7 OR status = 'x'", (), {"orders{id=7}", "orders{status=x}"}),
    ("SELECT * FROM orders WHERE id = 7 OR total > 3", (), {"orders{id=7}", "orders{}"}),
    ("SELECT * FROM orders WHERE NOT id = 7", (), {"orders{}"}),
    ("SELECT * FROM orders WHERE id = total", (), {"orders{}"}),
    ("SELECT * FROM orders WHERE (id, status) = (7, 'x')", (), {"orders{id=7,status=x}"}),
    ("SELECT * FROM orders WHERE customer_id IS NULL", (), {"orders{customer_id=null}"}),
    ("SELECT * FROM orders WHERE status IS NOT DISTINCT FROM 'x'", (), {"orders{status=x}"}),
    ("SELECT * FROM things WHERE id = $1", (UUID.upper(),), {f"things{{id={UUID}}}"}),
    ("SELECT * FROM things WHERE mood = 'bad'::mood", (), {"things{mood=bad}"}),
    ("SELECT * FROM things WHERE price = 1.50", (), {"things{price=1.5}"}),
    ("SELECT * FROM things WHERE at = now()", (), {"things{}"}),
    ("SELECT * FROM things WHERE at = $1", ("2024-01-01",), {"things{}"}),
    ("SELECT * FROM things WHERE name = $1::varchar(2)", ("abc",), {"things{}"}),
    (
        "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.id = 3",
        (),
        {"orders{customer_id=3}", "customers{id=3}"},
    ),
    (
        "SELECT * FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND c.id = 3",
        (),
        {"orders{}", "customers{}"},
    ),
    (
        "SELECT * FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.id = 5"
        " WHERE c.id = 3",
        (),
        {"orders{customer_id=3,id=5}", "customers{id=3}"},
    ),
    (
        "SELECT * FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.id IS NULL",
        (),
        {"orders{}", "customers{}"},
    ),
    (
        "SELECT * FROM orders JOIN payments USING (id) WHERE id = 3",
        (),
        {"orders{id=3}", "payments{id=3}"},
    ),
    (
        "SELECT (SELECT count(*) FROM payments p WHERE p.order_id = o.id) FROM orders o"
        " WHERE o.id = 4",
        (),
        {"orders{id=4}", "payments{order_id=4}"},
    ),
    (
        "WITH q AS (SELECT id FROM orders WHERE id = 4) SELECT * FROM payments p, q"
        " WHERE p.order_id = q.id",
        (),
        {"orders{id=4}", "payments{order_id=4}"},
    ),
    ("SELECT * FROM unpaid", (), {"orders{status=unpaid}"}),
    ("SELECT paid(3)", (), {"payments{}"}),
    ("SELECT id FROM parts_1", (), {"parts{}"}),
    ("COPY orders TO STDOUT", (), {"orders{}"}),
    ("EXPLAIN DELETE FROM orders", (), set()),
    ("SELECT 1 UNION SELECT id FROM orders WHERE id = 1", (), {"orders{id=1}"}),
    ("SELECT * FROM nowhere", (), ALL),
    ("SELECT * FROM pg_stat_activity", (), ALL),
    ("SELECT nothing_known(1)", (), ALL),
    ("SELECT anything()", (), ALL),
    ("this is not SQL", (), ALL),
]


@pytest.mark.parametrize(("sql", "params", "looks"), LOOKS)
def test_looks(footprints: Footprints, sql: str, params: tuple[str, ...], looks: set[str]) -> None:
    found = _of(footprints, sql, *params)
    assert short(found.looks) == looks
    if looks != ALL:
        assert not found.locks
        assert not found.writes


LOCKS: list[tuple[str, tuple[str, ...], set[str]]] = [
    ("SELECT * FROM orders WHERE id = 1 FOR UPDATE", (), {"orders{id=1}"}),
    ("SELECT * FROM orders WHERE id = 1 FOR UPDATE SKIP LOCKED", (), {"orders{id=1}"}),
    ("SELECT * FROM orders WHERE id = 1 FOR NO KEY UPDATE", (), {"orders/rest{id=1}"}),
    ("SELECT * FROM orders WHERE id = 1 FOR SHARE", (), {"~orders{id=1}"}),
    (
        "SELECT * FROM orders WHERE id = 1 AND status = 'x' FOR KEY SHARE",
        (),
        {"~orders/key{id=1}"},
    ),
    (
        "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = 1"
        " FOR UPDATE OF o",
        (),
        {"orders{id=1}"},
    ),
    ("SELECT * FROM (SELECT * FROM orders WHERE id = 1) q FOR UPDATE", (), {"orders{id=1}"}),
    ("SELECT * FROM unpaid FOR UPDATE", (), {"orders{status=unpaid}"}),
    ("UPDATE orders SET total = 1 WHERE id = $1", ("1",), {"orders/rest{id=1}"}),
    ("UPDATE customers SET credit = 1 WHERE id = 1 AND credit = 0", (), {"customers/rest{id=1}"}),
    (
        "UPDATE customers SET email = 'x' WHERE id = 1",
        (),
        {"customers{id=1}", "customers/rest/customers_email_key{email=x}"},
    ),
    (
        "UPDATE orders SET customer_id = 2 WHERE id = 1",
        (),
        {"orders/rest{id=1}", "~customers/key{id=2}"},
    ),
    (
        "INSERT INTO customers VALUES (1, 'x')",
        (),
        {
            "customers/rest/customers_pkey{id=1}",
            "customers/rest/customers_email_key{email=x}",
        },
    ),
    ("INSERT INTO customers VALUES (1, NULL)", (), {"customers/rest/customers_pkey{id=1}"}),
    (
        "INSERT INTO payments (order_id, status) VALUES (3, 'ok')",
        (),
        {"payments/rest/one_payment{order_id=3}", "~orders/key{id=3}"},
    ),
    (
        "INSERT INTO things (mood, name) SELECT 'bad', max(name) FROM things",
        (),
        {"things/rest/things_mood_name_key{mood=bad}"},
    ),
    (
        "INSERT INTO counters VALUES ('x', 1) ON CONFLICT (name) DO UPDATE SET n = excluded.n",
        (),
        {"counters/rest/counters_pkey{name=x}", "counters/rest{name=x}"},
    ),
    (
        "DELETE FROM orders WHERE id = 1",
        (),
        {"orders{id=1}", "payments{order_id=1}"},
    ),
    (
        "WITH c AS (UPDATE orders SET total = 1 WHERE id = 1 RETURNING id)"
        " INSERT INTO payments (order_id, status) SELECT id, 'ok' FROM c",
        (),
        {
            "orders/rest{id=1}",
            "~orders/key{id=1}",
            "payments/rest/one_payment{order_id=1}",
        },
    ),
    ("SELECT pg_advisory_xact_lock(5)", (), {"pg-advisory/number{key=5}"}),
    ("SELECT pg_advisory_xact_lock_shared(1, 2)", (), {"~pg-advisory/pair{key=1,second=2}"}),
    ("SELECT pg_advisory_xact_lock(hashtext('a' || $1))", ("b",), {"pg-advisory/number{key=%d}"}),
    ("SELECT pg_advisory_xact_lock(id) FROM orders", (), {"pg-advisory/number{}"}),
    ("LOCK TABLE orders IN SHARE MODE", (), {"orders{}"}),
    ("SELECT bump('x')", (), {"counters/rest{}"}),
    ("DROP TABLE orders", (), ALL),
    ("CALL nothing_known()", (), ALL),
]


@pytest.mark.parametrize(("sql", "params", "locks"), LOCKS)
def test_locks(footprints: Footprints, sql: str, params: tuple[str, ...], locks: set[str]) -> None:
    found = _of(footprints, sql, *params)
    if "hashtext" in sql:
        (key,) = {key for resource in found.locks for _, key in resource.key}
        locks = {next(iter(locks)) % int(key)}
    assert short(found.locks) == locks
    assert found.may_fail


WRITES: list[tuple[str, set[str]]] = [
    ("UPDATE orders SET total = 1 WHERE id = 1", {"orders/rest{id=1}"}),
    ("UPDATE orders SET id = 2 WHERE id = 1", {"orders{}"}),
    ("UPDATE orders SET status = 'paid' WHERE id = 1", {"orders/rest{id=1}", "log{}"}),
    ("DELETE FROM customers WHERE id = 1", {"customers{id=1}", "orders{customer_id=1}"}),
    ("INSERT INTO counters VALUES ('x', 1)", {"counters{n=1,name=x}"}),
    (
        "INSERT INTO payments (order_id, status) VALUES (3, 'ok')",
        {"payments{amount=1,order_id=3,status=ok}"},
    ),
    (
        "INSERT INTO counters VALUES ('x', 1), ('y', 1)",
        {"counters{n=1,name=x}", "counters{n=1,name=y}"},
    ),
    ("INSERT INTO parts_1 VALUES (1, 1)", {"parts{id=1,shop=1}"}),
    ("NOTIFY news", {"pg-notify{channel=news}"}),
    ("SELECT pg_notify('news', '')", {"pg-notify{channel=news}"}),
    ("TRUNCATE log", {"log{}"}),
    ("COPY log FROM STDIN", {"log{}"}),
]


@pytest.mark.parametrize(("sql", "writes"), WRITES)
def test_writes(footprints: Footprints, sql: str, writes: set[str]) -> None:
    assert short(_of(footprints, sql).writes) == writes


def test_what_cannot_be_told_is_left_out(footprints: Footprints) -> None:
    found = _of(footprints, "UPDATE orders SET total = 1 WHERE id = $1 AND status = $2", None, "x")
    assert short(found.locks) == {"orders/rest{status=x}"}
    (null,) = footprints.of("SELECT * FROM orders WHERE id = $1", [None], nulls=[0])
    assert short(null.looks) == set()
    (entry,) = footprints.of("INSERT INTO customers VALUES (1, $1)", [None], nulls=[0])
    assert short(entry.locks) == {"customers/rest/customers_pkey{id=1}"}
    (unknown,) = footprints.of("INSERT INTO customers VALUES (1, $1)", [None])
    assert "customers/rest/customers_email_key{}" in short(unknown.locks)


def test_a_new_value_is_nobody_elses_but_may_be_asked_for(footprints: Footprints) -> None:
    """A generated id collides with none, but may be known before the row is committed."""
    found = _of(footprints, "INSERT INTO things (mood, name) VALUES ('bad', 'x')")
    assert short(found.locks) == {"things/rest/things_mood_name_key{mood=bad,name=x}"}
    (row,) = found.writes
    assert "id" not in dict(row.key)
    assert row.overlaps(
        next(iter(_of(footprints, f"SELECT FROM things WHERE id = '{UUID}'").looks))
    )


def test_names_are_looked_for_in_the_search_path(footprints: Footprints) -> None:
    (found,) = footprints.of("SELECT * FROM orders", path=("elsewhere",))
    assert found.looks == UNKNOWN.looks
    (found,) = footprints.of("SELECT * FROM public.orders WHERE id = 1", path=("elsewhere",))
    assert short(found.looks) == {"orders{id=1}"}


def test_several_statements_and_none(footprints: Footprints) -> None:
    assert [found.kind for found in footprints.of("BEGIN; SELECT 1; COMMIT")] == [
        "begin",
        "select",
        "commit",
    ]
    assert footprints.of(" -- nothing\n") == ()


def test_what_was_read_once_is_quick(footprints: Footprints) -> None:
    sql = "UPDATE orders SET total = $2 WHERE id = $1 AND status = $3"
    again, afresh = [sql] * 20, [f"{sql} AND id <> {number}" for number in range(400)]
    known = min(_seconds_of(footprints, again) for _ in range(20))
    new = min(_seconds_of(footprints, afresh[n : n + 20]) for n in range(0, 400, 20))
    # Reading it takes ten times as long; the best of many rounds is what no others disturbed.
    assert known < new / 2


def _seconds_of(footprints: Footprints, statements: list[str]) -> float:
    """The mean of these."""
    begin = time.perf_counter()
    for number, sql in enumerate(statements):
        footprints.of(sql, [str(number), "0", "x"])
    return (time.perf_counter() - begin) / len(statements)
