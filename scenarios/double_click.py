"""An impatient customer clicks the pay button twice; the client sends one idempotency key."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="double_click",
    title="Double click",
    story=(
        "The same button is clicked twice, so both requests carry the same idempotency key. "
        "They may both be told of the one success, or one of them of a conflict; there must be "
        "one payment, and the same key must never get two different answers of success."
    ),
    attempts=(
        Attempt("click 1", (Step(Action.PAY, key="one-click"),)),
        Attempt("click 2", (Step(Action.PAY, key="one-click"),)),
    ),
    holds=(Hold("payment_intent.*"),),
    afterwards=(Step(Action.PAY, key="one-click"),),
    checkers=(*CHECKERS_OF_A_PAYMENT, "same-key-same-answer"),
    breaks=frozenset({"none", "optimistic_late"}),
)

test_double_click = scenario_test(SCENARIO)
