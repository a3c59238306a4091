"""Effect lists written by hand that deserve a prediction."""

from __future__ import annotations

import pytest
from pair_tapes import CLAIM, LIVE, LOCK, MINE, PAID, PAY_IN, READ, inside, paid, tape
from tape import ORDER, catalog, unique

from paidonce.harness.predict import predict

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
