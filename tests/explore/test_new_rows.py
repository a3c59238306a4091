"""Rows that attempts make, rows that were there before, and locks that are held already."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import psycopg
import pytest

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, database_name
from paidonce.harness.explore.control.new_rows import NewRows, tables_of
from paidonce.harness.explore.control.row_facts import RowFacts
from paidonce.harness.explore.footprint.model import MADE, Footprint, Resource
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.lock_targets import Doors
from paidonce.harness.explore.footprint.sql.row_order import is_of_a_set
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.serials import serial_columns, serials_of
from paidonce.harness.explore.footprint.sql.symbols import Params
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker
from paidonce.harness.explore.naming.names import Names

SCHEMA = """
CREATE TABLE orders (id serial PRIMARY KEY, code text UNIQUE, status text);
CREATE TABLE lines (id serial PRIMARY KEY, order_id int REFERENCES orders, price int);
CREATE TABLE audit (id serial PRIMARY KEY, what text);
CREATE TABLE plain (id int PRIMARY KEY, what text);
CREATE TABLE tokens (token text PRIMARY KEY, code text UNIQUE);
INSERT INTO orders (code) VALUES ('a'), ('b');
INSERT INTO lines (order_id) VALUES (1), (2);
"""
PATH = ("public",)


@pytest.fixture(scope="module")
def url():
    server, name = os.environ[POSTGRES_VARIABLE], database_name("rows")
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    made = f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(made, autocommit=True) as db:
        db.execute(SCHEMA)
    yield made
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def catalog(url):
    return read_catalog(url)


@pytest.fixture
def footprints(catalog):
    return Footprints(catalog, tells_new_rows=True)


def by_itself(footprints, sql, *params):
    """The footprint of a statement that commits by itself."""
    tracker = TransactionTracker(footprints)
    return tracker.expect([Query(sql, params)])


def named(footprints, names, actor, sql, *params):
    return names.footprint(actor, by_itself(footprints, sql, *params))


INSERT = "INSERT INTO audit (what) VALUES ('paid')"


def test_rows_under_keys_from_a_sequence_are_two_whoever_is_first(footprints, catalog):
    names = Names({}, serial_columns(catalog), apart=lambda table: True)
    one, other = (named(footprints, names, actor, INSERT) for actor in ("tab 1", "tab 2"))
    assert not one.conflicts(other)
    look = named(footprints, names, "tab 2", "SELECT * FROM audit")
    assert look.conflicts(one)
    ordered = Names({}, serial_columns(catalog), apart=lambda table: table != "public.audit")
    one, other = (named(footprints, ordered, actor, INSERT) for actor in ("tab 1", "tab 2"))
    assert one.conflicts(other)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO plain (id, what) VALUES (1, 'paid')",
        "INSERT INTO audit (id, what) VALUES (7, 'paid')",
    ],
)
def test_a_row_under_a_key_that_somebody_chose_is_any_row(footprints, catalog, sql):
    names = Names({}, serial_columns(catalog), apart=lambda table: True)
    one, other = (named(footprints, names, actor, sql) for actor in ("tab 1", "tab 2"))
    assert one.conflicts(other)


def test_who_has_made_a_row_is_known_by_its_number(footprints, catalog):
    names = Names({}, serial_columns(catalog), apart=lambda table: True)
    names.inserted("tab 1", INSERT, ("id",), ("41",))
    change = named(footprints, names, "tab 1", "UPDATE audit SET what = 'x' WHERE id = 41")
    assert not change.conflicts(named(footprints, names, "tab 2", INSERT))
    assert change.conflicts(named(footprints, names, "tab 1", INSERT))


def test_others_are_told_nothing_of_makers(catalog):
    (found,) = Footprints(catalog).of(INSERT)
    assert all(MADE not in dict(row.key) for row in found.writes)


# --- who looks through a table


def test_a_table_that_is_looked_through_grows_in_an_order(footprints, catalog):
    rows = NewRows(catalog, everything=False)
    assert rows.apart("public.audit")
    rows.sees(by_itself(footprints, INSERT))
    rows.sees(by_itself(footprints, "SELECT * FROM audit WHERE id = 3"))
    rows.sees(by_itself(footprints, "SELECT * FROM orders WHERE status = 'paid'"))
    assert not rows.in_order
    rows.sees(by_itself(footprints, "SELECT * FROM audit WHERE what = 'paid'"))
    assert rows.in_order == {"public.audit"}
    known = NewRows(catalog, ("public.audit",), everything=False)
    assert not known.apart("public.audit")
    assert not NewRows(catalog).apart("public.audit")


def test_a_snapshot_of_everything_looks_through_all_tables(footprints, catalog):
    rows = NewRows(catalog, everything=False)
    rows.sees(by_itself(footprints, INSERT))
    rows.sees(Footprint(looks=frozenset({Resource(("pg",))})))
    assert rows.in_order == {"public.audit"}
    assert "public.orders" in tables_of([Resource(())], catalog)


@pytest.mark.parametrize(
    ("sql", "of_a_set"),
    [
        ("SELECT count(*) FROM audit WHERE what = 'paid'", True),
        ("SELECT coalesce(sum(price), 0) FROM lines WHERE order_id = NULL", True),
        ("SELECT max(id) - min(id) FROM lines", True),
        ("SELECT price FROM lines ORDER BY id DESC LIMIT 1", False),
        ("SELECT (SELECT price FROM lines ORDER BY id LIMIT 1)", False),
        ("SELECT string_agg(what, ',') FROM audit", False),
        ("SELECT sum(price ORDER BY id) FROM lines", False),
        ("SELECT count(*) FROM (SELECT * FROM lines LIMIT 3) x", False),
        ("SELECT count(*) FROM lines GROUP BY order_id", False),
        ("SELECT price FROM lines WHERE id = NULL", False),
        ("not SQL", False),
    ],
)
def test_some_queries_come_to_the_same_in_any_order(sql, of_a_set):
    assert is_of_a_set(sql) is of_a_set


# --- what is known of rows that were there


def facts_of(url, catalog, changing=(), known=(), after=""):
    """The facts of rows after that SQL; the rows before it are those that were always there."""
    serials = serials_of(catalog, url)

    async def read():
        found = RowFacts(catalog, changing)
        async with await psycopg.AsyncConnection.connect(url) as db:
            if after:
                await db.execute(after)
            await found.read(db, serials, known)
            await db.rollback()
        return found

    return asyncio.run(read())


def test_statements_of_executions_long_over_are_not_kept(catalog):
    """Each has values of its own: a search of many executions would keep all of them."""
    seen = Footprints(catalog)
    first = seen.of("SELECT * FROM lines WHERE id = $1", ["0"])
    assert seen.of("SELECT * FROM lines WHERE id = $1", ["0"]) is first
    for number in range(1, 1100):
        seen.of("SELECT * FROM lines WHERE id = $1", [str(number)])
    assert seen.of("SELECT * FROM lines WHERE id = $1", ["0"]) is not first


def test_what_is_known_of_a_row_does_not_depend_on_how_many_there_are(url, catalog):
    """A table grows from execution to execution, and the same row would be known in one of them
    and not in another."""
    many = "INSERT INTO lines (id, order_id) SELECT n, 1 FROM generate_series(3, 900) n;"
    facts = facts_of(url, catalog, after=many + "INSERT INTO lines (id, order_id) VALUES (901, 2)")
    assert facts.of("public.lines", "id", "2") == {"order_id": "2"}
    assert facts.of("public.lines", "id", "901") == {"order_id": "2"}
    assert facts.of("public.lines", "id", "300") == {}


def test_a_row_without_a_number_is_known_by_its_value_where_there_are_many(url, catalog):
    few = "INSERT INTO tokens SELECT 't' || n, 'c' || n FROM generate_series(1, 20) n"
    facts = facts_of(url, catalog, known=["t7"], after=few)
    assert facts.of("public.tokens", "token", "t9") == {"code": "c9"}
    facts = facts_of(url, catalog, known=["t7"], after=few.replace("20", "900"))
    assert facts.of("public.tokens", "token", "t7") == {"code": "c7"}
    assert facts.of("public.tokens", "token", "t9") == {}


def test_a_number_of_another_sequence_has_no_name_by_chance(catalog, footprints):
    """Line 5 is not order 5, though the attempt's own order has that number."""
    names = Names({"5": "order"}, serial_columns(catalog))
    names.inserted("preparation", "INSERT INTO orders (code) VALUES ('c')", ["id"], ["5"])
    names.begin()
    line = named(footprints, names, "tab 1", "SELECT * FROM lines WHERE id = 5")
    assert Resource(("pg", "public.lines"), (("id", "order"),)) not in line.looks
    assert all("order" not in dict(one.key).values() for one in line.looks)
    order = named(footprints, names, "tab 1", "SELECT * FROM lines WHERE order_id = 5")
    assert any(dict(one.key).get("order_id") for one in order.looks)


def test_a_row_is_called_what_it_was_called_before_another_sequence_gave_its_number(
    catalog, footprints
):
    """Two names for one row within an execution, and who meets at it would be taken to be apart."""
    orders = ("public.orders", "id")
    serials = replace(serial_columns(catalog), floors={orders: 10})
    names = Names({"5": "order"}, serials)
    names.begin()
    first = named(footprints, names, "tab 1", "SELECT * FROM orders WHERE id = 5")
    names.inserted("tab 1", "INSERT INTO lines (order_id) VALUES (5)", ["id"], ["5"])
    second = named(footprints, names, "tab 2", "UPDATE orders SET code = 'd' WHERE id = 5")
    assert first.conflicts(second)


def test_a_row_that_is_changed_by_its_number_is_known_by_what_it_belongs_to(
    url, catalog, footprints
):
    facts = facts_of(url, catalog)
    assert facts.of("public.lines", "id", "2") == {"order_id": "2"}
    known = {"1": "mine", "2": "theirs"}
    names = Names(known, serial_columns(catalog), facts=facts.of)
    change = named(footprints, names, "tab 1", "UPDATE lines SET price = 3 WHERE id = 2")
    mine = named(footprints, names, "tab 2", "SELECT * FROM lines WHERE order_id = 1")
    theirs = named(footprints, names, "tab 2", "SELECT * FROM lines WHERE order_id = 2")
    assert not change.conflicts(mine)
    assert change.conflicts(theirs)


@pytest.mark.parametrize(
    ("kind", "stored", "asked"),
    [
        ("numeric", "1.00", "1"),
        ("numeric(9, 2)", "1", "1.0"),
        ("char(5)", "'ab'", "'ab '"),
        ("bool", "true", "'t'"),
        ("date", "'2030-01-31'", "'2030-01-31'"),
        ("uuid", "'72EAA0C8-D8B5-A8C5-D7D3-F0A1B2C3D4E5'", "'72eaa0c8d8b5a8c5d7d3f0a1b2c3d4e5'"),
    ],
)
def test_equal_values_of_a_row_are_one_however_they_are_written(url, kind, stored, asked):
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE TABLE written (id serial PRIMARY KEY, of {kind} UNIQUE, price int)")
        db.execute(f"INSERT INTO written (of) VALUES ({stored})")
        try:
            catalog = read_catalog(url)
            names = Names({}, serials_of(catalog, url), facts=facts_of(url, catalog).of)
        finally:
            db.execute("DROP TABLE written")
    seen = Footprints(catalog, tells_new_rows=True)
    change = named(seen, names, "tab 1", "UPDATE written SET price = 3 WHERE id = 1")
    look = named(seen, names, "tab 2", f"SELECT * FROM written WHERE of = {asked}")
    assert change.conflicts(look)


@pytest.mark.parametrize(
    ("sql", "changed"),
    [
        ("UPDATE lines SET price = 3 WHERE id = 2", set()),
        ("UPDATE lines SET order_id = 1 WHERE id = 2", {"public.lines.order_id"}),
        ("UPDATE orders SET code = 'c'", {"public.orders.code"}),
        ("INSERT INTO lines (order_id) VALUES (1)", set()),
        ("INSERT INTO lines (id, order_id) VALUES (2, 1)", {"public.lines.order_id"}),
        (
            "DO $$ BEGIN EXECUTE 'x'; END $$",
            {"public.lines.order_id", "public.orders.code", "public.tokens.code"},
        ),
    ],
)
def test_a_value_that_somebody_changes_tells_no_row_apart(url, catalog, footprints, sql, changed):
    facts = facts_of(url, catalog)
    facts.sees(footprints.of(sql))
    assert facts.changed == changed
    without = facts_of(url, catalog, changed)
    without.sees(footprints.of(sql))
    assert not without.changed
    for one in changed:
        table, column = one.rsplit(".", 1)
        assert column not in without.of(table, "id", "2")


# --- locks that are held already


@pytest.mark.parametrize(
    ("sql", "params", "whole"),
    [
        ("SELECT * FROM orders WHERE id = 1 FOR UPDATE", (), True),
        ("SELECT * FROM orders WHERE id = 1 LIMIT 21 FOR UPDATE", (), True),
        ("SELECT * FROM orders WHERE id = 1 ORDER BY code LIMIT $1 FOR UPDATE", ("1",), True),
        ("SELECT * FROM orders WHERE id = 1 LIMIT 1 FOR NO KEY UPDATE", (), False),
        ("SELECT * FROM orders WHERE id = 1 LIMIT $1 FOR UPDATE", ("0",), None),
        ("SELECT * FROM orders WHERE id = 1 LIMIT $1 FOR UPDATE", (None,), None),
        ("SELECT * FROM orders WHERE id = 1 LIMIT 1 OFFSET 1 FOR UPDATE", (), None),
    ],
)
def test_a_limit_leaves_the_one_row_that_is_asked_for(catalog, sql, params, whole):
    door = Doors(catalog).of(sql, Params(params), PATH)
    assert (None if door is None else door.whole) is whole


def test_who_holds_a_row_has_every_weaker_lock_on_it(catalog):
    doors, row = Doors(catalog), (("id", "1"),)
    whole = doors.of("SELECT * FROM orders WHERE id = 1 FOR UPDATE", Params(), PATH)
    rest = doors.of("UPDATE orders SET status = 'paid' WHERE id = 1", Params(), PATH)
    key = Resource(("pg", "public.orders", "key"), row, shared=True)
    for door in (whole, rest):
        assert door.covers(key)
        assert door.covers(Resource(("pg", "public.orders", "rest"), row))
        assert not door.covers(Resource(key.place, (("id", "2"),), shared=True))
        assert not door.covers(Resource(key.place, (), shared=True))
        assert not door.covers(Resource(("pg", "public.lines", "key"), row, shared=True))
        assert not door.covers(Resource(("pg", "public.orders", "rest", "orders_pkey"), row))
    assert whole.covers(Resource(("pg", "public.orders"), row))
    assert not rest.covers(Resource(("pg", "public.orders"), row))


def test_what_did_not_fail_has_let_go_of_nothing(footprints):
    def second(**how):
        tracker = TransactionTracker(footprints)
        for sql in ("BEGIN", "SELECT * FROM orders WHERE id = 1 FOR UPDATE"):
            tracker.expect([Query(sql)])
            tracker.done(status="T")
        expected = tracker.expect([Query("UPDATE lines SET price = 1 WHERE id = 1")])
        return expected, tracker.done(**how)

    order = Resource(("pg", "public.orders"), (("id", "1"),))
    expected, granted = second(status="T", waited=False)
    assert order in expected.locks
    assert order not in granted.locks
    for how in ({"status": "T"}, {"status": "E", "failed": True, "waited": False}):
        assert order in second(**how)[1].locks
