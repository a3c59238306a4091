"""A renewal's webhook meets the sweep that looks for renewals nobody told of."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Side, Step
from paidonce.harness.scenario.pytest_case import scenario_test

_A_MONTH_S = 32 * 86_400

SCENARIO = Scenario(
    name="renewal_twice",
    title="A renewal is told of, and found",
    story=(
        "A membership was renewed, and its invoice paid. Stripe delivers the event once more, as "
        "nobody answered the first time, and at that moment the nightly sweep finds the same "
        "invoice. One month was paid for; two are handed out."
    ),
    prepare=(
        Step(Action.CHECKOUT, {"recurring": True}),
        Step(Action.PAY_ON_PAGE),
        Step(Action.WEBHOOK, {"event": "checkout.session.completed"}, redelivered=True),
        Step(Action.WAIT, {"seconds": _A_MONTH_S}),
    ),
    attempts=(
        Attempt("stripe", (Step(Action.WEBHOOK, {"event": "invoice.paid"}, redelivered=True),)),
        Attempt("sweep", (Step(Action.RENEW),)),
    ),
    holds=(Hold("invoice.list", at=Side.ANSWER),),
    checkers=("clean-rejections", "handed-out-once", "linearizable"),
    needs=frozenset({Capability.STRIPE_PAGES}),
    certain=False,
    breaks=frozenset({"none"}),
)

test_renewal_twice = scenario_test(SCENARIO)
