"""What a connection has set for itself, before anybody held or recorded anything."""

from __future__ import annotations

from paidonce.harness.taps.postgres.lasting import Lasting
from paidonce.harness.taps.postgres.passthrough import Skim
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.units import Statement

LEVEL = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ"


def message(kind, body):
    return kind + (len(body) + 4).to_bytes(4) + body


def passed(*sent):
    session = Session(1, lambda: 1)
    skim = Skim(session, front_offset=0, back_offset=0)
    for one in sent:
        skim.front(one)
    return [statement.sql for statement in session.lasting.statements]


def query(sql):
    return message(b"Q", sql.encode() + b"\0")


def test_what_a_pool_sets_on_a_new_connection_is_known():
    assert passed(query(LEVEL), query("SELECT 1")) == [LEVEL]
    assert passed(query("SELECT 1") + query("set search_path to a")) == ["set search_path to a"]
    parse = message(b"P", b"\0" + LEVEL.encode() + b"\0\0\0")
    assert passed(parse) == [LEVEL]


def test_what_ends_with_the_transaction_is_nothing_to_remember():
    assert passed(query("SET LOCAL search_path TO a"), query("SET TRANSACTION READ ONLY")) == []


def test_the_last_of_equal_statements_counts_and_few_are_kept():
    lasting = Lasting()
    for text in (LEVEL, "RESET ALL", LEVEL):
        lasting.sent(text)
    assert lasting.statements == (Statement("RESET ALL"), Statement(LEVEL))
    for number in range(100):
        lasting.sent(f"SET app.n = {number}")
    assert len(lasting.statements) == 64
