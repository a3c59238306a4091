"""Literals and braces: the server reads them back as what they were."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.witness.narrative.sqltext import filled, literal, without_braces

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
NASTY = st.text(st.sampled_from("'\\}{$;\"-/*\nEa1"), max_size=12)
SHARED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def server(explore_server):
    with psycopg.connect(explore_server.url(), autocommit=True) as connection:
        yield connection


def asked(server, sql):
    return server.execute(sql.encode()).fetchone()[0]


@SHARED
@given(st.one_of(TEXTS, NASTY))
def test_a_literal_is_read_back_as_it_was(server, text):
    assert asked(server, f"SELECT {literal(text)}") == text
    safe = without_braces(f"SELECT {literal(text)}")
    assert "}" not in safe
    assert asked(server, safe) == text


@SHARED
@given(st.one_of(TEXTS, NASTY))
def test_a_literal_does_not_depend_on_standard_conforming_strings(server, text):
    server.execute("SET standard_conforming_strings = off")
    try:
        assert asked(server, f"SELECT {literal(text)}") == text
    finally:
        server.execute("RESET standard_conforming_strings")


@pytest.mark.parametrize(
    "sql",
    [
        r"SELECT 'a}\b'",
        r"SELECT E'a\}\\}\n}'",
        "SELECT $$ it's } \\ $$",
        "SELECT $tag$ } $$ $tag$",
        "SELECT U&'d\\0061}'",
        "SELECT 'a'\n'b}'",
        'SELECT q."a}\\b" FROM (SELECT 7 AS "a}\\b") AS q',
        "SELECT 1 -- a }\n + 1",
        "SELECT 1 /* } /* } */ */ + 1",
        "SELECT '{}'::jsonb ->> 'a' IS NULL",
    ],
)
def test_without_its_braces_sql_means_the_same(server, sql):
    safe = without_braces(sql)
    assert "}" not in safe
    assert asked(server, safe) == asked(server, sql)


def test_sql_without_braces_is_left_alone():
    sql = "SELECT 'a''b', $1 -- comment"
    assert without_braces(sql) is sql


@pytest.mark.parametrize("sql", ["SELECT }", "SELECT U&'a!007d}' UESCAPE '!'", "SELECT 'open }"])
def test_a_brace_that_cannot_be_written_otherwise_is_refused(sql):
    with pytest.raises(UsageError, match="closing brace"):
        without_braces(sql)


@pytest.mark.parametrize(
    ("sql", "params", "nulls", "expected"),
    [
        ("SELECT $1, $2", ("a", "it's"), (), "SELECT 'a', 'it''s'"),
        ("SELECT '$1', $1", ("x",), (), "SELECT '$1', 'x'"),
        ("SELECT $2 -- $1\n, $1", ("x", "y"), (), "SELECT 'y' -- $1\n, 'x'"),
        ("SELECT $1", (None,), (0,), "SELECT NULL"),
        ("SELECT $$ $1 $$, $1", ("x",), (), "SELECT $$ $1 $$, 'x'"),
        ("SELECT $10", tuple("abcdefghij"), (), "SELECT 'j'"),
        ("SELECT 'é', $1", ("ü",), (), "SELECT 'é', 'ü'"),
        ("SELECT $3", ("a",), (), "SELECT $3"),
        ("BEGIN", (), (), "BEGIN"),
    ],
)
def test_parameters_are_put_in_where_they_are_parameters(sql, params, nulls, expected):
    assert filled(sql, params, nulls) == expected


def test_a_parameter_that_could_not_be_read_is_not_passed_off_as_null():
    assert "could not be read" in filled("SELECT $1", (None,))


def test_a_parameter_cannot_break_out_of_its_place(server):
    evil = "'; DROP TABLE orders; --"
    assert asked(server, filled("SELECT $1", (evil,))) == evil
