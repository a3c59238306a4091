"""Two clerks each refund a part of the same payment."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_REFUND

_PART = Step(Action.REFUND, {"amount": 1500}, key="{fresh}")

SCENARIO = Scenario(
    name="refund_vs_refund",
    title="Refund against refund",
    story=(
        "Two clerks refund 15.00 each of a payment of 49.90 at the same moment. Both may be "
        "refused or accepted, but what Stripe gave back, what the order shows and what the "
        "clerks were told must be the same sum: a lost update here is money nobody can find."
    ),
    prepare=(Step(Action.PAY),),
    attempts=(Attempt("clerk 1", (_PART,)), Attempt("clerk 2", (_PART,))),
    holds=(Hold("refund.create"),),
    checkers=CHECKERS_OF_A_REFUND,
    needs=frozenset({Capability.STRIPE_LEDGER, Capability.STRIPE_REFUND_LIMIT}),
    breaks=frozenset({"none", "optimistic_late"}),
)

test_refund_vs_refund = scenario_test(SCENARIO)
