"""Values are told apart only if the server does, and hashed as the server hashes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paidonce.harness.explore.footprint.sql.hashes import hashtext, hashtextextended
from paidonce.harness.explore.footprint.sql.symbols import NULL, array_elements
from paidonce.harness.explore.footprint.sql.types import ColumnType, Family, canonical

ASKED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES: dict[Family, str] = {
    "int": "int8",
    "numeric": "numeric",
    "text": "text",
    "varchar": "varchar",
    "char": "char(4)",
    "bool": "bool",
    "uuid": "uuid",
    "date": "date",
}
UUID = "A0EEBC99-9c0b-4ef8-BB6D-6BB9BD380A11"
SPELLINGS: dict[Family, list[str]] = {
    "int": ["1", "01", " 1", "+1", "-1", "0", "-0", "12", "1 "],
    "numeric": ["1", "1.0", "01.00", "1e0", "10e-1", "0.1", ".1", "100", "1e2", "-0.0", "0", "NaN"],
    "text": ["a", "A", "a ", "1", "01", ""],
    "varchar": ["a", "A", "a ", ""],
    "char": ["a", "a ", "A", "ab", ""],
    "bool": ["t", "true", "TRUE", " yes", "on", "1", "f", "no", "off", "0", "y", "n", "of"],
    "uuid": [UUID, UUID.lower(), "{" + UUID + "}", UUID.replace("-", ""), UUID[:-1] + "2"],
    "date": ["2024-01-01", "2024-01-02", "20240101", "Jan 1 2024"],
}
LIKE = st.text(st.sampled_from("ab01-+. tyfn{}e"), max_size=5)


@pytest.fixture
def asked(explore_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        yield connection


def _equal(asked: psycopg.Connection[Any], family: Family, one: str, other: str) -> bool | None:
    """What the server says; None if one of them is not a value of that type."""
    kind = NAMES[family]
    try:
        row = asked.execute(f"SELECT %s::text::{kind} = %s::text::{kind}", (one, other)).fetchone()
    except psycopg.DataError:
        return None
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize("family", SPELLINGS)
def test_equal_values_have_one_text(asked: psycopg.Connection[Any], family: Family) -> None:
    told_apart = 0
    for one in SPELLINGS[family]:
        for other in SPELLINGS[family]:
            first, second = canonical(family, one), canonical(family, other)
            if first is not None and second is not None and first != second:
                assert _equal(asked, family, one, other) is not True, (one, other)
                told_apart += 1
    assert told_apart


@ASKED
@given(family=st.sampled_from(list(NAMES)), one=LIKE, other=LIKE)
def test_values_with_different_texts_differ(
    asked: psycopg.Connection[Any], family: Family, one: str, other: str
) -> None:
    first, second = canonical(family, one), canonical(family, other)
    if first is not None and second is not None and first != second:
        assert _equal(asked, family, one, other) is not True


def test_what_is_rounded_or_cut_when_stored_is_not_told() -> None:
    assert ColumnType("numeric", (5 << 16 | 2) + 4).stored("1.005") is None
    assert ColumnType("numeric", (5 << 16 | 2) + 4).stored("1.50") == "1.5"
    assert ColumnType("int").stored("1.5") is None
    assert ColumnType("varchar", 9).stored("ab ") is None
    assert ColumnType("other").compared("1") is None


@ASKED
@given(
    text=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40),
    number=st.integers(-(2**63), 2**63 - 1),
)
def test_hashes_are_the_servers(asked: psycopg.Connection[Any], text: str, number: int) -> None:
    row = asked.execute(
        "SELECT hashtext(%s::text), hashtextextended(%s::text, %s)", (text, text, number)
    ).fetchone()
    assert row == (hashtext(text), hashtextextended(text, number))


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("{}", ()),
        ("{1,2}", ("1", "2")),
        ("{a,NULL}", ("a", NULL)),
        ('{"a,b",c}', ("a,b", "c")),
        ('{"a\\"b"}', ('a"b',)),
        ("{{1},{2}}", None),
        ("1,2", None),
        ('{"NULL"}', None),
    ],
)
def test_elements_of_an_array(text: str, elements: tuple[str, ...] | None) -> None:
    assert array_elements(text) == elements
