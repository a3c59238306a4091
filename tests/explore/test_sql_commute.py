"""Footprints of SQL say never too little: asked of a real server."""

from __future__ import annotations

import random

import psycopg
import pytest
from hard_cases import HARD, ORDERS
from real_swaps import check_swaps
from shop import SCHEMA, program

from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.sent import Query
from paidonce.harness.explore.footprint.sql.transaction import TransactionTracker

PROGRAMS = [range(60), pytest.param(range(60, 260), marks=pytest.mark.slow)]


BY_OTHER_EQUALITY = """
CREATE TABLE members (id int PRIMARY KEY, name text NOT NULL);
CREATE FUNCTION same_name(a text, b text) RETURNS int LANGUAGE sql IMMUTABLE
    AS $$ SELECT bttextcmp(lower(a), lower(b)) $$;
CREATE FUNCTION before_name(a text, b text) RETURNS bool LANGUAGE sql IMMUTABLE
    AS $$ SELECT lower(a) < lower(b) $$;
CREATE FUNCTION is_name(a text, b text) RETURNS bool LANGUAGE sql IMMUTABLE
    AS $$ SELECT lower(a) = lower(b) $$;
CREATE OPERATOR <~ (LEFTARG = text, RIGHTARG = text, FUNCTION = before_name);
CREATE OPERATOR =~ (LEFTARG = text, RIGHTARG = text, FUNCTION = is_name);
CREATE OPERATOR CLASS nick_ops FOR TYPE text USING btree AS
    OPERATOR 1 <~, OPERATOR 3 =~, FUNCTION 1 same_name(text, text);
CREATE UNIQUE INDEX one_of_a_name ON members (name {like});
"""
JOINING = (
    "INSERT INTO members VALUES (1, 'Ann') ON CONFLICT DO NOTHING",
    "INSERT INTO members VALUES (2, 'ann') ON CONFLICT DO NOTHING",
)


@pytest.fixture
def shop(explore_url: str) -> tuple[str, Catalog]:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    return explore_url, read_catalog(explore_url)


@pytest.mark.parametrize("numbers", PROGRAMS, ids=str)
def test_steps_that_are_said_to_commute_do(shop: tuple[str, Catalog], numbers: range) -> None:
    programs = [(program(random.Random(number), ("a", "b")), number) for number in numbers]
    assert check_swaps(*shop, programs) > len(programs) / 4


def test_hard_cases(shop: tuple[str, Catalog]) -> None:
    for name, scripts in HARD.items():
        try:
            if name in ORDERS:
                check_swaps(*shop, [(scripts, 0)], ORDERS[name])
            check_swaps(*shop, [(scripts, number) for number in range(4)])
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


@pytest.mark.parametrize(("like", "members"), [("nick_ops", 1), ("", 2), ("text_pattern_ops", 2)])
def test_an_index_may_take_values_for_equal_that_their_type_tells_apart(
    explore_url: str, like: str, members: int
) -> None:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(BY_OTHER_EQUALITY.format(like=like).encode())
        footprints = Footprints(read_catalog(explore_url))
        for one in JOINING:
            connection.execute(one.encode())
        (found,) = connection.execute("SELECT count(*) FROM members").fetchall()
    one, other = (TransactionTracker(footprints).expect([Query(sql)]) for sql in JOINING)
    assert found == (members,)
    assert one.conflicts(other) == (members == 1), "each keeps the other out, or neither does"
