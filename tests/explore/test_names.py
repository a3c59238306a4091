"""Generated values get names that are the same in every execution."""

from __future__ import annotations

import itertools

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.footprint.sql.hashes import hashtextextended
from paidonce.harness.explore.footprint.sql.serials import Serials
from paidonce.harness.explore.naming.names import Names

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
    assert names.text("tab 2", "order-17-1764121234567") == "order-17-tab 2@1"
    assert names.text("tab 1", "17-1764121234567") == "17-tab 2@1"
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


def test_a_unit_has_one_label_in_every_execution_whoever_sends_it():
    labels = set[str]()
    for number, fresh in (("730411", UUID), ("730412", OTHER)):
        names = Names({number: "order"})
        before = names.unit(f"CREATE TABLE claim_{number} (); {fresh}")
        names.text("tab 1", fresh)
        labels |= {before, names.unit(f"CREATE TABLE claim_{number} (); {fresh}")}
    assert labels == {"CREATE TABLE claim_order (); ?"}


def test_an_id_within_a_name_is_called_by_its_name_in_a_label():
    names = Names({"730411": "order", "17": "user"})
    assert names.label("tab 1", "NOTIFY order_730411") == "NOTIFY order_order"
    assert names.label("tab 1", "NOTIFY order_7304112") == "NOTIFY order_7304112"
    assert names.label("tab 1", "SELECT line_17 FROM orders") == "SELECT line_17 FROM orders"
    assert names.label("tab 1", f"LISTEN {INTENT}") == "LISTEN tab 1#1"


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


RUN = "3f9ad011-4"
TABLE = ("pg", "public.payments")


def named(names, value, place=TABLE, column="reference"):
    key = names.resource("tab 1", Resource(place, ((column, value),))).key
    return key[0][1] if key else None


def test_what_is_known_is_found_within_a_composed_value():
    names = Names({"730411": "order", RUN: "run", "17": "seat", "paid": "status"})
    for value, wanted in (
        ("po-730411", "po-order"),
        ("po730411", "poorder"),
        ("INV-000730411", "INV-order"),
        ("730411/730411", "order/order"),
        (f"k{RUN}", "krun"),
        (f"pi_{RUN}", "pi_run"),
        (f"{RUN}-1-2", "run-1-2"),
        ('{"order": 730411, "seat": "17"}', '{"order": order, "seat": "seat"}'),
        ("seat-17", "seat-seat"),
        ("status:paid", "status:status"),
    ):
        assert named(names, value) == wanted
        assert named(names, value, ("redis", "0"), "key") == wanted
        assert named(names, value, ("stripe", "key"), "key") == wanted


def test_what_is_known_is_not_found_within_other_numbers_and_words():
    names = Names({"730411": "order", RUN: "run", "17": "seat", "paid": "status", "": "nothing"})
    for value in ("7304110", "1730411", "170", "117", "a17", "17a", "unpaid", "prepaid", f"{RUN}5"):
        assert named(names, value) == value


def test_values_that_differ_have_names_that_differ():
    names = Names({"730411": "order", "830414": "other order"})
    assert named(names, "po-730411") != named(names, "po-830414")
    assert named(names, "po-730411") != named(names, "po-730412")


def test_a_value_keeps_the_name_it_was_given_once():
    """A footprint that was told is compared with later ones of the same execution."""
    names = Names({})
    before = named(names, f"hook:{UUID}")
    names.found(UUID)
    names.made("tab 2", UUID)
    assert named(names, f"hook:{UUID}") == before == "hook:tab 1#1"
    number = "-2112889042"
    raw = named(names, number, ("pg-advisory", "number"), "key")
    assert raw == number
    names = Names({UUID: "order"})
    hashed = str(hashtextextended(f"lock {UUID}", 0))
    assert named(names, hashed) == "hashtextextended(lock order, 0)"


def test_the_hash_of_a_short_number_is_named_after_what_has_that_number():
    for text in ("730411", "owner:730411"):
        names = Names({"730411": "owner"})
        key = str(hashtextextended(text, 0))
        found = named(names, key, ("pg-advisory", "number"), "key")
        assert found == f"hashtextextended({text.replace('730411', 'owner')}, 0)"


def test_an_alias_that_an_orm_has_hashed_is_nobodys():
    names = Names({})
    names.constant('"distinctAlias" "Booking__72eaa0c8d8b5a8c5d7d3f0a1b2c3d4e5"')
    names.made("tab 1", "SELECT 72eaa0c8d8b5a8c5d7d3f0a1b2c3d4e5")
    names.made("tab 2", UUID)
    assert names.text("tab 2", UUID) == "tab 2#1"


def test_what_was_made_while_preparing_is_known_like_what_was_captured():
    serials = Serials(
        {(("pg", "public.carts"), "id"): ("public.carts", "id")},
        {"carts": {"id": ("public.carts", "id")}},
    )
    names = Names({}, serials)
    names.inserted("preparation", "INSERT INTO carts DEFAULT VALUES RETURNING id", ("id",), ("41",))
    names.made("preparation", UUID)
    names.overlooked()
    names.begin()
    assert names.beforehand == {"41": "preparation#1", UUID: "preparation#2"}
    assert named(names, "41", ("pg", "public.carts"), "id") == "preparation#1"
    assert named(names, "42", ("pg", "public.carts"), "id") is None
    assert named(names, "cart-41") == "cart-preparation#1"
    assert named(names, f"session {UUID}") == "session preparation#2"
    assert named(names, f"session {OTHER}") == "session tab 1#1"


def test_a_column_without_stable_values_is_left_out_of_keys():
    names = Names({}, unnamed={(TABLE, "reference")})
    row = Resource((*TABLE, "rest", "payments_key"), (("kind", "card"), ("reference", "X-1")))
    assert names.resource("tab 1", row) == Resource(row.place, (("kind", "card"),))
    assert named(names, "X-1", ("pg", "public.orders")) == "X-1"


def test_the_time_is_generated_however_it_is_written():
    for value in (
        "1764121234",
        "1764121234.567891",
        "1764121234567",
        "1764121234567891",
        "1764121234567891234",
        "2026-11-26T01:40:34.567Z",
        "2026-11-26 01:40:34.567891+00:00",
        "2026-11-26T01:40:34+0000",
    ):
        assert Names({}).text("tab 1", f'{{"at": "{value}"}}') == '{"at": "tab 1@1"}', value
    for value in ("2026-11-26", "1999-01-01T00:00:00Z", "17641212345", "41764121234"):
        assert Names({}).text("tab 1", value) == value


def test_how_often_the_clock_ticked_changes_no_name_but_those_of_times():
    def numbered(*times):
        names = Names({})
        for time in times:
            names.made("tab 1", f'{{"created": {time}}}')
        return names.text("tab 1", UUID)

    assert numbered(1764121234, 1764121234) == numbered(1764121234, 1764121235) == "tab 1#1"


def test_a_number_is_called_by_its_name_in_a_footprint_that_was_asked_about_before():
    row, root = ("pg", "public.refunds"), ("public.refunds", "id")
    serials = Serials({(row, "id"): root}, {"refunds": {"id": root}})
    names, touched = (
        Names({}, serials),
        Footprint(looks=frozenset({Resource(row, (("id", "31"),))})),
    )
    assert names.footprint("tab 2", touched).looks == {Resource(row)}
    names.inserted("tab 1", "INSERT INTO refunds DEFAULT VALUES RETURNING id", ("id",), ("31",))
    assert names.footprint("tab 2", touched).looks == {Resource(row, (("id", "tab 1#1"),))}


def test_an_execution_does_not_know_the_names_of_another():
    touched = Footprint(looks=frozenset({Resource(("pg", "public.orders"), (("id", UUID),))}))
    called = [Names({}).footprint(actor, touched).looks for actor in ("tab 1", "tab 2")]
    assert [next(iter(looks)).key for looks in called] == [
        (("id", "tab 1#1"),),
        (("id", "tab 2#1"),),
    ]
