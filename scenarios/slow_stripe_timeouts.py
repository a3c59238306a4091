"""Stripe takes longer than the service, and its client, are willing to wait."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import HUNG_UP, Attempt, Hold, Scenario, Side, Step, Until
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.harness.service.failures import FailureChoice
from paidonce.harness.taps.faults import LostAnswer
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="slow_stripe_timeouts",
    title="Stripe slower than every time-out",
    story=(
        "Stripe takes the money and answers too late: the client has given up, and so has the "
        "service. Nobody knows what happened. The customer tries again. Whatever the service "
        "says now, the order must end up paid once."
    ),
    attempts=(
        Attempt("first try", (Step(Action.PAY, key="{fresh}", timeout_s=0.3),)),
        Attempt("retry", (Step(Action.PAY, key="{fresh}"),), start=HUNG_UP),
    ),
    holds=(Hold("payment_intent.*", at=Side.ANSWER, until=Until.HUNG_UP, count=1),),
    afterwards=(Step(Action.PAY, key="{fresh}"),),
    checkers=CHECKERS_OF_A_PAYMENT,
    needs=frozenset({Capability.STRIPE_IDEMPOTENCY}),
    settings={"redis_lease_ms": "400", "stripe_timeout_s": "1", "allow_failed": "true"},
    # To the service, giving up on Stripe is an answer that never comes.
    failures=(FailureChoice(on="stripe", kind=LostAnswer().kind),),
    faults=1,
    breaks=frozenset({"none", "optimistic_late", "redis_lock_unfenced"}),
)

test_slow_stripe_timeouts = scenario_test(SCENARIO)
