"""Effect lists written by hand: those that deserve a prediction, and those that do not."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from tape import ORDER, Tape, catalog, unique

from harness.predict import Solo, predict

READ = "SELECT id, status, amount, version FROM orders WHERE id = $1"
PAID = "UPDATE orders SET status = 'paid' WHERE id = $1"
CLAIM = "UPDATE orders SET claimed_by = $2 WHERE id = $1 AND claimed_by IS NULL"
PAY_IN = "INSERT INTO payments (id, order_id, state, amount) VALUES ($1, $2, $3, 10)"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
MINE = "8c7d2c9e-1111-4b6e-9c0a-6a1e7d1f4c22"
LIVE = "(state = ANY (ARRAY['live'::text, 'unknown'::text]))"


def tape():
    return Tape()


def paid(begun):
    """The rest of an attempt that has read."""
    return begun.stripe(key=str(uuid.uuid4())).sql(PAID, ORDER)


def inside(tape_, *, level="", end=True):
    begun = tape_.sql(f"BEGIN{level}").sql(READ, ORDER)
    return paid(begun).sql("COMMIT") if end else begun


DESERVING = {
    "read, charge, write": (paid(tape().sql(READ, ORDER)), 1, 2),
    "a transaction is no lock": (inside(tape()), 2, 3),
    "the lock is let go of before the charge": (
        paid(tape().sql("BEGIN").sql(f"{READ} FOR UPDATE", ORDER).sql("COMMIT")),
        2,
        4,
    ),
    "the condition comes after the charge": (
        tape()
        .sql(READ, ORDER)
        .stripe()
        .sql("UPDATE orders SET status = 'paid', version = 1 WHERE id = $1 AND version = 0", ORDER),
        1,
        2,
    ),
    "SERIALIZABLE cannot take back a charge": (
        inside(tape(), level=" ISOLATION LEVEL SERIALIZABLE"),
        2,
        3,
    ),
    "looked for, then put in": (
        tape()
        .sql("SELECT count(*) FROM payments WHERE order_id = $1", ORDER)
        .sql(PAY_IN, MINE, ORDER, "live"),
        1,
        2,
    ),
    "FOR UPDATE of a row that is not there": (
        tape()
        .sql("BEGIN")
        .sql("SELECT id FROM payments WHERE order_id = $1 FOR UPDATE", ORDER, rows=0)
        .sql(PAY_IN, MINE, ORDER, "live")
        .sql("COMMIT"),
        2,
        3,
    ),
    "REPEATABLE READ lets a sum be outdated": (
        tape()
        .sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .sql("SELECT sum(amount) FROM payments WHERE order_id = $1", ORDER)
        .sql(PAY_IN, MINE, ORDER, "live")
        .sql("COMMIT"),
        2,
        3,
    ),
    "an advisory lock that comes after the read": (
        paid(tape().sql("BEGIN").sql(READ, ORDER).sql(LOCK, ORDER)).sql("COMMIT"),
        2,
        4,
    ),
    "a fencing token alone stops nobody who comes later": (
        tape()
        .sql("UPDATE orders SET fence = 7 WHERE id = $1 AND fence < 7 RETURNING id, status", ORDER)
        .stripe()
        .sql(PAID, ORDER),
        1,
        2,
    ),
    "a condition that the other still meets": (
        tape()
        .sql(READ, ORDER)
        .sql("UPDATE orders SET seen_at = 5 WHERE id = $1 AND version = 0", ORDER)
        .stripe()
        .sql(PAID, ORDER),
        1,
        3,
    ),
    "SKIP LOCKED outside of a transaction": (
        tape()
        .sql("SELECT * FROM payments WHERE state = 'queued' LIMIT 1 FOR UPDATE SKIP LOCKED")
        .sql("UPDATE payments SET state = 'busy' WHERE id = $1", MINE)
        .stripe(),
        1,
        3,
    ),
    "an upsert lets everybody through": (
        tape()
        .sql("SELECT state FROM payments WHERE order_id = $1", ORDER, rows=0)
        .sql(f"{PAY_IN} ON CONFLICT (order_id) DO UPDATE SET state = 'live'", MINE, ORDER, "live")
        .stripe(),
        1,
        3,
    ),
    "a claim that is given back, of what was read before it": (
        paid(tape().sql(READ, ORDER).sql(CLAIM, ORDER, MINE)).sql(
            "UPDATE orders SET claimed_by = NULL WHERE id = $1", ORDER
        ),
        1,
        3,
    ),
    "an entry that the index's condition leaves out": (
        tape()
        .sql("SELECT state FROM payments WHERE order_id = $1", ORDER, rows=0)
        .sql(PAY_IN, MINE, ORDER, "done")
        .stripe(),
        1,
        3,
    ),
}
CATALOGS = {
    "an upsert lets everybody through": catalog(unique("order_id")),
    "an entry that the index's condition leaves out": catalog(unique("order_id", predicate=LIVE)),
}


@pytest.mark.parametrize("case", DESERVING)
def test_what_can_be_ordered_badly_is_predicted_first(case):
    told, read, act = DESERVING[case]
    found = predict([told.solo()], CATALOGS.get(case, catalog()))
    assert found, "nothing predicted"
    assert (found[0].read.number, found[0].act.number) == (read, act)
    assert found[0].lease is None
    assert found[0].why
    assert not found[0].twice


UNDESERVING = {
    "FOR UPDATE until the end": (
        paid(tape().sql("BEGIN").sql(f"{READ} FOR UPDATE", ORDER)).sql("COMMIT")
    ),
    "FOR UPDATE NOWAIT": (
        paid(tape().sql("BEGIN").sql(f"{READ} FOR UPDATE NOWAIT", ORDER)).sql("COMMIT")
    ),
    "a lock taken earlier on the parent": (
        tape()
        .sql("BEGIN")
        .sql(f"{READ} FOR UPDATE", ORDER)
        .sql("SELECT sum(amount) FROM payments WHERE order_id = $1", ORDER)
        .stripe()
        .sql(PAY_IN, MINE, ORDER, "live")
        .sql("COMMIT")
    ),
    "LOCK TABLE": (
        paid(tape().sql("BEGIN").sql("LOCK TABLE orders IN EXCLUSIVE MODE").sql(READ, ORDER)).sql(
            "COMMIT"
        )
    ),
    "an advisory lock before the read": (
        paid(tape().sql("BEGIN").sql(LOCK, ORDER).sql(READ, ORDER)).sql("COMMIT")
    ),
    "an advisory lock of the session": (
        paid(tape().sql("SELECT pg_advisory_lock(7)").sql(READ, ORDER)).sql(
            "SELECT pg_advisory_unlock(7)"
        )
    ),
    "the condition on the version comes first": (
        tape()
        .sql(READ, ORDER)
        .sql("UPDATE orders SET status = 'busy', version = 1 WHERE id = $1 AND version = 0", ORDER)
        .stripe()
        .sql(PAID, ORDER)
    ),
    "the condition on the status comes first": (
        tape()
        .sql(READ, ORDER)
        .sql("UPDATE orders SET status = 'busy' WHERE id = $1 AND status = 'unpaid'", ORDER)
        .stripe()
        .sql(PAID, ORDER)
    ),
    "a claim that returns what it claims": (
        paid(tape().sql(f"{CLAIM} RETURNING id, status, amount", ORDER, MINE)).sql(
            "UPDATE orders SET claimed_by = NULL WHERE id = $1 AND claimed_by = $2", ORDER, MINE
        )
    ),
    "a fencing token, asked for again with the claim": (
        tape()
        .sql("UPDATE orders SET fence = 7 WHERE id = $1 AND fence < 7 RETURNING id, status", ORDER)
        .sql("UPDATE orders SET status = 'busy' WHERE id = $1 AND fence = 7", ORDER)
        .stripe()
        .sql(PAID, ORDER)
    ),
    "SERIALIZABLE decides before the charge": (
        tape()
        .sql("BEGIN ISOLATION LEVEL SERIALIZABLE")
        .sql(READ, ORDER)
        .sql("UPDATE orders SET status = 'busy' WHERE id = $1", ORDER)
        .sql("COMMIT")
        .stripe()
        .sql("BEGIN ISOLATION LEVEL SERIALIZABLE")
        .sql("UPDATE orders SET status = 'paid' WHERE id = $1", ORDER)
        .sql("COMMIT")
    ),
    "SERIALIZABLE and a sum": (
        tape()
        .sql("BEGIN ISOLATION LEVEL SERIALIZABLE")
        .sql("SELECT sum(amount) FROM payments WHERE order_id = $1", ORDER)
        .sql(PAY_IN, MINE, ORDER, "live")
        .sql("COMMIT")
    ),
    "REPEATABLE READ and the same row": (
        tape()
        .sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .sql(READ, ORDER)
        .sql("UPDATE orders SET status = 'busy' WHERE id = $1", ORDER)
        .sql("COMMIT")
        .stripe()
    ),
    "a unique entry before the charge": (
        tape()
        .sql("SELECT state FROM payments WHERE order_id = $1", ORDER, rows=0)
        .sql(PAY_IN, MINE, ORDER, "live")
        .stripe()
    ),
    "a unique entry for as long as it is live": (
        tape()
        .sql(PAY_IN, MINE, ORDER, "live")
        .sql(READ, ORDER)
        .stripe()
        .sql("BEGIN")
        .sql(PAID, ORDER)
        .sql("UPDATE payments SET state = 'done' WHERE id = $1", MINE)
        .sql("COMMIT")
    ),
    "a key of the order, and nothing else to overwrite": (
        tape().sql(READ, ORDER).stripe(key=f"{ORDER}:pay").sql(f"{PAID} AND status = 'x'", ORDER)
    ),
    "nobody writes what is read": tape().sql(READ, ORDER).stripe(),
    "the columns that are read stay as they are": (
        tape()
        .sql("SELECT status FROM orders WHERE id = $1", ORDER)
        .stripe()
        .sql("UPDATE orders SET seen_at = 5 WHERE id = $1", ORDER)
    ),
    "rows of one's own": (
        tape()
        .sql("SELECT state FROM payments WHERE id = $1", MINE)
        .stripe()
        .sql("UPDATE payments SET state = 'x' WHERE id = $1", MINE)
    ),
    "what is rolled back is seen by nobody": (
        tape().sql("BEGIN").sql(READ, ORDER).sql(PAID, ORDER).sql("ROLLBACK").stripe()
    ),
    "a job that is taken by one statement": (
        tape()
        .sql(
            "UPDATE payments SET state = 'busy' WHERE id = (SELECT id FROM payments "
            "WHERE state = 'queued' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *"
        )
        .stripe()
        .sql("UPDATE payments SET state = 'done' WHERE id = $1", MINE)
    ),
    "a pool that tidies up a connection": (
        tape()
        .sql(READ, ORDER)
        .sql("SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL")
        .sql("UPDATE orders SET status = 'paid' WHERE id = $1 AND status = 'unpaid'", ORDER)
    ),
    "nothing comes after the read": tape().sql(PAID, ORDER).sql(READ, ORDER),
}
CATALOGS |= {
    "a unique entry before the charge": catalog(unique("order_id")),
    "a unique entry for as long as it is live": catalog(unique("order_id", predicate=LIVE)),
}


@pytest.mark.parametrize("case", UNDESERVING)
def test_what_is_protected_is_not_predicted(case):
    found = predict([UNDESERVING[case].solo()], CATALOGS.get(case, catalog()))
    assert [(one.read.number, one.act.number, one.why) for one in found] == []


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
