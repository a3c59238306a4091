"""A condition costs little, whatever it says."""

from __future__ import annotations

import pytest

from paidonce.harness.checkers.expressions import BadExpression, parse


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("'a' * 999999999 == name", "multiplies a text"),
        ("name == 999999999 * 'a'", "multiplies a text"),
        ("1 == 1 or " * 1000 + "1 == 1", "expected 4000 at most"),
        ("-" * 300 + "1 == 1", "levels deep"),
        ("1 == " + "1+" * 500 + "1", "levels deep"),
        ("(" * 1500 + "1" + ")" * 1500 + " == 1", "cannot be read"),
    ],
    ids=["long text", "long text, turned", "long", "unary", "sum", "parentheses"],
)
def test_what_would_cost_much_is_no_condition(text, said):
    with pytest.raises(BadExpression, match=said) as refused:
        parse(text)
    assert len(str(refused.value)) < 8000


def test_an_observed_text_is_not_multiplied_either():
    with pytest.raises(TypeError, match="cannot be multiplied"):
        parse("name * 999999999 == name").holds({"name": "a"}, {})


def test_long_conditions_within_bounds_are_judged():
    text = " and ".join(["stock - sold * 2 >= 0"] * 100)
    assert parse(text).holds({"stock": 5, "sold": 2}, {})
