"""Which scenarios a proof searches, and how the time is shared among cells."""

from __future__ import annotations

import time

import pytest

from paidonce.harness.proof.cell_search import Allowance, ran_out, why_not_searched
from paidonce.harness.results.proof import How, Searched
from paidonce.scenarios.catalog import SCENARIOS


def test_what_needs_real_time_or_a_crowd_is_played_only():
    reasons = {s.name: reason for s in SCENARIOS if (reason := why_not_searched(s)) is not None}
    assert reasons == {
        "retry_after_timeout": "it needs real time: a client gives up waiting",
        "slow_stripe_lease": "it needs real time: a lease runs out",
        "slow_stripe_timeouts": "it needs real time: the service gives up waiting for Stripe",
        "many_orders": "it has 16 attempts; the search is for 2",
    }


def test_a_cell_gets_an_eighth_at_first_and_three_even_shares_when_it_comes_again(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    allowance = Allowance(seconds=lambda: 80.0, cells=40, lanes=2)
    assert allowance.share() == pytest.approx(10)
    allowance.done(30)
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
