"""Two browser tabs pay the same order at the same moment."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="two_tabs",
    title="Two tabs",
    story=(
        "A customer has the checkout open in two tabs and pays in both, each with its own "
        "idempotency key. Stripe is slow enough for both requests to be inside the service. "
        "One may succeed; the other is told 409 and must not have created a second intent."
    ),
    attempts=(
        Attempt("tab 1", (Step(Action.PAY, key="{fresh}"),)),
        Attempt("tab 2", (Step(Action.PAY, key="{fresh}"),)),
    ),
    holds=(Hold("payment_intent.*"),),
    checkers=(*CHECKERS_OF_A_PAYMENT, "bounded-wait"),
    settings={"max_wait_ms": "6000"},
    breaks=frozenset({"none", "optimistic_late"}),
)

test_two_tabs = scenario_test(SCENARIO)
