"""What is proposed closes the prediction: the changed statements, told again, are not predicted."""

from __future__ import annotations

import msgspec
import pglast
import pytest
from tape import ORDER, Tape, catalog, unique

from harness.predict import Looked, Standing, forecast, predict, undecided
from reports import predictions as writer

LOOKED = Looked(attempts=1, reads=1)
READ = "SELECT id, status, version FROM orders WHERE id = $1"
SHOWN = {"id": ORDER, "status": "unpaid", "version": "0"}
UNVERSIONED = "SELECT id, status FROM orders WHERE id = $1"
MADE_UP = "2f9c1d1e-7c1b-4d5c-9a57-4b3a64a1b7de"
PAID = "UPDATE orders SET status = 'paid' WHERE id = $1"


def told(read=READ):
    return Tape().sql(read, ORDER, sample=SHOWN).stripe(key=MADE_UP).sql(PAID, ORDER)


def fixes(tape, where=None):
    (found,) = predict([tape.solo()], where or catalog())
    return {fix.name: fix for fix in found.fixes}


def test_each_is_proposed_with_sql_that_parses():
    found = fixes(told())
    assert list(found) == [
        "FOR UPDATE",
        "conditional UPDATE",
        "claim",
        "advisory lock",
        "idempotency key",
    ]
    for name in ("FOR UPDATE", "conditional UPDATE", "claim", "advisory lock"):
        pglast.parse_sql(found[name].after)
    assert found["FOR UPDATE"].before == READ
    assert found["FOR UPDATE"].after == f"{READ} FOR UPDATE"
    assert found["idempotency key"].before == f"Idempotency-Key: {MADE_UP}"
    assert found["idempotency key"].partly


def test_for_update_closes_it():
    after = fixes(told())["FOR UPDATE"].after
    closed = (
        Tape().sql("BEGIN").sql(after, ORDER).stripe(key=MADE_UP).sql(PAID, ORDER).sql("COMMIT")
    )
    assert predict([closed.solo()], catalog()) == ()


@pytest.mark.parametrize(
    ("read", "condition"), [(READ, "version = 0"), (UNVERSIONED, "status = 'unpaid'")]
)
def test_a_conditional_update_before_the_call_closes_it(read, condition):
    fix = fixes(told(read))["conditional UPDATE"]
    assert fix.before == PAID
    assert condition in fix.after
    closed = Tape().sql(read, ORDER).sql(fix.after, ORDER).stripe(key=MADE_UP)
    assert predict([closed.solo()], catalog()) == ()


def test_a_claim_closes_it():
    fix = fixes(told())["claim"]
    assert fix.after == (
        "UPDATE orders SET status = 'processing' WHERE id = $1 AND status = 'unpaid'"
    )
    closed = Tape().sql(fix.after, ORDER).sql(READ, ORDER).stripe(key=MADE_UP).sql(PAID, ORDER)
    assert predict([closed.solo()], catalog()) == ()


def test_an_advisory_lock_closes_it():
    lock, read = pglast.split(fixes(told())["advisory lock"].after)
    closed = Tape().sql("BEGIN").sql(lock, ORDER).sql(read, ORDER).stripe(key=MADE_UP)
    assert predict([closed.sql(PAID, ORDER).sql("COMMIT").solo()], catalog()) == ()


def test_a_unique_index_closes_it():
    tape = Tape().sql("SELECT state FROM payments WHERE order_id = $1", ORDER, rows=0)
    tape.sql(
        "INSERT INTO payments (id, order_id, state) VALUES ($1, $2, 'live')",
        ORDER[:-1] + "2",
        ORDER,
    )
    fix = fixes(tape)["unique index"]
    assert fix.after == "CREATE UNIQUE INDEX ON payments (order_id)"
    assert predict([tape.solo()], catalog(unique("order_id"))) == ()


def test_a_key_of_the_order_closes_the_call_alone():
    tape = Tape().sql(READ, ORDER).stripe(key=f"{ORDER}:create").sql(PAID, ORDER)
    (found,) = predict([tape.solo()], catalog())
    assert found.act.label.startswith("postgres UPDATE"), "the write is still there"


def test_a_condition_that_is_there_already_is_only_to_come_earlier():
    late = "UPDATE orders SET status = 'paid', version = 1 WHERE id = $1 AND version = 0"
    tape = Tape().sql(READ, ORDER, sample=SHOWN).stripe().sql(late, ORDER)
    fix = fixes(tape)["conditional UPDATE"]
    assert fix.before == fix.after == late
    assert "before payment_intent.create" in fix.how


@pytest.mark.parametrize(
    "read",
    [
        "SELECT count(status) FROM orders WHERE id = $1",
        "SELECT DISTINCT status FROM orders WHERE id = $1",
        "SELECT status FROM orders WHERE id = $1 GROUP BY status",
    ],
)
def test_for_update_is_not_proposed_where_it_cannot_stand(read):
    assert "FOR UPDATE" not in fixes(told(read))


def test_what_is_confirmed_is_written_with_its_diff():
    found = forecast([told().solo()], catalog())
    open_ones = undecided(found, "not explored")
    confirmed = [msgspec.structs.replace(open_ones[0], standing=Standing.CONFIRMED)]
    text = writer.markdown(confirmed, LOOKED)
    assert "❌ confirmed" in text
    assert f"```diff\n- {READ}\n+ {READ} FOR UPDATE\n```" in text
    assert "❔ open" in writer.markdown(open_ones, LOOKED)
    assert "diff" not in writer.markdown(open_ones, LOOKED)


def test_of_a_long_statement_what_is_around_the_change_is_shown():
    columns = ", ".join(f"column_{number} AS c{number}" for number in range(60))
    read = f"SELECT status, {columns} FROM orders WHERE id = $1"
    found = undecided(forecast([told(read).solo()], catalog()), "not explored")
    confirmed = [msgspec.structs.replace(found[0], standing=Standing.CONFIRMED)]
    text = writer.markdown(confirmed, LOOKED)
    assert "+ …" in text
    assert "WHERE id = $1 FOR UPDATE\n" in text
