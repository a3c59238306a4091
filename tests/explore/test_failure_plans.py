"""Plans of failures: which there are after a search, and which come to the same."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.failing import Failing, Offers
from paidonce.harness.explore.control.failures import (
    Offer,
    Place,
    PlannedFailure,
    Possible,
    planned,
)
from paidonce.harness.explore.failure.plans import AsSaid, Usual, grown
from paidonce.harness.explore.footprint.model import REST, Footprint, Resource
from paidonce.harness.explore.footprint.sql.effects import SEQUENCES
from paidonce.harness.results.failures import PlanResult, UnderFailures, claimed
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.taps.faults import Crash, ErrorAnswer, LostAnswer, NoContact

LIKE = {"tab 1": "tab", "tab 2": "tab", "page": "page"}
ORDERS = frozenset({Resource(("pg", "public.orders"))})
NO_CONTACT, LOST, CRASH = NoContact(), LostAnswer(), Crash("web")


def failure(attempt, step, fault, place=Place.REQUEST):
    return PlannedFailure(attempt=attempt, step=step, fault=fault, place=place, on="stripe")


def offers(*failures, changing=(), last=(), unusual=(), publishing=()):
    return Offers(
        {one: Offer(failure=one, label="a call", usual=one not in unusual) for one in failures},
        set(changing),
        set(publishing),
        set(last),
    )


def plans(could, plan=frozenset(), chosen=None, **how):
    return [set(one) for one in grown(plan, could, LIKE, chosen or Usual(), **how)]


def test_of_attempts_that_do_the_same_one_fails():
    one, same = failure("tab 1", 2, NO_CONTACT), failure("tab 2", 2, NO_CONTACT)
    other = failure("page", 2, NO_CONTACT)
    assert plans(offers(one, same, other)) == [{other}, {one}]


def test_of_two_that_do_the_same_it_does_not_matter_which_of_them_fails_how():
    lost, refused = failure("tab 1", 3, LOST), failure("tab 2", 2, NO_CONTACT)
    either = plans(offers(refused), frozenset({lost}))
    assert either == [{lost, refused}]
    mirrored = failure("tab 2", 3, LOST), failure("tab 1", 2, NO_CONTACT)
    assert plans(offers(mirrored[1]), frozenset({mirrored[0]})) == either
    first = failure("tab 1", 2, NO_CONTACT)
    assert plans(offers(lost), frozenset({first})) == [{first, lost}]


def test_a_plan_does_not_grow_by_what_it_has():
    one = failure("page", 1, LOST)
    assert plans(offers(one), frozenset({one})) == []


def test_what_is_not_usual_is_made_when_it_is_asked_for():
    one = failure("page", 1, ErrorAnswer("api_error"))
    could = offers(one, unusual=[one])
    assert plans(could) == []
    assert plans(could, chosen=AsSaid([FailureChoice("stripe", "api_error")])) == [{one}]
    assert plans(could, chosen=AsSaid([FailureChoice("stripe", "rate_limit")])) == []


def test_no_more_of_a_kind_are_together_than_may_be():
    first, second = failure("page", 1, LOST), failure("page", 2, LOST)
    once, twice = (AsSaid([FailureChoice("stripe", "lost_answer", most)]) for most in (1, 2))
    assert plans(offers(second), frozenset({first}), once) == []
    assert plans(offers(second), frozenset({first}), twice) == [{first, second}]


def test_crashes_that_come_to_the_same_are_planned_once():
    before = [failure("page", step, CRASH) for step in (1, 2, 3, 4)]
    after = [failure("page", step, CRASH, Place.ANSWER) for step in (1, 2, 3, 4)]
    could = offers(*before, *after, changing=[("page", 2), ("page", 4)], last=[("page", 4)])
    assert plans(could) == [{before[0]}, {before[2]}, {after[3]}]
    assert len(plans(could, every_crash=True)) == 8


def test_what_was_locked_matters_to_a_crash_where_anybody_else_may_have_met_it():
    before = [failure("page", step, CRASH) for step in (1, 2, 3, 4)]
    locks, writes = ("page", 1), ("page", 3)
    could = offers(*before, changing=[locks, writes], publishing=[writes])
    assert plans(could) == [{before[0]}, {before[1]}, {before[3]}]
    assert plans(could, alone=True) == [{before[0]}, {before[3]}]


@pytest.mark.parametrize(
    ("touched", "changes", "stays"),
    [
        (Footprint(publishes=ORDERS), True, True),
        (Footprint(locks=ORDERS), True, False),
        (Footprint(looks=ORDERS), False, False),
        (Footprint(looks=frozenset({Resource((SEQUENCES,))})), True, True),
        (Footprint(locks=frozenset({Resource(("pg", "public.receipts", REST))})), True, True),
    ],
    ids=["published", "locked", "looked", "nextval", "a row with a number"],
)
def test_a_number_of_a_sequence_is_gone_though_its_transaction_was_killed(touched, changes, stays):
    failing = Failing(None, numbered={("pg", "public.receipts")})
    failing.made(Player("page", at_taps=2), touched)
    assert (failing.could.changing == {("page", 2)}) is changes
    assert (failing.could.publishing == {("page", 2)}) is stays


def test_a_step_that_is_the_last_in_some_execution_only_has_its_own_crash_after_it():
    after = [failure("page", step, CRASH, Place.ANSWER) for step in (2, 3)]
    could = offers(*after, changing=[("page", 2), ("page", 3)], last=[("page", 2), ("page", 3)])
    assert plans(could) == [{after[0]}, {after[1]}]


def test_what_cannot_be_at_a_step_is_not_planned_for_it():
    one = failure("page", 2, LOST, Place.ANSWER)
    assert planned([one], "page", 2, [], "stripe") is None
    assert planned([one], "page", 1, [one.possible], "stripe") is None
    assert planned([one], "page", 2, [one.possible], "stripe") == one.possible
    # Another statement is there, at which the same could go wrong.
    assert planned([one], "page", 2, [one.possible], "postgres") is None


@pytest.mark.parametrize("fault", [NO_CONTACT, LOST, CRASH, ErrorAnswer("57P01")])
def test_a_failure_is_read_as_it_was_written(fault):
    one = failure("tab 1", 3, fault, Place.ANSWER)
    assert msgspec.json.decode(msgspec.json.encode(one), type=PlannedFailure) == one


def test_a_search_under_failures_says_how_many_and_what_was_left_out():
    plan = PlanResult(failures=("tab 1, step 2: crash",), kinds=("crash",), executions=3)
    cut = PlanResult(failures=("tab 1, step 4: crash",), kinds=("crash",), reason="time is over")
    under = UnderFailures(at_most=1, plans=(plan, cut))
    assert under.told == "2 plans of failures in 3 executions: 2 of 'crash'"
    assert under.undecided == (cut,)
    said = claimed("all interleavings of 2 attempts; 4 of 4 pairs confirmed", under, tried=True)
    assert said == (
        "no counterexample with at most 1 failure at any tap step, in all interleavings of 2 "
        "attempts; 4 of 4 pairs confirmed, without failures; it came to rest after every failure, "
        "recovered in one order"
    )
    twice = claimed("all", UnderFailures(at_most=1, orders=2), tried=False)
    assert twice.endswith("recovered by clients first, and of one alone by sweeps first as well")
    bound = claimed("all", UnderFailures(at_most=1, rounds=3), tried=False)
    assert "it came to rest after every failure within 3 rounds, recovered in one order" in bound
    limited = UnderFailures(at_most=2, chosen=True, crashes=False)
    assert claimed("all", limited, tried=False) == (
        "no counterexample with at most 2 failures of those asked for at any tap step "
        "(no process killed), in all; it came to rest after every failure, recovered in one order"
    )
    queue = UnderFailures(at_most=1, processes=2)
    assert "any tap step (each of 2 processes killed at its own steps), in all" in claimed(
        "all", queue, tried=False
    )
    lagging = UnderFailures(at_most=1, replica=True)
    assert "any tap step (the replica itself never fails), in all" in claimed(
        "all", lagging, tried=False
    )
    assert (
        claimed("all interleavings", None, tried=True) == "no counterexample in all interleavings"
    )


def test_a_crash_that_waits_for_an_answer_is_one_when_that_is_delivered():
    """Else it would be taken for a local step, and others would never move before it."""
    player = Player("tab 1", at=At.ANSWER)
    arrival = Arrival(SimpleNamespace(tap="postgres", label="UPDATE"), "postgres session 1")
    arrival.failing = Possible(CRASH, Place.ANSWER)
    player.flying.append(arrival)
    failing = Failing(None, frozenset({failure("tab 1", 1, CRASH, Place.ANSWER)}))
    assert not failing.crash(player)
    arrival.answered = True
    assert failing.crash(player)
    assert not failing.around(Footprint(), crash=failing.crash(player), lost=False).empty
