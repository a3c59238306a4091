"""Stripe takes longer than the lease of a Redis lock."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import LEASES_OVER, Attempt, Hold, Scenario, Step
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.harness.service.passing import Passing
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="slow_stripe_lease",
    title="Stripe slower than the lock's lease",
    story=(
        "The first request holds its lock in Redis and waits for Stripe. The lease runs out; "
        "the second request gets the lock. Who relies on the lock alone now pays twice."
    ),
    attempts=(
        Attempt("tab 1", (Step(Action.PAY, key="{fresh}"),)),
        Attempt("tab 2", (Step(Action.PAY, key="{fresh}"),), start=LEASES_OVER),
    ),
    holds=(Hold("payment_intent.*"),),
    checkers=CHECKERS_OF_A_PAYMENT,
    settings={"redis_lease_ms": "400"},
    time=(Attempt("lease over", (), passing=Passing(seconds=600)),),
    breaks=frozenset({"none", "optimistic_late", "redis_lock_unfenced"}),
)

test_slow_stripe_lease = scenario_test(SCENARIO)
