"""Effect lists written by hand that are protected, and deserve no prediction."""

from __future__ import annotations

import pytest
from pair_tapes import CLAIM, LIVE, LOCK, MINE, PAID, PAY_IN, READ, paid, tape
from tape import ORDER, catalog, unique

from paidonce.harness.predict import predict

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
CATALOGS = {
    "a unique entry before the charge": catalog(unique("order_id")),
    "a unique entry for as long as it is live": catalog(unique("order_id", predicate=LIVE)),
}


@pytest.mark.parametrize("case", UNDESERVING)
def test_what_is_protected_is_not_predicted(case):
    found = predict([UNDESERVING[case].solo()], CATALOGS.get(case, catalog()))
    assert [(one.read.number, one.act.number, one.why) for one in found] == []
