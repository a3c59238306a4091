"""Many customers each pay their own order at once."""

from __future__ import annotations

from paidonce.harness.history import Action
from paidonce.harness.scenario.model import Attempt, Scenario, Step
from paidonce.harness.scenario.pytest_case import scenario_test
from paidonce.scenarios.common import CHECKERS_OF_A_PAYMENT

_ORDERS = 16

SCENARIO = Scenario(
    name="many_orders",
    title="Many orders at once",
    story=(
        "Sixteen customers pay sixteen different orders in one burst. Nobody is in anybody's "
        "way, so all must succeed: a protection that turns away the innocent is no protection."
    ),
    orders=_ORDERS,
    attempts=tuple(
        Attempt(f"customer {n + 1}", (Step(Action.PAY, key="{fresh}"),), order=n)
        for n in range(_ORDERS)
    ),
    checkers=(*CHECKERS_OF_A_PAYMENT, "independent-orders"),
    rounds=1,
    narrowed=2,
)

test_many_orders = scenario_test(SCENARIO)
