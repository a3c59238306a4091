"""What is said of attempts of which nothing is predicted: what was looked at, and what was not."""

from __future__ import annotations

import msgspec
import pytest
from tape import ORDER, Tape, catalog

from paidonce.harness.explore.footprint.sql.catalog import Function, Trigger
from paidonce.harness.history import Header, History
from paidonce.harness.predict import (
    Blind,
    Looked,
    Solo,
    Trace,
    Unjudged,
    forecast,
    predict,
    shown_by,
)
from paidonce.reports.formats import predictions as writer

READ = "SELECT status FROM orders WHERE id = $1"
PAID = "UPDATE orders SET status = 'paid' WHERE id = $1"
PUT = "INSERT INTO payments (id, order_id) VALUES ($1, $2)"
HELPER = Function(
    name="public.pay", volatility="volatile", language="plpgsql", definition="", source=""
)


def looked(tape, where=None):
    return forecast([tape.solo()], where or catalog()).looked


def kinds(found):
    return [(one.blind, one.detail) for one in found.unjudged]


def with_pay(where):
    return msgspec.structs.replace(where, functions={"public.pay": (HELPER,)})


@pytest.mark.parametrize(
    ("tape", "expected"),
    [
        (Tape().sql(PUT, ORDER[:-1] + "2", ORDER), (Blind.MEMORY, "")),
        (Tape().sql(READ, ORDER).redis("GET", "voucher", value="1"), (Blind.REDIS, "")),
        (Tape().sql(READ, ORDER).redis("DECR", "voucher", value=0), (Blind.REDIS, "")),
        (Tape().sql(READ, ORDER).redis("SET", "k", "1", "NX"), (Blind.REDIS, "")),
        (Tape().sql(READ, ORDER).sql("SELEC no SQL"), (Blind.STATEMENT, "")),
        (Tape().sql(READ, ORDER).sql("SELECT pay($1)", ORDER), (Blind.WITHIN, "pay")),
        (
            Tape()
            .sql(READ, ORDER)
            .sql(
                "UPDATE orders SET amount = 1 WHERE id = "
                "(SELECT order_id FROM payments WHERE id = $1)",
                ORDER,
            ),
            (Blind.WITHIN, ""),
        ),
    ],
)
def test_what_may_decide_and_is_not_judged_is_named(tape, expected):
    assert expected in kinds(looked(tape, with_pay(catalog())))


def test_a_retrieval_at_stripe_is_named():
    tape = Tape().sql(READ, ORDER)
    tape._add(
        "stripe",
        "payment_intent.retrieve",
        {"method": "GET", "path": "/v1/payment_intents/pi_12345678", "params": {}},
        {"status": 200},
    )
    assert kinds(looked(tape)) == [(Blind.STRIPE, "")]


def test_reads_are_counted_and_plain_commands_are_no_doubt():
    tape = Tape().sql(READ, ORDER).redis("SET", "seen", "1").sql(READ, ORDER)
    found = looked(tape)
    assert found == Looked(attempts=1, reads=2)


def test_what_is_in_a_prediction_is_judged():
    tape = Tape().redis("GET", "left", value="1").redis("SET", "left", "0")
    found = forecast([tape.solo()], catalog())
    assert [one.read.label for one in found.predictions] == ["redis GET left"]
    assert (Blind.REDIS, "") not in kinds(found.looked)


def told_twice(numbers, rows=()):
    """Two attempts played twice, that speak of an amount which is another one each time."""
    named = {("public.basket", "id", value): name for value, name in rows}

    def solo(name, number):
        tape = Tape(name).sql("SELECT status FROM orders WHERE amount = $1", number)
        tape.stripe(key="k" + name)
        tape.sql("UPDATE orders SET status = 'paid' WHERE amount = $1", number)
        return Solo(name, tape.solo().effects, {}, named)

    first, second, third, fourth = numbers
    once = [solo("a", first), solo("b", second)]
    return forecast(once, catalog(), again=[solo("a", third), solo("b", fourth)])


def test_a_number_without_a_name_is_a_doubt_and_not_another_row():
    found = told_twice(("1001", "2002", "3003", "4004"))
    assert found.predictions == ()
    assert set(kinds(found.looked)) == {(Blind.VALUE, "amount")}


def test_a_number_that_stays_is_no_doubt():
    found = told_twice(("1001", "2002", "1001", "2002"))
    assert (found.predictions, found.looked.unjudged) == ((), ())


def test_a_number_that_is_that_of_a_new_row_each_time_is_that_row():
    rows = [(n, "basket.id 1") for n in ("1001", "2002", "3003", "4004")]
    found = told_twice(("1001", "2002", "3003", "4004"), rows)
    assert len(found.predictions) == 1
    assert found.looked.unjudged == ()


def test_words_say_what_was_looked_at_and_never_that_all_is_protected():
    tape = Tape().sql(PUT, ORDER[:-1] + "2", ORDER)
    found = forecast([tape.solo()], catalog())
    text = writer.markdown((), found.looked)
    assert text.startswith("No bad order is predicted.\n0 reads that may decide were looked at")
    assert "on 1 attempt played alone" in text
    assert "1 could not be told" in text
    assert "protected" not in text


@pytest.mark.parametrize("blind", list(Blind))
def test_each_doubt_has_a_sentence(blind):
    spot = forecast([Tape().sql(PUT, ORDER, ORDER).solo()], catalog()).looked.unjudged[0].spot
    doubt = Unjudged(blind=blind, spot=spot, detail="x")
    (*_, last) = writer.seen(Looked(attempts=2, reads=1, unjudged=(doubt,)))
    assert last.startswith("- tab, effect 1: INSERT INTO payments")


def test_a_trigger_that_looks_elsewhere_is_named():
    where = catalog()
    body = "BEGIN PERFORM 1 FROM payments; RETURN NEW; END"
    check = msgspec.structs.replace(
        HELPER,
        name="public.check_it",
        source=body,
        definition="CREATE FUNCTION public.check_it() RETURNS trigger LANGUAGE plpgsql "
        f"AS $$ {body} $$",
    )
    orders = msgspec.structs.replace(
        where.tables["public.orders"],
        triggers=(
            Trigger(name="checked", function="public.check_it", events=frozenset({"update"})),
        ),
    )
    where = msgspec.structs.replace(
        where,
        tables={**where.tables, "public.orders": orders},
        functions={"public.check_it": (check,)},
    )
    assert (Blind.WITHIN, "checked") in kinds(
        looked(Tape().sql(READ, ORDER).sql(PAID, ORDER), where)
    )


def test_a_pair_on_two_rows_is_not_shown_although_its_labels_are():
    def of(name, order):
        return Tape(name).sql(READ, order).stripe(key=name).sql(PAID, order).solo()

    found = forecast([of("a", ORDER), of("b", ORDER)], catalog())
    header = Header(run="r", scenario="s", target="t", variant="v")
    for order, shown in ((ORDER, True), (ORDER[:-1] + "9", False)):
        a, b = of("a", ORDER).effects, of("b", order).effects
        trace = Trace(History([header, a[0], *b, *a[1:]]), catalog())
        assert (shown_by(found.predictions[0], trace, found.predictions) is not None) is shown


def test_rows_put_in_at_repeatable_read_do_not_meet():
    """Each looks at a sum and puts a row in: neither finds the other's (manual, 13.2.2)."""
    tape = Tape().sql("BEGIN ISOLATION LEVEL REPEATABLE READ")
    tape.sql("SELECT sum(amount) FROM payments WHERE order_id = $1", ORDER)
    tape.sql("INSERT INTO payments (order_id, amount) VALUES ($1, 10)", ORDER).sql("COMMIT")
    (found,) = predict([tape.stripe().solo()], catalog())
    assert found.act.label == "stripe payment_intent.create"
