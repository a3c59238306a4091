"""Two customers use the last coupon at once: no lock on an order keeps them apart."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Scenario, Step
from paidonce.harness.scenario.pytest_case import scenario_test

_ONCE = Step(Action.REDEEM, {"code": "ONCE", "most": 1}, key="{fresh}")

SCENARIO = Scenario(
    name="coupon_limit",
    title="The last coupon, twice",
    story=(
        "A coupon is for one order. Two customers use it for one each, at the same moment. Each "
        "order has a guard of its own, and what both want is no order: who looks at the coupon and "
        "then writes it lets both have it."
    ),
    orders=2,
    attempts=(
        Attempt("customer 1", (_ONCE,)),
        Attempt("customer 2", (_ONCE,), order=1),
    ),
    checkers=("clean-rejections", "coupon-limit", "linearizable"),
    certain=False,
    breaks=frozenset({"none", "optimistic_late", "redis_lock_unfenced"}),
)

test_coupon_limit = scenario_test(SCENARIO)
