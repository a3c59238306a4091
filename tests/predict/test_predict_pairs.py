"""What is predicted of two attempts, and of recordings that are odd."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from pair_tapes import LOCK, MINE, PAID, PAY_IN, READ, paid, tape
from tape import ORDER, Tape, catalog

from paidonce.harness.predict import Solo, predict


def test_a_redis_lock_protects_as_long_as_its_lease():
    told = (
        paid(tape().redis("SET", f"lock:{ORDER}", "x", "NX", "PX", "3000").sql(READ, ORDER))
        .redis("DEL", f"lock:{ORDER}", value=1)
        .solo()
    )
    (found,) = predict([told], catalog())
    assert (found.read.number, found.act.number) == (2, 3)
    assert found.lease is not None
    assert "only as long as its lease lasts" in found.why


def test_the_default_isolation_of_the_database_counts():
    told = (
        tape()
        .sql("BEGIN")
        .sql(READ, ORDER)
        .sql("UPDATE orders SET status = 'busy' WHERE id = $1", ORDER)
        .sql("COMMIT")
        .stripe()
        .solo()
    )
    assert predict([told], catalog())
    assert not predict([told], catalog(isolation="serializable"))


def test_serializable_is_no_help_against_one_who_is_not():
    pay = (
        Tape("pay")
        .sql("BEGIN ISOLATION LEVEL SERIALIZABLE")
        .sql("SELECT sum(amount) FROM payments WHERE order_id = $1", ORDER)
        .sql(PAY_IN, MINE, ORDER, "live")
        .sql("COMMIT")
    )
    blind = Tape("blind").sql(PAY_IN, str(uuid.uuid4()), ORDER, "live")
    assert predict([pay.solo(), blind.solo()], catalog()) == (), "as if it came after"
    looks = Tape("looks").sql("SELECT sum(amount) FROM payments WHERE order_id = $1", ORDER)
    looks.sql(PAY_IN, str(uuid.uuid4()), ORDER, "live")
    found = predict([pay.solo(), looks.solo()], catalog())
    assert {(one.readers, one.rivals) for one in found} == {
        (("pay",), ("looks",)),
        (("looks",), ("pay",)),
    }


def test_a_lock_that_the_other_does_not_take_is_none():
    pay = paid(Tape("pay").sql("BEGIN").sql(LOCK, ORDER).sql(READ, ORDER)).sql("COMMIT")
    cancel = Tape("cancel").sql("UPDATE orders SET status = 'cancelled' WHERE id = $1", ORDER)
    (found,) = predict([pay.solo(), cancel.solo()], catalog())
    assert (found.readers, found.rivals) == (("pay",), ("cancel",))
    assert (found.read.number, found.act.number) == (3, 4)


def test_a_claim_that_the_other_does_not_heed_is_none():
    pay = paid(
        Tape("pay").sql(
            "UPDATE orders SET status = 'busy' WHERE id = $1 AND status = 'unpaid' RETURNING id",
            ORDER,
        )
    )
    cancel = Tape("cancel").sql("UPDATE orders SET status = 'cancelled' WHERE id = $1", ORDER)
    (found, *_) = predict([pay.solo(), cancel.solo()], catalog())
    assert found.readers == ("pay",)
    heeding = Tape("cancel").sql(READ, ORDER)
    heeding.sql("UPDATE orders SET status = 'cancelled' WHERE id = $1 AND status = 'unpaid'", ORDER)
    assert predict([pay.solo(), heeding.solo()], catalog()) == ()


def test_a_read_that_is_repeated_under_a_lock_comes_last():
    told = tape().sql(READ, ORDER).sql("BEGIN").sql(f"{READ} FOR UPDATE", ORDER)
    (found,) = predict([paid(told).sql("COMMIT").solo()], catalog())
    assert found.twice
    assert found.read.number == 1


def test_orders_of_the_recordings_are_taken_for_one():
    here, there = ORDER, str(uuid.uuid4())
    one = paid(Tape("a").sql(READ, here)).solo(here)
    other = Tape("b").sql(READ, there).stripe().sql(PAID, there).solo(there)
    (found,) = predict([one, other], catalog())
    assert found.readers == ("a", "b")


def test_what_a_driver_only_has_prepared_is_not_done():
    once = Tape().sql("SELECT amount FROM payments WHERE id = $1", MINE).solo()
    (read,) = once.effects
    parsed = msgspec.structs.replace(
        read,
        label="prepare UPDATE orders SET status = ?",
        request={"session": 1, "sql": ["UPDATE orders SET status = $1"], "params": [[]]},
        answer={"tags": [], "error": None, "rows": 0, "status": "I"},
    )
    told = tape().sql(READ, ORDER).stripe().solo()
    assert predict([Solo("tab", (*told.effects, parsed), told.known)], catalog()) == ()


def test_the_prediction_stays_short_where_much_is_read():
    long = tape()
    for number in range(150):
        long.sql("SELECT amount FROM payments WHERE id = $1", str(uuid.uuid4()))
        if number == 60:
            long.sql(READ, ORDER)
    (found,) = predict([paid(long).solo()], catalog())
    assert found.read.text == READ


def numbered(name, order, *, key="pay-{order}-{name}", other=2):
    """A shop whose orders are numbered; the 2 of ``version = 2`` is no order."""
    where = f"WHERE id = {order}"
    return (
        Tape(name)
        .sql(f"SELECT status FROM orders {where}", sample={"status": "unpaid"})
        .stripe(key=key.format(order=order, name=name))
        .sql(f"UPDATE orders SET status = 'paid', version = 2 {where} AND amount = {other}")
        .solo(str(order))
    )


def test_short_numbers_are_the_same_only_where_ids_are():
    (found,) = predict([numbered("a", 1), numbered("b", 2)], catalog(ids="int"))
    assert found.readers == ("a", "b")
    assert found.act.label.startswith("stripe")
    fix = next(fix for fix in found.fixes if fix.name == "conditional UPDATE")
    assert "SET status = 'paid', version = 2 WHERE id = 1 AND amount = 2" in fix.before


def test_keys_made_of_a_numbered_order_are_the_same_key():
    told = [numbered("a", 1, key="pay-{order}"), numbered("b", 2, key="pay-{order}")]
    (found,) = predict(told, catalog(ids="int"))
    assert found.act.label.startswith("postgres UPDATE")


@pytest.mark.parametrize(
    "odd",
    [
        "this is not SQL",
        "",
        "CALL settle($1)",
        "DO $$ BEGIN PERFORM 1; END $$",
        "SELECT settle($1)",
        "CREATE TABLE more (id int)",
        "PREPARE p AS SELECT 1; EXECUTE p",
        "EXECUTE nobody",
        "SET search_path = elsewhere",
        "SAVEPOINT s; ROLLBACK TO s",
        "COPY orders FROM STDIN",
        "MERGE INTO orders o USING payments p ON p.order_id = o.id "
        "WHEN MATCHED THEN UPDATE SET status = 'paid'",
        "UPDATE nowhere SET a = 1 WHERE b = 2",
        "SELECT 'a;b'; SELECT status FROM orders",
    ],
)
def test_what_is_not_understood_is_no_obstacle(odd):
    begun = tape().sql(READ, ORDER)
    begun._add(
        "postgres",
        odd,
        {"session": 1, "sql": [odd], "params": [[ORDER]]},
        {"tags": [], "error": None, "rows": 0, "status": "I"},
    )
    begun._add("postgres", "lost", {"session": 2, "sql": [odd], "params": [[None]]}, None)
    found = predict([begun.stripe().sql(PAID, ORDER).solo()], catalog())
    assert found[0].act.label.startswith("stripe")
    assert READ in {one.read.text for one in found}
