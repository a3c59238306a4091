"""Stripe's form encoding, both ways."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paidonce.harness.simulator.wire.forms import (
    MAX_FIELDS,
    FormError,
    as_list,
    decode,
    encode,
    fields,
)

keys = st.text(min_size=1, max_size=8).filter(lambda text: "[" not in text and "]" not in text)
texts = st.text(max_size=12)
trees = st.dictionaries(
    keys,
    st.recursive(texts, lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=3)),
    max_size=4,
)


@given(trees)
@settings(deadline=None)
def test_nested_mappings_come_back_as_they_were(tree: dict[str, object]) -> None:
    assert decode(encode(tree)) == tree


@given(st.text(alphabet="ab=&+%25C3A9[]\u00e9;", max_size=40))
@settings(deadline=None)
def test_fields_are_those_of_the_standard_library(text: str) -> None:
    try:
        expected = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            fields(text)
    else:
        assert fields(text) == expected


def test_too_many_fields_are_refused() -> None:
    assert len(fields("&".join(["a=1"] * MAX_FIELDS))) == MAX_FIELDS
    with pytest.raises(FormError, match="more than 1000 parameters"):
        decode("&".join(["a=1"] * (MAX_FIELDS + 1)))


@given(st.lists(texts, min_size=1, max_size=12), keys)
@settings(deadline=None)
def test_a_list_comes_back_in_order(items: list[str], key: str) -> None:
    assert as_list(decode(encode({key: items}))[key]) == items


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes_are_a_form_or_a_form_error(raw: bytes) -> None:
    with suppress(FormError):
        assert isinstance(decode(raw), dict)


def test_the_spellings_of_a_list() -> None:
    assert decode("expand[]=a&expand[]=b") == {"expand": ["a", "b"]}
    assert as_list(decode("expand[1]=b&expand[0]=a")["expand"]) == ["a", "b"]
    assert as_list(decode("metadata[x]=1")["metadata"]) is None
    assert as_list("text") is None


def test_a_list_of_mappings_starts_a_new_one_at_a_repeated_key() -> None:
    assert decode("items[][a]=1&items[][b]=2&items[][a]=3") == {
        "items": [{"a": "1", "b": "2"}, {"a": "3"}]
    }


def test_of_a_repeated_scalar_the_last_counts() -> None:
    assert decode("amount=1&amount=2") == {"amount": "2"}


def test_plus_and_percent_are_decoded_in_names_and_values() -> None:
    assert decode("metadata%5Border+id%5D=a%26b+c") == {"metadata": {"order id": "a&b c"}}


@pytest.mark.parametrize(
    "text",
    ["a=1&a[b]=2", "a[b]=2&a=1", "a[]=1&a[b]=2", "a[b]=1&a[]=2", "a[b=1", "a]=1", "[a]=1"],
)
def test_contradictory_or_unbalanced_names_are_refused(text: str) -> None:
    with pytest.raises(FormError):
        decode(text)


def test_bad_utf8_deep_nesting_and_too_many_fields_are_refused() -> None:
    for raw in (b"a=%ff", b"a\xff=1", b"a" + b"[b]" * 10 + b"=1", b"&".join([b"a=1"] * 1001)):
        with pytest.raises(FormError):
            decode(raw)


def test_none_and_booleans_are_written_as_stripe_expects() -> None:
    assert encode({"a": None, "b": True, "c": {"d": False}, "e": 5}) == b"a=&b=true&c[d]=false&e=5"
