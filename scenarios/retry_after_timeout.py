"""A client gives up waiting and tries again while its first request is still being served."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Hold, Scenario, Side, Step, after
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

SCENARIO = Scenario(
    name="retry_after_timeout",
    title="Retry after a timed-out answer",
    story=(
        "Stripe has taken the money but its answer is slow. The client gives up and retries "
        "with a new idempotency key, as a reloaded page does. The first request is still "
        "inside the service: the retry must be refused, not charged again."
    ),
    attempts=(
        Attempt("first try", (Step(Action.PAY, key="{fresh}", timeout_s=0.3),)),
        Attempt("retry", (Step(Action.PAY, key="{fresh}"),), start=after("first try")),
    ),
    holds=(Hold("payment_intent.*", at=Side.ANSWER),),
    afterwards=(Step(Action.PAY, key="{fresh}"),),
    checkers=CHECKERS_OF_A_PAYMENT,
    breaks=frozenset({"none", "optimistic_late"}),
)

test_retry_after_timeout = scenario_test(SCENARIO)
