"""An order is cancelled while it is being paid."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step, when_held
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="pay_vs_cancel",
    title="Pay against cancel",
    story=(
        "While the payment is at Stripe, the shop cancels the order. Either the cancellation is "
        "refused because a payment is under way, or the payment is; never may a cancelled order "
        "have been charged, nor both requests be told that they succeeded."
    ),
    attempts=(
        Attempt("customer", (Step(Action.PAY, key="{fresh}"),)),
        Attempt("shop", (Step(Action.CANCEL),), start=when_held()),
    ),
    holds=(Hold("payment_intent.*"),),
    checkers=(*CHECKERS_OF_A_PAYMENT, "no-charge-when-cancelled"),
    breaks=frozenset({"none", "optimistic_late"}),
)

test_pay_vs_cancel = scenario_test(SCENARIO)
