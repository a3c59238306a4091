"""Which scenarios a proof searches, and how the time is shared among cells."""

from __future__ import annotations

import time

import pytest

from harness.explore.cells import Allowance, why_not_searched
from scenarios.catalog import SCENARIOS


def test_what_needs_real_time_or_a_crowd_is_played_only():
    reasons = {s.name: reason for s in SCENARIOS if (reason := why_not_searched(s)) is not None}
    assert reasons == {
        "retry_after_timeout": "it needs real time: a client gives up waiting",
        "slow_stripe_lease": "it needs real time: a lease runs out",
        "slow_stripe_timeouts": "it needs real time: the service gives up waiting for Stripe",
        "many_orders": "it has 16 attempts; the search is for 2",
    }


def test_a_cell_gets_three_even_shares_at_most_and_never_more_than_is_left(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    allowance = Allowance(seconds=60, cells=20, lanes=2)
    assert allowance.share() == pytest.approx(3 * 60 * 2 / 20)
    now += 50
    assert allowance.share() == pytest.approx(3 * 10 * 2 / 19)
    allowance.dropped(17)
    assert allowance.share() == pytest.approx(10)
    now += 10
    assert allowance.share() == 0
