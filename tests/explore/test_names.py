"""Generated values get names that are the same in every execution."""

from __future__ import annotations

import itertools

from harness.explore.footprint import Footprint, Resource
from harness.explore.names import Names
from harness.explore.sql.hashes import hashtextextended

UUID = "3f2b8a9e-7c41-4f0d-9b55-1c2d3e4f5a6b"
OTHER = "9d1c2b3a-0f0e-4d4c-8b8a-7f6e5d4c3b2a"
INTENT = "pi_3PqX8aLkdIwHu7ix0h4Cb2Xy"


def test_a_value_is_named_after_whoever_was_seen_with_it_first():
    names = Names({})
    assert names.text("tab 1", f"intent {INTENT}") == "intent tab 1#1"
    assert names.text("tab 2", INTENT) == "tab 1#1"
    assert names.text("tab 2", UUID) == "tab 2#1"
    assert names.text("tab 1", OTHER) == "tab 1#2"


def test_keys_made_from_the_time_are_generated():
    names = Names({})
    assert names.text("tab 1", "1764121234567891234_Ab_-9=") == "1764121234567891234_Ab_-9="
    assert names.text("tab 1", "1764121234567891234_Ab_-9z") == "tab 1#1"
    assert names.text("tab 2", "1764121234567891239_A-cd_z") == "tab 2#1"
    assert names.text("tab 2", "order-17-1764121234567") == "order-17-tab 2#2"
    assert names.text("tab 1", "17-1764121234567") == "17-tab 2#2"
    assert names.text("tab 1", "17641212345678") == "17641212345678"


def test_what_is_known_beforehand_keeps_its_name():
    names = Names({UUID: "order 1"})
    assert names.text("tab 1", UUID) == "order 1"
    assert names.text("tab 1", f"{UUID}:create:0") == "order 1:create:0"


def test_what_is_known_is_found_within_a_composed_key_and_not_within_a_number():
    names = Names({"17": "order 1"})
    for value, named in (
        ("lock:order:17", "lock:order:order 1"),
        (f"order-17-{UUID}", "order-order 1-tab 1#1"),
        ("lock:order:170", "lock:order:170"),
        ("17", "order 1"),
    ):
        for place in (("redis", "0"), ("stripe", "key")):
            key = Resource(place, (("key", value),))
            assert names.resource("tab 1", key).key == (("key", named),)
    other = Resource(("stripe", "object", "new"), (("maker", "tab 17 1"),))
    assert names.resource("tab 1", other) == other
    assert names.text("tab 1", "SELECT 17") == "SELECT 17"


def test_words_and_numbers_are_left_alone():
    names = Names({})
    for text in (
        "payment_intent.create",
        "SELECT amount FROM orders",
        "4990",
        "order_already_paid",
    ):
        assert names.text("tab 1", text) == text


def test_names_in_a_footprint_do_not_depend_on_the_values():
    def footprint(first, second):
        return Footprint(
            publishes=frozenset(
                {
                    Resource(("stripe", "key"), (("key", first),)),
                    Resource(("stripe", "object", "known"), (("id", second),)),
                }
            )
        )

    named = {
        Names({}).footprint("tab 1", footprint(first, second))
        for first, second in itertools.permutations((UUID, OTHER, INTENT), 2)
    }
    assert named == {footprint("tab 1#1", "tab 1#2")}


def test_a_value_that_was_only_read_has_no_name_whoever_comes_upon_it():
    names = Names({})
    names.found(f"a row with {UUID}")
    row = Resource(("pg", "customers"), (("id", UUID), ("kind", "person")))
    assert names.resource("tab 1", row) == Resource(row.place, (("kind", "person"),))
    assert names.text("tab 1", f"customer {UUID}") == "customer ?"


def test_a_value_belongs_to_whoever_created_it_even_if_another_uses_it_first():
    names = Names({})
    names.made("tab 1", f'{{"id": "{INTENT}"}}')
    names.found(INTENT)
    assert names.text("tab 2", INTENT) == "tab 1#1"


def test_once_something_was_overlooked_new_values_have_no_name():
    names = Names({})
    names.made("tab 1", UUID)
    names.overlooked()
    assert names.text("tab 1", UUID) == "tab 1#1"
    assert names.text("tab 1", OTHER) == "?"


def test_the_hash_of_a_value_is_named_after_the_value():
    def named(value):
        names = Names({value: "order 1"})
        key = str(hashtextextended(value, 0))
        return names.resource("tab 1", Resource(("pg-advisory", "number"), (("key", key),)))

    assert named(UUID) == named(OTHER)
    assert named(UUID).key == (("key", "hashtextextended(order 1, 0)"),)
