"""Predictions against executions: shown, not shown, and what a search then says of them."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from tape import ORDER, Tape, catalog

from paidonce.harness.explore.search import Counts, Ending, Execution, FoundExecution, SearchResult
from paidonce.harness.history import Header, History
from paidonce.harness.predict import (
    Standing,
    Trace,
    decided,
    forecast,
    orders_of,
    predict,
    shown_by,
    undecided,
)
from paidonce.harness.predict.types import Spot
from paidonce.harness.verdict import Status, Verdict

READ = "SELECT status FROM orders WHERE id = $1"
PAID = "UPDATE orders SET status = 'paid' WHERE id = $1"


def attempt(name, *, paid_rows=1):
    return Tape(name).sql(READ, ORDER).stripe(key=name).sql(PAID, ORDER, rows=paid_rows)


def history(*told):
    """An execution: the attempts' effects in the order of ``told``, a name for each."""
    tapes = {name: iter(attempt(name).solo().effects) for name in set(told)}
    clock = itertools.count()
    header = Header(run="r", scenario="s", target="t", variant="v")
    return History([header, *(next(tapes[name]) for name in told if next(clock) >= 0)])


FORECAST = forecast([attempt("a").solo(), attempt("b").solo()], catalog())
PREDICTIONS = FORECAST.predictions


def words(prediction, trace, known=PREDICTIONS):
    shown = shown_by(prediction, trace, known)
    return None if shown is None else shown.words


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("abbbaa", "a read, then b wrote, then a made payment_intent.create all the same"),
        ("baaabb", "b read, then a wrote, then b made payment_intent.create all the same"),
        ("aabbba", "a read and made payment_intent.create, and b wrote before a had put that down"),
        ("aabbab", "b read and made payment_intent.create, and a wrote before b had put that down"),
        ("aaabbb", None),
        ("bbbaaa", None),
    ],
)
def test_an_execution_shows_the_pair_or_does_not(order, told):
    (prediction,) = PREDICTIONS
    assert words(prediction, Trace(history(*order), catalog())) == told


def test_both_read_before_either_wrote_counts_although_a_write_was_refused():
    late = "UPDATE orders SET status = 'paid', version = 1 WHERE id = $1 AND version = 0"

    def told(name, rows):
        return Tape(name).sql(READ, ORDER).stripe(key=name).sql(late, ORDER, rows=rows).solo()

    found = predict([told("a", 1), told("b", 1)], catalog())
    a, b = told("a", 1).effects, told("b", 0).effects
    header = Header(run="r", scenario="s", target="t", variant="v")
    trace = Trace(History([header, a[0], b[0], a[1], b[1], a[2], b[2]]), catalog())
    assert words(found[0], trace, found) == (
        "b read and made payment_intent.create, and a wrote before b had put that down"
    )
    trace = Trace(History([header, a[0], b[0], a[1], a[2], b[1], b[2]]), catalog())
    assert words(found[0], trace, found) == (
        "b read, then a wrote, then b made payment_intent.create all the same"
    )


def test_who_works_through_a_list_writes_for_the_last_time_later():
    """A read between two such writes comes upon the next one of the list, and races again."""
    twice = Tape("b").sql(READ, ORDER).sql(PAID, ORDER).sql(READ, ORDER).sql(PAID, ORDER)
    header = Header(run="r", scenario="s", target="t", variant="v")
    trace = Trace(History([header, *twice.solo().effects]), catalog())
    wrote = twice.solo().effects[1]
    first = Spot("b", 2, f"{wrote.tap} {wrote.label}", 1)
    assert trace.last("b", first).occurrence == 2
    assert trace.at("b", first) < trace.at("b", trace.last("b", first))
    assert trace.last("a", first) == first, "who never does it has no later time either"


def test_an_act_that_was_refused_is_none():
    first, second = attempt("a").solo().effects, attempt("b").solo().effects
    refused = [
        msgspec.structs.replace(second[1], answer={"status": 402}),
        attempt("b", paid_rows=0).solo().effects[2],
    ]
    header = Header(run="r", scenario="s", target="t", variant="v")
    trace = Trace(History([header, second[0], *first, *refused]), catalog())
    assert shown_by(PREDICTIONS[0], trace, PREDICTIONS) is None


def result(ending, found=()):
    return SearchResult(
        ending=ending,
        coverage="all interleavings of 2 attempts over tap steps",
        reason="" if ending is Ending.COMPLETE else "the budget of 3 schedules is spent",
        counts=Counts(),
        seconds=0.0,
        outcomes=(),
        found=found,
    )


def counterexample():
    verdict = Verdict(checker="x", status=Status.INVALID, reason="broken")
    execution = Execution(number=1, taken=(), outcome=None, verdict=verdict)
    return result(Ending.COUNTEREXAMPLE, (FoundExecution(execution=execution, seconds=0.1),))


@pytest.mark.parametrize(
    ("found", "told", "standing", "reason"),
    [
        (counterexample(), "abbbaa", Standing.CONFIRMED, "a read, then b wrote"),
        (counterexample(), "aaabbb", Standing.OPEN, "between no two attempts"),
        (result(Ending.COMPLETE), None, Standing.REFUTED, "no counterexample in all"),
        (result(Ending.INCOMPLETE), None, Standing.OPEN, "budget of 3 schedules is spent"),
    ],
)
def test_what_a_search_says_of_a_prediction(found, told, standing, reason):
    seen = None if told is None else history(*told)
    (one,) = decided(FORECAST, found, seen)
    assert one.standing is standing
    assert reason in one.reason


def test_without_a_search_all_is_open():
    (one,) = undecided(FORECAST, "not explored")
    assert (one.standing, one.reason) == (Standing.OPEN, "not explored")


def test_the_orders_to_try_first():
    (order,) = orders_of(FORECAST)
    assert (order.reader, order.rival, order.occurrence) == ("a", "b", 1)
    assert order.label == "postgres SELECT status FROM orders WHERE id = ?"
