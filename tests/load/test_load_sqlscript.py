"""A payment's SQL becomes a script: what was made up is made up anew, all else stays as it was."""

from __future__ import annotations

import pytest

from paidonce.harness.load.observe.sqlscript import (
    NUMBER,
    NotReplayable,
    Said,
    another,
    literal,
    numbered,
    script,
)

ORDERS = ("0c8f1c9e-0000-4000-8000-0123456789ab", "0c8f1c9e-1111-4111-8111-ba9876543210")
DRAWN = ("pi_3QAAAAAAAAAAAAAAAAAAAAAA", "pi_3QBBBBBBBBBBBBBBBBBBBBBB")
ORDER = f"E'0c8f1c9e-0000-4000-8000-' || lpad(to_hex({NUMBER}), 12, '0')"
PAYMENT = f"E'{DRAWN[0][:-12]}' || lpad(to_hex({NUMBER}), 12, '0')"


def said(text: str, *params: str | None, tag: str = "") -> tuple[Said, ...]:
    return (Said(text, params, tag),)


def made(first: Said, second: Said, *types: str) -> str:
    found = script([(first,)], [(second,)], ORDERS, {first.sql: types})
    return found.statements[0]


def test_the_order_and_what_was_drawn_are_made_of_the_number_and_the_rest_stays() -> None:
    text = "UPDATE orders SET payment_id = $1, amount = $2, note = $3 WHERE id = $4"
    found = made(
        Said(text, (DRAWN[0], "1999", None, ORDERS[0])),
        Said(text, (DRAWN[1], "1999", None, ORDERS[1])),
        "text",
        "integer",
        "text",
        "uuid",
    )
    assert found == (
        f"UPDATE orders SET payment_id = CAST({PAYMENT} AS text), amount = CAST(E'1999' AS integer)"
        f", note = CAST(NULL AS text) WHERE id = CAST({ORDER} AS uuid)"
    )


def test_an_id_within_a_text_is_the_same_id() -> None:
    body = '{{"id": "{}", "at": 17:{}, "key": "{}:pay"}}'
    found = made(
        Said("SELECT $1", (body.format(DRAWN[0], "04", ORDERS[0]),)),
        Said("SELECT $1", (body.format(DRAWN[1], "05", ORDERS[1]),)),
        "json",
    )
    before, middle = literal('{"id": "'), literal('", "at": 17:04, "key": "')
    end = literal(':pay"}')
    assert found == f"SELECT CAST({before} || {PAYMENT} || {middle} || {ORDER} || {end} AS json)"
    assert ":pay" not in found, "pgbench would take it for a variable"


def test_literals_of_a_text_without_parameters_are_read_as_well() -> None:
    text = "SELECT 'it''s', 'C:\\x' FROM orders WHERE id = '{}' -- $"
    found = made(Said(text.format(ORDERS[0]), ()), Said(text.format(ORDERS[1]), ()))
    assert found == (f"SELECT E'it''s', E'C\\x3A\\\\x' FROM orders WHERE id = ({ORDER}) -- $")


def test_numbers_that_differ_count_on() -> None:
    found = made(Said("SELECT $1", ("41",)), Said("SELECT $1", ("42",)), "bigint")
    assert found == f"SELECT CAST(CAST(41 + {NUMBER} AS text) AS bigint)"


def test_a_number_takes_the_place_of_the_variable() -> None:
    assert numbered(another(ORDERS[0]), "7") == (
        "E'0c8f1c9e-0000-4000-8000-' || lpad(to_hex(CAST(7 AS bigint)), 12, '0')"
    )


def test_what_was_sent_together_is_a_pipeline_and_clients_share_no_number() -> None:
    trips = [said("BEGIN", tag="BEGIN"), (Said("SELECT 1", ()), Said("SELECT 2", ()))]
    found = script(trips, trips, ORDERS, {})
    assert found.text(4).splitlines() == [
        "\\set k :i * 4 + :client_id + 1",
        "\\set i :i + 1",
        "BEGIN;",
        "\\startpipeline",
        "SELECT 1;",
        "SELECT 2;",
        "\\endpipeline",
    ]
    assert found.tags == ("BEGIN", "", "")


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (said("SELECT 1; SELECT 2"), said("SELECT 1; SELECT 2"), "several statements"),
        (said("SELECT 1"), said("SELECT 2"), "different SQL"),
        (said("SELECT $1", "1"), said("SELECT $1", None), "NULL in one"),
        (said("SELECT $1", "a b"), said("SELECT $1", "a"), "of two payments one sent"),
        (said("SELECT $1", "1"), said("SELECT $1", "1"), "type of"),
        (said("DEALLOCATE ALL"), said("DEALLOCATE ALL"), "sent no SQL"),
    ],
)
def test_what_cannot_be_said_again_is_refused(
    first: tuple[Said, ...], second: tuple[Said, ...], why: str
) -> None:
    types = {"SELECT $1": ("text",)} if why != "type of" else {}
    with pytest.raises(NotReplayable, match=why):
        script([first], [second], ORDERS, types)


def test_another_number_of_statements_and_orders_that_are_numbers_are_refused() -> None:
    with pytest.raises(NotReplayable, match="another number of statements"):
        script([said("SELECT 1")], [], ORDERS, {})
    with pytest.raises(NotReplayable, match="numbers"):
        script([said("SELECT 1")], [said("SELECT 1")], ("1", "2"), {})
