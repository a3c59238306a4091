"""The patterns by which generated values and times are found say what their plain forms say."""

from __future__ import annotations

import random
import re

import pytest

from paidonce.harness.explore.naming import answer_digest
from paidonce.harness.explore.naming.generated import GENERATED, blind_and_named, replaced

PLAIN = re.compile(
    r"""
      [0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}
    | \b(?:pi|ch|re|py|pm|cus|evt|req|seti|txn|src|tok)_[A-Za-z0-9_]{8,}
    | \b1[0-9]{18}_[A-Za-z0-9_-]{6}(?![A-Za-z0-9_-])
    | (?<![0-9.])1[6-9][0-9]{11}(?![0-9.])
    | (?<![0-9.])1[6-9][0-9]{8}(?:\.[0-9]{1,9}|[0-9]{6}|[0-9]{9})?(?![0-9._])
    | (?<![0-9])20[0-9]{2}-[0-9]{2}-[0-9]{2}[T\ ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?
      (?:\ ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?))?
    | \b(?=[A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{20,}\b
    """,
    re.VERBOSE,
)
PLAIN_TIME = re.compile(
    r"""
      \b[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?
      (?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?
    | (?<![0-9.])1[6-9][0-9]{8}(?:\.[0-9]+)?(?![0-9])
    | (?<![0-9.])1[6-9][0-9]{11}(?![0-9.])
    """,
    re.VERBOSE,
)
PIECES = [
    "1",
    "16",
    "17",
    "1700000000",
    "1712345678",
    "1700000000123",
    "1700000000123456",
    "1700000000123456789",
    ".",
    ",",
    "5",
    "-",
    "0",
    "9",
    "20",
    "2026",
    "2026-01-02",
    "T",
    "10:11",
    ":12",
    ".123",
    "Z",
    "+00:00",
    "+0100",
    "a",
    "_",
    "é",
    "٣",
    "f",
    "pi_",
    "ch_",
    "re_",
    "req_",
    "evt_",
    "seti_",
    "src_",
    "txn_",
    "tok_",
    "cus_",
    "py_",
    "pm_",
    "abcdefgh",
    "ABCDEFGHIJ",
    "Abc123",
    "zzzzzzzz",
    "7d8f6c1e",
    "-1111",
    "-4222",
    "-8333",
    "-123456789abc",
    "12345678901234567890",
]


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [(GENERATED, PLAIN), (answer_digest._TIME, PLAIN_TIME)],
    ids=["generated", "time"],
)
def test_the_fast_form_finds_what_the_plain_one_finds(pattern, plain):
    draw, found = random.Random(7), 0
    for _ in range(10_000):
        text = "".join(draw.choice([*PIECES, " ", "\n"]) for _ in range(draw.randint(1, 9)))
        expected = [match.span() for match in plain.finditer(text)]
        assert [match.span() for match in pattern.finditer(text)] == expected, text
        found += len(expected)
    assert found > 300


def test_a_text_read_in_pieces_has_replaced_in_it_what_the_whole_one_has():
    draw, several = random.Random(11), 0
    for _ in range(10_000):
        pieces = [*PIECES, *'""""', " ", "\n", ":", "\\"]
        text = "".join(draw.choice(pieces) for _ in range(draw.randint(1, 14)))
        expected = PLAIN.sub(lambda found: f"<{found.group()}>", text)
        # Twice, since what a piece came to the first time is remembered.
        for _ in range(2):
            assert replaced(text, lambda value: f"<{value}>") == expected, text
            both = blind_and_named(text, lambda value: f"<{value}>")
            assert both == (PLAIN.sub("?", text), expected), text
        several += expected.count("<") > 1
    assert several > 100
