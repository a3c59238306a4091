"""Goods that were paid for are handed out, and once."""

from __future__ import annotations

from collections import Counter

from paidonce.harness.checkers.answers import evidence, orders_of, succeeded
from paidonce.harness.checkers.base import NOTHING, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import at_rest, never_read
from paidonce.harness.history import Action, History
from paidonce.harness.verdict import Verdict, Violation

_TAKEN = frozenset({"paid", "partially_refunded", "refunded"})


class HandedOutOnce:
    """Looks at what each order at rest shows as handed out, by what paid for it.

    Of one payment (a Checkout Session, the invoice of a renewal) it is handed out once, and an
    order that was bought by Checkout and is paid has had it. Whether that is so of an order that
    does not show what was handed out, it cannot know.
    """

    name = "handed-out-once"
    title = "What was paid for is handed out once"
    needs = NOTHING
    telling = Telling(broke="what was paid for once is handed out a second time", weight=70)

    def check(self, history: History) -> Verdict:
        observed = at_rest(history)
        bought = {
            order: found
            for order, operations in orders_of(history).items()
            if (found := succeeded(operations, Action.CHECKOUT))
        }
        violations, gaps, judged = [], [], 0
        for order, (position, shown) in observed.items():
            if shown.handed_out is None:
                if order in bought:
                    gaps.append(f"order {order} does not show what was handed out for it")
                continue
            judged += 1
            for payment, times in Counter(shown.handed_out).items():
                if times > 1:
                    reason = f"order {order}: what {payment} paid for was handed out {times} times"
                    violations.append(Violation(reason=reason, evidence=(position,)))
            if order in bought and shown.payment_status in _TAKEN and not shown.handed_out:
                violations.append(
                    Violation(
                        reason=f"order {order} was paid, and nothing was handed out for it",
                        evidence=(*evidence(bought[order]), position),
                        absence=True,
                    )
                )
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=never_read(history, observed),
            gaps=gaps,
            fine=f"{some(judged, 'order')}, and nothing was handed out twice",
        )
