"""Traps are named where the recording shows them, and nowhere else."""

from __future__ import annotations

import pytest
from tape import ORDER, Tape, catalog

from paidonce.harness.predict import TrapKind, forecast
from paidonce.harness.predict.wording import worded
from paidonce.reports.formats import predictions as writer

READ = "SELECT id, status, amount FROM orders WHERE id = $1"
SHOWN = {"id": ORDER, "status": "unpaid", "amount": "100"}
WHOLE = "UPDATE orders SET status = 'paid', amount = $2 WHERE id = $1"
ALONE = "UPDATE orders SET status = 'paid' WHERE id = $1"
GUARDED = "UPDATE orders SET status = 'paid', version = version + 1 WHERE id = $1 AND version = 0"


def shown(*tapes, orm=None):
    solos = [one.solo() for one in tapes]
    return worded(forecast(solos, catalog()), solos, orm).looked


def kinds(*tapes):
    return [one.kind for one in shown(*tapes).traps]


def locked(tape):
    return tape.sql(f"{READ} FOR UPDATE", ORDER, sample=SHOWN)


def test_a_lock_outside_a_transaction_is_released_at_once():
    looked = shown(locked(Tape()).stripe().sql(ALONE, ORDER), orm="sequelize")
    assert [one.kind for one in looked.traps] == [TrapKind.RELEASED]
    (line,) = [one for one in writer.seen(looked) if "trap" in one]
    assert line.endswith(
        "this is Sequelize's findOne with a lock: a lock outside a transaction: it is "
        "released at once"
    )


def test_so_is_an_advisory_lock_of_the_transaction():
    lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
    assert kinds(Tape().sql(lock, ORDER).stripe()) == [TrapKind.RELEASED]
    assert kinds(Tape().sql("BEGIN").sql(lock, ORDER).stripe().sql("COMMIT")) == []


def test_a_lock_within_a_transaction_is_none():
    tape = locked(Tape().sql("BEGIN")).stripe().sql(ALONE, ORDER).sql("COMMIT")
    assert kinds(tape) == []


@pytest.mark.parametrize(
    "claim",
    [
        "UPDATE orders SET status = 'paid' WHERE id = (SELECT id FROM orders WHERE id = $1 "
        "FOR UPDATE SKIP LOCKED)",
        "WITH one AS (UPDATE orders SET status = 'paid' WHERE id = $1 RETURNING id) "
        "SELECT id FROM one",
    ],
)
def test_a_statement_that_changes_what_it_locks_is_none(claim):
    assert kinds(Tape().sql(claim, ORDER)) == []


def test_a_stale_entity_that_is_saved_whole_writes_back_what_it_read():
    tape = Tape().sql(READ, ORDER, sample=SHOWN).stripe().sql(WHOLE, ORDER, "100")
    (trap,) = shown(tape).traps
    assert (trap.kind, trap.columns, trap.read.number) == (TrapKind.STALE, ("amount",), 1)


@pytest.mark.parametrize(
    "tape",
    [
        Tape().sql(READ, ORDER, sample=SHOWN).stripe().sql(ALONE, ORDER),
        Tape().sql(READ, ORDER, sample=SHOWN).stripe().sql(WHOLE, ORDER, "90"),
        locked(Tape().sql("BEGIN")).stripe().sql(WHOLE, ORDER, "100").sql("COMMIT"),
        Tape().sql(READ, ORDER, sample=SHOWN).sql(f"{WHOLE} AND version = 0", ORDER, "100"),
        Tape()
        .sql("BEGIN")
        .sql("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", ORDER)
        .sql(READ, ORDER, sample=SHOWN)
        .stripe()
        .sql(WHOLE, ORDER, "100")
        .sql("COMMIT"),
    ],
    ids=["what is changed alone", "another value", "locked", "on its version", "advisory lock"],
)
def test_what_writes_nothing_back_is_none(tape):
    assert kinds(tape) == []


def test_an_update_that_skips_the_version_is_named():
    guarded = Tape("pay").sql(READ, ORDER, sample=SHOWN).sql(GUARDED, ORDER)
    bulk = Tape("cancel").sql("UPDATE orders SET status = 'cancelled' WHERE id = $1", ORDER)
    (trap,) = shown(guarded, bulk).traps
    assert (trap.kind, trap.spot.attempt, trap.columns) == (TrapKind.SKIPS, "cancel", ("version",))


def test_one_that_counts_it_on_is_none_and_neither_is_one_that_nobody_goes_by():
    guarded = Tape("pay").sql(READ, ORDER, sample=SHOWN).sql(GUARDED, ORDER)
    counts = "UPDATE orders SET status = 'cancelled', version = version + 1 WHERE id = $1"
    assert kinds(guarded, Tape("cancel").sql(counts, ORDER)) == []
    assert kinds(Tape("cancel").sql(ALONE, ORDER)) == []
