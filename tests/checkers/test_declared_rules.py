"""Checkers whose rules a target file states: invariants, successes, rejections."""

from __future__ import annotations

import pytest

from paidonce.harness.checkers import judge
from paidonce.harness.checkers.expressions import BadExpression, NoValue, parse
from paidonce.harness.history import (
    Action,
    Completed,
    Ended,
    Header,
    History,
    Invariant,
    Invoked,
    Observed,
    Outcome,
    Recovered,
    Recovering,
    Rules,
)
from paidonce.harness.verdict import Status

NAMES = ("invariants", "successes", "rejections")


def history(answers, values=(), *checks, at_least=None, at_most=None, ended=True, before=()):
    """``answers`` by attempt: an outcome, or None for no completion; "ok" is a success."""
    rules = Rules(
        attempts=tuple(answers),
        counted=tuple(answers),
        invariants=tuple(Invariant(name=f"rule {n}", check=c) for n, c in enumerate(checks, 1)),
        at_least=at_least,
        at_most=at_most,
    )
    events = [Header(run="r", scenario="s", target="t", checkers=NAMES, rules=rules)]
    for name, value in before:
        events.append(Observed(t=0, name=name, value=value, before=True))
    for op, (attempt, outcome) in enumerate(answers.items()):
        events.append(
            Invoked(t=1, op=op, attempt=attempt, action=Action.REQUEST, order="", args={"step": 1})
        )
        if outcome is not None:
            value = {"success": True} if outcome is Outcome.OK else {}
            events.append(Completed(t=2, op=op, outcome=outcome, status=200, value=value))
    for name, *whose, value in values:
        events.append(Observed(t=3, name=name, value=value, attempt=whose[0] if whose else None))
    return History([*events, *([Ended(t=4)] if ended else [])])


def found(told, name):
    return next(verdict for verdict in judge(told) if verdict.checker == name)


OK, NO, BAD, OPEN = Outcome.OK, Outcome.REJECTED, Outcome.FAILED, Outcome.UNKNOWN


def test_an_invariant_that_holds_and_one_that_does_not():
    told = history({"a": OK, "b": NO}, [("charges", 2)], "charges == 2", "charges <= 1")
    verdict = found(told, "invariants")
    assert verdict.status is Status.INVALID
    assert verdict.reason == "rule 2: charges <= 1, but charges = 2"
    assert verdict.evidence == (5,)
    assert found(history({"a": OK}, [("charges", 1)], "charges <= 1"), "invariants").status is (
        Status.VALID
    )


def test_all_that_is_broken_is_named():
    told = history({"a": OK}, [("x", 2)], "x < 2", "x > 2")
    assert found(told, "invariants").reason.count("rule") == 2


def test_an_invariant_over_successes_needs_to_know_who_succeeded():
    # One more success would make it true: it is not known whether it holds.
    told = history({"a": OK, "b": OPEN}, [("charges", 2)], "charges == successes")
    assert found(told, "invariants").status is Status.UNKNOWN
    told = history({"a": OK, "b": None}, [("charges", 3)], "charges == successes")
    assert found(told, "invariants").status is Status.INVALID
    told = history({"a": OK, "b": BAD}, [("charges", 2)], "charges == successes")
    assert found(told, "invariants").status is Status.INVALID


def test_a_value_of_each_attempt_is_judged_for_each():
    values = [("mine", "a", 1), ("mine", "b", 1), ("all", 2)]
    told = history({"a": OK, "b": NO}, values, "mine == successes and all == 2")
    verdict = found(told, "invariants")
    assert verdict.status is Status.INVALID
    assert "for b" in verdict.reason


def test_what_was_before_and_what_was_not_observed():
    told = history({"a": OK}, [("stock", 4)], "stock == before.stock - 1", before=[("stock", 5)])
    assert found(told, "invariants").status is Status.VALID
    told = history({"a": OK}, [("stock", 4)], "stock == before.stock - 1")
    assert found(told, "invariants").status is Status.UNKNOWN
    assert "before.stock was not observed" in found(told, "invariants").reason


def test_values_that_cannot_be_compared_are_no_verdict():
    told = history({"a": OK}, [("state", "paid")], "state > 1")
    assert found(told, "invariants").status is Status.UNKNOWN
    assert found(
        history({"a": OK}, [("state", "paid")], "state == 'paid'"), "invariants"
    ).status is (Status.VALID)


@pytest.mark.parametrize(
    ("answers", "bounds", "status"),
    [
        ({"a": OK, "b": NO}, {"at_most": 1, "at_least": 1}, Status.VALID),
        ({"a": OK, "b": OK}, {"at_most": 1}, Status.INVALID),
        ({"a": OK, "b": OPEN}, {"at_most": 1}, Status.VALID),
        ({"a": NO, "b": NO}, {"at_least": 1}, Status.INVALID),
        ({"a": NO, "b": OPEN}, {"at_least": 1}, Status.UNKNOWN),
        ({"a": NO, "b": None}, {"at_least": 1}, Status.UNKNOWN),
        ({"a": OK, "b": OK}, {}, Status.VALID),
    ],
)
def test_successes_are_counted(answers, bounds, status):
    assert found(history(answers, **bounds), "successes").status is status


def test_who_loses_is_to_be_rejected_cleanly():
    verdict = found(history({"a": OK, "b": BAD}), "rejections")
    assert verdict.status is Status.INVALID
    assert verdict.reason.startswith("b got neither a success nor a clean rejection")
    assert found(history({"a": OK, "b": NO}), "rejections").status is Status.VALID


def test_a_history_that_was_cut_off_is_not_valid():
    for verdict in judge(history({"a": OK}, [("x", 1)], "x == 1", ended=False)):
        assert verdict.status is Status.UNKNOWN


def test_a_history_without_rules_is_not_judged_by_them():
    bare = History([Header(run="r", scenario="s", target="t", checkers=NAMES), Ended(t=1)])
    assert {verdict.status for verdict in judge(bare)} == {Status.UNKNOWN}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("charges = 1", "equality is written =="),
        ("charges", "compares nothing"),
        ("charges +", "cannot be read"),
        ("f(x) == 1", "is not understood"),
        ("x.y == 1", "is not understood"),
        ("x == [1]", "is not understood"),
        ("__import__('os') == 1", "is not understood"),
        ("x ** 2 == 1", "is not understood"),
        ("x == True", None),
        ("1 < x <= 2 and not y != 3 or -x == 4", None),
    ],
)
def test_conditions_are_a_small_language(text, said):
    if said is None:
        assert parse(text).names
        return
    with pytest.raises(BadExpression, match=said):
        parse(text)


def test_a_condition_says_which_value_it_lacks():
    with pytest.raises(NoValue, match=r"before\.x"):
        parse("x == before.x").holds({"x": 1}, {})


def recovered(again, values, *checks, at_least=1):
    """Attempt "a" got no answer, and after that was answered ``again`` when it asked again."""
    told = history({"a": OPEN}, [], *checks, at_least=at_least)
    *events, end = told.events
    events += [
        Recovering(t=5, round=1),
        Invoked(t=5, op=7, attempt="a", action=Action.REQUEST, order="", args={"step": 1}),
        Completed(
            t=6,
            op=7,
            outcome=again,
            status=200,
            value={"success": True} if again is OK else {},
        ),
        Recovered(t=7, rounds=1, rested=True),
        *(Observed(t=8, name=name, value=value) for name, value in values),
    ]
    return History([*events, end])


def statuses(told):
    return tuple(found(told, name).status for name in ("invariants", "successes"))


EQUAL = ("charges == successes", "shown == successes")


def test_who_was_refused_when_it_asked_again_had_succeeded_or_had_not():
    paid, unpaid, lost = ([("charges", c), ("shown", s)] for c, s in ((1, 1), (0, 0), (1, 0)))
    assert statuses(recovered(OK, paid, *EQUAL)) == (Status.VALID, Status.VALID)
    assert statuses(recovered(NO, paid, *EQUAL)) == (Status.VALID, Status.VALID)
    # It had not succeeded, by what was charged; nobody did, and one has to.
    assert statuses(recovered(NO, unpaid, *EQUAL)) == (Status.VALID, Status.INVALID)
    assert statuses(recovered(NO, unpaid, *EQUAL, at_least=None))[1] is Status.VALID
    # Each condition holds for some number of successes, and no number makes both hold.
    assert statuses(recovered(NO, lost, *EQUAL))[0] is Status.INVALID
    assert statuses(recovered(OK, unpaid, *EQUAL))[0] is Status.INVALID
    assert statuses(recovered(NO, paid, "charges <= 1")) == (Status.VALID, Status.UNKNOWN)
