"""What is proposed closes the prediction: the changed statements, told again, are not predicted."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from tape import ORDER, Tape, catalog, unique

from paidonce.harness import sql_trees
from paidonce.harness.explore.footprint.sql.catalog import Table
from paidonce.harness.predict import Looked, Standing, forecast, predict, undecided
from paidonce.harness.predict.differing import MIXED_UP
from paidonce.harness.predict.serializing import serializable
from paidonce.harness.taps.changes import Keyed, Replaced
from paidonce.harness.taps.postgres.changing import words_of
from paidonce.reports.formats import predictions as writer

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
        sql_trees.parse_sql(found[name].after)
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
    lock, read = sql_trees.split(fixes(told())["advisory lock"].after)
    closed = Tape().sql("BEGIN").sql(lock, ORDER).sql(read, ORDER).stripe(key=MADE_UP)
    assert predict([closed.sql(PAID, ORDER).sql("COMMIT").solo()], catalog()) == ()


@pytest.mark.parametrize(
    "key",
    [
        "$1",
        "hashtext($1::text)",
        "hashtextextended($1::text, 0)",
        "hashtextextended('order:' || $1::text, 0)",
    ],
)
def test_an_advisory_lock_on_numbers_closes_it_whichever_orders_they_were_recorded_with(key):
    """Each attempt is recorded with an order of its own, so the locks differ in the hash."""

    def locked(name, order):
        tape = Tape(name).sql("BEGIN").sql(f"SELECT pg_advisory_xact_lock({key})", order)
        tape.sql(UNVERSIONED, order).stripe(key=name).sql(PAID, order).sql("COMMIT")
        return tape.solo(order)

    where = catalog(ids="int")
    where = msgspec.structs.replace(where, builtin={**where.builtin, "hashtext": "immutable"})
    assert predict([locked("a", "730418"), locked("b", "730425")], where) == ()


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
        "SELECT max(status) AS status FROM orders WHERE id = $1",
        "SELECT status FROM orders WHERE id = $1 UNION SELECT status FROM orders WHERE id = $1",
        "SELECT status, row_number() OVER () FROM orders WHERE id = $1",
    ],
)
def test_for_update_is_not_proposed_where_it_cannot_stand(read):
    assert "FOR UPDATE" not in fixes(told(read))


def sums(level="", *, inside=False):
    """A ledger: what is there is added up, and a row put in."""
    add_up = "SELECT sum(amount) AS s FROM payments WHERE order_id = $1"
    put = "INSERT INTO payments (id, order_id, amount) VALUES ($1, $2, -10)"
    tape = Tape().sql(f"BEGIN{level}").sql(add_up, ORDER, sample={"s": "100"})
    if inside:
        return tape.stripe().sql(put, MADE_UP, ORDER).sql("COMMIT")
    return tape.sql(put, MADE_UP, ORDER).sql("COMMIT").stripe()


def test_of_what_is_added_up_the_parent_row_is_locked_and_nothing_else_decides():
    found = fixes(sums())
    assert list(found) == ["parent row lock", "advisory lock", "idempotency key"]
    lock, _ = sql_trees.split(found["parent row lock"].after)
    assert lock == "SELECT 1 FROM orders WHERE id = $1 FOR UPDATE"


def test_within_one_snapshot_a_lock_is_taken_before_begin():
    found = fixes(sums(" ISOLATION LEVEL REPEATABLE READ"))
    assert "parent row lock" not in found
    assert found["advisory lock"].after.startswith("SELECT pg_advisory_lock(")
    assert "before BEGIN" in found["advisory lock"].how
    assert "SERIALIZABLE" in found


def test_a_transaction_that_will_be_refused_calls_stripe_after_its_commit():
    found = fixes(sums(" ISOLATION LEVEL SERIALIZABLE", inside=True))
    assert list(found) == ["Stripe after COMMIT"]


@pytest.mark.parametrize(
    ("level", "inside"),
    [
        ("", True),  # nobody is refused
        (" ISOLATION LEVEL REPEATABLE READ", True),  # each puts in a row of its own: nor here
        (" ISOLATION LEVEL REPEATABLE READ", False),
    ],
)
def test_where_no_transaction_that_called_is_refused_the_call_stays_where_it_is(level, inside):
    assert "Stripe after COMMIT" not in fixes(sums(level, inside=inside))


def test_a_call_that_comes_after_the_commit_is_not_told_to():
    assert predict([sums(" ISOLATION LEVEL SERIALIZABLE").solo()], catalog()) == ()


def test_a_statement_with_the_answer_in_it_is_not_moved_before_the_call():
    late = "UPDATE orders SET status = 'paid', claimed_by = $2 WHERE id = $1"
    tape = Tape().sql(UNVERSIONED, ORDER, sample=SHOWN).stripe().sql(late, ORDER, "pi_1")
    assert "conditional UPDATE" not in fixes(tape)


def test_a_condition_that_still_holds_after_the_other_has_written_is_none():
    same = "UPDATE orders SET status = 'unpaid' WHERE id = $1"
    tape = Tape().sql(UNVERSIONED, ORDER, sample=SHOWN).stripe().sql(same, ORDER)
    found = fixes(tape)
    assert "conditional UPDATE" not in found
    assert "claim" not in found


def test_a_row_whose_state_is_not_moved_on_is_not_claimed():
    """It may be one that many share: a product, a coupon."""
    read = "SELECT id, status, amount FROM orders WHERE id = $1"
    write = "UPDATE orders SET amount = 0 WHERE id = $1"
    tape = Tape().sql(read, ORDER, sample=SHOWN).stripe().sql(write, ORDER)
    assert "claim" not in fixes(tape)


def test_a_claim_keeps_the_limit_and_asks_for_the_state_once():
    read = "SELECT id, status FROM orders WHERE status = 'unpaid' ORDER BY amount LIMIT 1"
    tape = Tape().sql(read, sample=SHOWN).stripe().sql(PAID, ORDER)
    assert fixes(tape)["claim"].after == (
        "UPDATE orders SET status = 'processing' WHERE id = (SELECT id FROM orders WHERE "
        "status = 'unpaid' ORDER BY amount LIMIT 1 FOR UPDATE SKIP LOCKED)"
    )


def test_a_claim_of_a_row_by_its_key_has_no_limit():
    """Django's get() asks for 21 rows, to see whether there are several."""
    found = fixes(told("SELECT id, status FROM orders WHERE id = $1 LIMIT 21"))
    assert found["claim"].after == (
        "UPDATE orders SET status = 'processing' WHERE id = $1 AND status = 'unpaid'"
    )


def test_of_several_rows_none_is_claimed():
    """Only a subquery of one row can be compared with (manual, 4.2.11)."""
    read = "SELECT id, status FROM orders WHERE status = 'unpaid' ORDER BY amount LIMIT 5"
    tape = Tape().sql(read, sample=SHOWN).stripe().sql(PAID, ORDER)
    assert "claim" not in fixes(tape)


@dataclass(frozen=True)
class Holding:
    """``Data`` as a test would have it."""

    repeated: bool = False
    takes: bool = True
    conditions: tuple[str, ...] = ()
    again: bool = False

    def repeats(self, table, columns, where):
        return self.repeated

    def checks(self, table, column):
        return self.conditions

    def fits(self, table, column, word):
        return self.takes

    def succeeds_again(self, mine, theirs, label):
        return self.again


def of_data(tape, data, where=None):
    (found,) = forecast([tape.solo()], where or catalog(), data=data).predictions
    return {fix.name for fix in found.fixes}


def looked_up():
    tape = Tape().sql("SELECT state FROM payments WHERE order_id = $1", ORDER, rows=0)
    put = "INSERT INTO payments (id, order_id, state) VALUES ($1, $2, 'live')"
    return tape.sql(put, MADE_UP, ORDER)


def test_an_index_that_rows_violate_is_not_proposed():
    assert "unique index" in of_data(looked_up(), Holding())
    assert "unique index" not in of_data(looked_up(), Holding(repeated=True))


def test_an_index_is_not_proposed_where_rows_are_there_already():
    tape = Tape().sql("SELECT state FROM payments WHERE order_id = $1", ORDER, rows=2)
    put = "INSERT INTO payments (id, order_id, state) VALUES ($1, $2, 'live')"
    assert "unique index" not in of_data(tape.sql(put, MADE_UP, ORDER), Holding())


def test_an_index_of_a_state_is_a_partial_one():
    read = "SELECT id FROM payments WHERE order_id = $1 AND state = 'live'"
    tape = Tape().sql(read, ORDER, rows=0)
    put = "INSERT INTO payments (id, order_id, state) VALUES ($1, $2, 'live')"
    found = fixes(tape.sql(put, MADE_UP, ORDER))
    assert found["unique index"].after == (
        "CREATE UNIQUE INDEX ON payments (order_id) WHERE state = 'live'"
    )


@pytest.mark.parametrize(
    "data", [Holding(takes=False), Holding(conditions=("(status = ANY (ARRAY['unpaid'::text]))",))]
)
def test_a_state_that_the_column_does_not_take_is_not_proposed(data):
    assert "claim" in of_data(told(), Holding())
    assert "claim" not in of_data(told(), data)


def test_a_key_is_not_proposed_where_the_second_call_is_lawful():
    assert "idempotency key" in of_data(told(), Holding())
    assert "idempotency key" not in of_data(told(), Holding(again=True))


def test_a_key_is_not_proposed_where_the_calls_differ():
    one = Tape("a").sql(READ, ORDER).stripe(amount="5").sql(PAID, ORDER).solo()
    two = Tape("b").sql(READ, ORDER).stripe(amount="6").sql(PAID, ORDER).solo()
    (found,) = predict([one, two], catalog())
    assert "idempotency key" not in {fix.name for fix in found.fixes}


def test_an_outer_join_is_locked_on_the_side_that_is_there():
    joined = (
        "SELECT o.status FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE o.id = $1"
    )
    assert fixes(told(joined))["FOR UPDATE"].after == f"{joined} FOR UPDATE OF o"
    other = (
        "SELECT o.status FROM payments p LEFT JOIN orders o ON p.order_id = o.id WHERE o.id = $1"
    )
    assert "FOR UPDATE" not in fixes(told(other))


def test_the_rows_of_a_view_are_not_locked_by_its_name():
    """FOR UPDATE goes through a simple view, but one that groups or joins refuses it, or locks
    more than is meant: the advice is for the rows of a table."""
    tables = catalog().tables
    where = msgspec.structs.replace(
        catalog(),
        tables={
            **tables,
            "public.due": Table(
                name="public.due",
                kind="view",
                columns=tables["public.orders"].columns,
                view="SELECT id, status, version FROM public.orders",
            ),
        },
    )
    found = fixes(told("SELECT id, status, version FROM due WHERE id = $1"), where)
    assert "FOR UPDATE" not in found
    assert "conditional UPDATE" in found
    assert "FOR UPDATE" in fixes(told(), where)


def test_of_no_row_none_is_locked():
    tape = Tape().sql(READ, ORDER, rows=0).stripe().sql(PAID, ORDER)
    assert "FOR UPDATE" not in fixes(tape)


def test_a_lock_that_is_let_go_of_too_early_is_to_be_kept():
    read = "SELECT id, status FROM orders WHERE id = $1 FOR UPDATE SKIP LOCKED"
    found = fixes(Tape().sql(read, ORDER, sample=SHOWN).stripe().sql(PAID, ORDER))
    assert found["one transaction"].after == f"BEGIN; {read}"
    assert "somebody else has" in found["one transaction"].how
    assert "FOR UPDATE" not in found


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
    assert "column_59" not in text
    assert "SELECT … FROM orders WHERE id = $1" in text.partition("diff")[0]
    assert "+ SELECT … FROM orders WHERE id = $1 FOR UPDATE\n" in text


def test_of_a_long_condition_what_is_around_the_change_is_shown():
    wanted = " OR ".join(f"id = $1 AND status <> 'word number {number}'" for number in range(20))
    read = f"SELECT status FROM orders WHERE ({wanted}) AND id = $1"
    found = undecided(forecast([told(read).solo()], catalog()), "not explored")
    confirmed = [msgspec.structs.replace(found[0], standing=Standing.CONFIRMED)]
    text = writer.markdown(confirmed, LOOKED)
    assert "+ …" in text
    assert "AND id = $1 FOR UPDATE\n" in text


# --- what is changed so that they are tried ---------------------------------------------------


def inside(read=READ):
    return (
        Tape()
        .sql("BEGIN")
        .sql(read, ORDER, sample=SHOWN)
        .stripe(key=MADE_UP)
        .sql(PAID, ORDER)
        .sql("COMMIT")
    )


def test_a_lock_is_tried_in_a_transaction_that_stays_open():
    found = fixes(inside())
    assert found["FOR UPDATE"].changes == (Replaced(sql=READ, by=f"{READ} FOR UPDATE"),)
    (lock,) = found["advisory lock"].changes
    assert (lock.sql, f"{lock.by}; {READ}") == (READ, found["advisory lock"].after)
    assert found["FOR UPDATE"].untried == found["advisory lock"].untried == ""


@pytest.mark.parametrize(
    "tape",
    [
        told(),
        Tape().sql("BEGIN").sql(READ, ORDER, sample=SHOWN).sql("COMMIT").stripe().sql(PAID, ORDER),
        Tape().sql("BEGIN").sql(READ, ORDER, sample=SHOWN).stripe().sql("COMMIT").sql(PAID, ORDER),
    ],
    ids=["no transaction", "over before the call", "over before the result"],
)
def test_a_lock_that_would_be_let_go_of_is_not_tried(tape):
    found = fixes(tape)
    for name in ("FOR UPDATE", "advisory lock"):
        assert found[name].changes == ()
        assert "in a transaction that stays open until" in found[name].untried


def test_an_advisory_lock_is_not_tried_where_the_other_attempt_would_not_take_it():
    other = Tape("admin").sql(PAID, ORDER)
    (one,) = predict([inside().solo(), other.solo()], catalog())
    fix = next(fix for fix in one.fixes if fix.name == "advisory lock")
    assert fix.changes == ()
    assert "the other attempt has to take the same lock" in fix.untried


def test_each_fix_says_what_is_changed_or_why_nothing_is():
    for tape in (told(), inside()):
        for fix in fixes(tape).values():
            assert bool(fix.changes) != bool(fix.untried), fix.name


def test_a_key_is_given_to_all_calls_of_that_kind():
    assert fixes(told())["idempotency key"].changes == (Keyed(label="payment_intent.create"),)


def test_words_that_differ_between_recordings_are_not_asked_for():
    """A client that writes its parameters into the text of the statement."""

    def alone(order):
        read = READ.replace("$1", order)
        shown = {**SHOWN, "id": order}
        paid = f"UPDATE orders SET status = 'paid' WHERE id = {order}"
        tape = Tape().sql("BEGIN").sql(read, sample=shown).stripe().sql(paid).sql("COMMIT")
        return tape.solo()

    where = catalog(ids="int")
    (one,) = forecast([alone("41")], where, again=[alone("52")]).predictions
    (change,) = next(fix.changes for fix in one.fixes if fix.name == "FOR UPDATE")
    assert words_of(change.sql)[change.differing[0]] == "41"
    assert len(change.differing) == 1


def test_a_value_that_stands_twice_is_not_told_apart():
    def alone(order):
        read = READ.replace("$1", order) + f" AND amount < {order}"
        paid = f"UPDATE orders SET status = 'paid' WHERE id = {order}"
        shown = {**SHOWN, "id": order}
        tape = Tape().sql("BEGIN").sql(read, sample=shown).stripe().sql(paid).sql("COMMIT")
        return tape.solo()

    (one,) = forecast([alone("41")], catalog(ids="int"), again=[alone("52")]).predictions
    fix = next(fix for fix in one.fixes if fix.name == "FOR UPDATE")
    assert (fix.changes, fix.untried) == ((), MIXED_UP)


@pytest.mark.parametrize(
    ("sql", "other"),
    [
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE"),
        (
            "START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ WRITE",
            "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
        ),
        ("BEGIN", None),
        ("SELECT 1", None),
    ],
)
def test_a_transaction_is_begun_as_a_serializable_one(sql, other):
    assert serializable(sql) == other
