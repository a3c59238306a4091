"""The shop has a Checkout Session expire while its customer pays on the page."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Step, when_held
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_CHECKOUT

SCENARIO = Scenario(
    name="session_expires_vs_paid",
    title="A session expires, or is paid",
    story=(
        "The order waits for its customer on Stripe's page, and the shop cancels it: the session "
        "is to expire. At that moment the customer pays after all, and the webhook tells of it. "
        "Stripe decides once which it is; the shop must not write the order back as it was before."
    ),
    prepare=(Step(Action.CHECKOUT),),
    attempts=(
        Attempt("shop", (Step(Action.CANCEL),)),
        Attempt(
            "customer",
            (
                Step(Action.PAY_ON_PAGE),
                Step(Action.WEBHOOK, {"event": "checkout.session.completed"}, redelivered=True),
            ),
            start=when_held(),
        ),
    ),
    holds=(Hold("checkout.session.expire"),),
    checkers=(*CHECKERS_OF_A_CHECKOUT, "no-charge-when-cancelled"),
    needs=frozenset({Capability.STRIPE_PAGES}),
    breaks=frozenset({"none"}),
)

test_session_expires_vs_paid = scenario_test(SCENARIO)
