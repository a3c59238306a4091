"""A declined card is followed by a good one before the decline has been written down."""

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
    name="declined_then_paid",
    title="Declined, then paid",
    story=(
        "The first tab's card is declined, but the answer is slow. The second tab pays with a "
        "good card. The order must be payable again after a decline, with one intent and one "
        "charge, and the late decline must not undo a success."
    ),
    attempts=(
        Attempt("tab 1", (Step(Action.PAY, {"payment_method": DECLINED_CARD}, key="{fresh}"),)),
        Attempt("tab 2", (Step(Action.PAY, key="{fresh}"),), start=when_held()),
    ),
    holds=(Hold("payment_intent.*", at=Side.ANSWER, count=1),),
    afterwards=(Step(Action.PAY, key="{fresh}"),),
    checkers=CHECKERS_OF_A_PAYMENT,
    needs=frozenset({Capability.STRIPE_DECLINES, Capability.STRIPE_LEDGER}),
    breaks=frozenset({"none", "optimistic_late"}),
)

test_declined_then_paid = scenario_test(SCENARIO)
