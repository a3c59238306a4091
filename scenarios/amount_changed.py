"""The basket changes while it is being paid."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step, when_held
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="amount_changed",
    title="Amount changed while paying",
    story=(
        "While the payment of 49.90 is at Stripe, an item is added and the order now costs "
        "59.90. Either the change is refused, or the payment is of the new amount; a paid order "
        "whose amount is not what Stripe took is wrong whichever way it came about."
    ),
    attempts=(
        Attempt("customer", (Step(Action.PAY, key="{fresh}"),)),
        Attempt("basket", (Step(Action.CHANGE_AMOUNT, {"amount": 5990}),), start=when_held()),
    ),
    holds=(Hold("payment_intent.*"),),
    checkers=CHECKERS_OF_A_PAYMENT,
    breaks=frozenset({"none", "optimistic_late"}),
)

test_amount_changed = scenario_test(SCENARIO)
