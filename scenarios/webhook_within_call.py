"""Stripe tells of a payment before it answers the call that made it."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Side, Step, when_held
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="webhook_within_call",
    title="Webhook within the call",
    story=(
        "The customer pays. Stripe has taken the money, and its webhook arrives before its answer "
        "does: inside the transaction, the lock or the claim of the request that is still "
        "waiting. Whoever comes second must know what the other has done: the order is paid once, "
        "and the customer is told so."
    ),
    prepare=(Step(Action.CREATE_INTENT),),
    attempts=(
        Attempt("customer", (Step(Action.PAY, key="{fresh}"),)),
        Attempt(
            "stripe",
            (
                Step(
                    Action.WEBHOOK,
                    {"event": "payment_intent.succeeded"},
                    redelivered=True,
                    raised=True,
                ),
            ),
            start=when_held(),
        ),
    ),
    holds=(Hold("payment_intent.confirm", at=Side.ANSWER),),
    checkers=CHECKERS_OF_A_PAYMENT,
    needs=frozenset({Capability.STRIPE_EVENTS, Capability.STRIPE_LEDGER}),
)

test_webhook_within_call = scenario_test(SCENARIO)
