"""A coupon is used by no more orders than it is for."""

from __future__ import annotations

from collections import defaultdict

from paidonce.harness.checkers.answers import evidence, succeeded, whom
from paidonce.harness.checkers.base import NOTHING, BrokenBy, Telling, conclude, some
from paidonce.harness.history import Action, History, Operation
from paidonce.harness.verdict import Verdict, Violation


class CouponLimit:
    """Counts the orders that were told that they are cheaper by a coupon.

    For how many it is, whoever redeems it has said (``most``); who says nothing is not judged.
    """

    name = "coupon-limit"
    title = "A coupon is used no more often than it may be"
    needs = NOTHING
    telling = Telling(
        broke="the coupon is used once more than it may be", weight=65, broken_by=BrokenBy.ANSWER
    )

    def check(self, history: History) -> Verdict:
        asked = [o for o in history.operations if o.invoked.action is Action.REDEEM]
        used: dict[tuple[str, int], dict[str, Operation]] = defaultdict(dict)
        for operation in succeeded(asked, Action.REDEEM):
            code, most = (operation.invoked.args.get(name) for name in ("code", "most"))
            if isinstance(most, int):
                used[str(code), most].setdefault(operation.invoked.order, operation)
        violations = [
            Violation(
                reason=f"coupon {code} is for {some(most, 'order')}, and {len(orders)} have it: "
                f"{whom(list(orders.values()))}",
                evidence=evidence(orders.values()),
            )
            for (code, most), orders in used.items()
            if len(orders) > most
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"{some(sum(map(len, used.values())), 'order')} cheaper, none beyond a limit",
        )
