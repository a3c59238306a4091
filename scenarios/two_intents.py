"""Two tabs each create a payment intent, and the customer completes both in the browser."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

_COMPLETE = (
    Step(Action.CREATE_INTENT, key="{fresh}"),
    Step(Action.CONFIRM_IN_BROWSER),
    Step(Action.WEBHOOK, redelivered=True),
)

SCENARIO = Scenario(
    name="two_intents",
    title="Two intents, both completed",
    story=(
        "Two tabs ask for a payment intent at the same moment. Whoever gets one confirms it in "
        "the browser, directly with Stripe, and Stripe tells the service by webhook. If the "
        "service handed out two intents, the customer has paid twice and nobody noticed."
    ),
    attempts=(Attempt("tab 1", _COMPLETE), Attempt("tab 2", _COMPLETE)),
    holds=(Hold("payment_intent.create"),),
    checkers=CHECKERS_OF_A_PAYMENT,
    needs=frozenset({Capability.STRIPE_LEDGER}),
    breaks=frozenset({"none", "optimistic_late"}),
)

test_two_intents = scenario_test(SCENARIO)
