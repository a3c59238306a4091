"""One tab asks for a payment intent while another pays at once."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step, when_held
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="create_vs_pay",
    title="Create intent against pay",
    story=(
        "The two payment routes meet: while the first tab's intent is being created, the second "
        "tab pays. The order may end up with the first tab's intent, paid or not, or with the "
        "second tab's; it must not end up with two."
    ),
    attempts=(
        Attempt("tab 1", (Step(Action.CREATE_INTENT, key="{fresh}"),)),
        Attempt("tab 2", (Step(Action.PAY, key="{fresh}"),), start=when_held()),
    ),
    holds=(Hold("payment_intent.create"),),
    afterwards=(Step(Action.PAY, key="{fresh}"),),
    checkers=CHECKERS_OF_A_PAYMENT,
    needs=frozenset({Capability.STRIPE_CONFIRM}),
    breaks=frozenset({"none", "optimistic_late"}),
)

test_create_vs_pay = scenario_test(SCENARIO)
