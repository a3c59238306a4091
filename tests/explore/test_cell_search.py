"""Which scenarios a proof searches, and how the time is shared among cells."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from paidonce.harness.proof.cell_search import (
    Allowance,
    ran_out,
    waits_mostly,
    why_not_searched,
)
from paidonce.harness.results.searched import How, Searched
from paidonce.scenarios.catalog import SCENARIOS, scenario


def test_every_scenario_is_searched_and_a_crowd_as_two_of_it():
    assert [s.name for s in SCENARIOS if why_not_searched(s) is not None] == []
    crowd = scenario("many_orders")
    assert (len(crowd.attempts), crowd.orders) == (16, 16)
    told = crowd.in_search
    assert ([one.order for one in told.attempts], told.orders) == ([0, 1], 2)
    assert why_not_searched(replace(crowd, narrowed=None)) == (
        "it has 16 attempts; the search is for 2"
    )


def test_what_waits_for_a_clock_is_told_apart():
    assert {s.name for s in SCENARIOS if waits_mostly(s)} == {
        "retry_after_timeout",
        "slow_stripe_lease",
        "slow_stripe_timeouts",
    }


def test_a_cell_gets_a_small_part_at_first_and_three_even_shares_when_it_comes_again(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    allowance = Allowance(seconds=lambda: 80.0, cells=100, lanes=2)
    assert allowance.share() == pytest.approx(80 / 24)
    allowance.done(90)
    assert allowance.share() == pytest.approx(16)
    now += 40
    assert allowance.share(again=True) == pytest.approx(3 * 40 * 2 / 10)
    now += 38
    assert allowance.share() == pytest.approx(2)
    now += 2
    assert allowance.share() == 0


def test_only_a_search_that_used_up_its_time_comes_again():
    assert ran_out(Searched(how=How.INCOMPLETE, seconds=9.9), 10)
    assert not ran_out(Searched(how=How.INCOMPLETE, seconds=5), 10)
    assert not ran_out(Searched(how=How.COMPLETE, seconds=10), 10)
