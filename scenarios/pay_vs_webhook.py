"""A declined answer arrives after the webhook of a success on the same order."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.history import Action
from paidonce.harness.scenario.model import (
    DECLINED_CARD,
    Attempt,
    Hold,
    Scenario,
    Side,
    Step,
    when_held,
)
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="pay_vs_webhook",
    title="Pay against webhook",
    story=(
        "The order has an intent. One tab tries a card that is declined, and Stripe's answer is "
        "slow. Meanwhile the customer completes the same intent in another tab with a good "
        "card, and the webhook says so. The late decline must not overwrite the success: the "
        "money was taken, so the order must end up paid."
    ),
    prepare=(Step(Action.CREATE_INTENT),),
    attempts=(
        Attempt("tab 1", (Step(Action.PAY, {"payment_method": DECLINED_CARD}, key="{fresh}"),)),
        Attempt(
            "tab 2",
            (Step(Action.CONFIRM_IN_BROWSER), Step(Action.WEBHOOK, redelivered=True)),
            start=when_held(),
        ),
    ),
    holds=(Hold("payment_intent.confirm", at=Side.ANSWER),),
    checkers=CHECKERS_OF_A_PAYMENT,
    needs=frozenset({Capability.STRIPE_LEDGER, Capability.STRIPE_DECLINES}),
    breaks=frozenset({"none"}),
)

test_pay_vs_webhook = scenario_test(SCENARIO)
