"""The customer comes back from Stripe's page while the webhook tells of the same payment."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Side, Step
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_CHECKOUT

SCENARIO = Scenario(
    name="return_vs_webhook",
    title="Return page against webhook",
    story=(
        "The order was paid on Stripe's page. The customer comes back to the shop, which looks at "
        "the session, while the webhook tells of it. Both find that the order is not paid yet, and "
        "what was bought is handed out twice."
    ),
    prepare=(Step(Action.CHECKOUT), Step(Action.PAY_ON_PAGE)),
    attempts=(
        Attempt("customer", (Step(Action.COME_BACK),)),
        Attempt(
            "stripe",
            (Step(Action.WEBHOOK, {"event": "checkout.session.completed"}, redelivered=True),),
        ),
    ),
    holds=(Hold("checkout.session.retrieve", at=Side.ANSWER),),
    checkers=CHECKERS_OF_A_CHECKOUT,
    needs=frozenset({Capability.STRIPE_PAGES}),
    certain=False,
    breaks=frozenset({"none"}),
)

test_return_vs_webhook = scenario_test(SCENARIO)
