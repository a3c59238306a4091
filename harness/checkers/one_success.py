"""At most one payment succeeds per order."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.checkers.answers import by_attempt, evidence, orders_of, succeeded, whom
from paidonce.harness.checkers.base import NOTHING, BrokenBy, Telling, conclude, some
from paidonce.harness.history import Action, History, Operation
from paidonce.harness.verdict import Verdict, Violation

_RULES = ((Action.PAY, "paid"), (Action.CREATE_INTENT, "given a payment intent"))


class OneSuccess:
    """Counts successes as clients see them: two customers told "paid" is one too many.

    Requests with one idempotency key are one attempt however often they were sent. Payments and
    the creation of payment intents are counted apart, since an order properly has one of each.
    """

    name = "one-success"
    title = "At most one payment succeeds per order"
    needs = NOTHING
    telling = Telling(
        broke="a second client is told that it succeeded",
        weight=20,
        stakes=1,
        broken_by=BrokenBy.ANSWER,
        of_load=True,
    )

    def check(self, history: History) -> Verdict:
        orders = orders_of(history)
        violations = [
            violation
            for order, operations in orders.items()
            for action, done in _RULES
            for violation in _too_many(order, operations, action, done)
        ]
        paid = sum(bool(succeeded(operations, Action.PAY)) for operations in orders.values())
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"no order of {len(orders)} was paid more than once; {some(paid, 'order')} once",
        )


def _too_many(
    order: str, operations: Sequence[Operation], action: Action, done: str
) -> list[Violation]:
    attempts = by_attempt(succeeded(operations, action))
    if len(attempts) <= 1:
        return []
    winners = [group[0] for group in attempts.values()]
    return [
        Violation(
            reason=f"order {order} was {done} {len(winners)} times: {whom(winners)}",
            evidence=evidence(winners),
        )
    ]
