"""Nobody pays for an order that was cancelled."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.answers import evidence, orders_of, succeeded
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import at_rest, ledger_of, never_read
from paidonce.harness.history import Action, History
from paidonce.harness.verdict import Verdict, Violation


class NoChargeWhenCancelled:
    """An order counts as cancelled if it shows that at rest or if a client was told so.

    A charge that was given back in full is forgiven; anything kept is not.
    """

    name = "no-charge-when-cancelled"
    title = "Nothing is charged for a cancelled order"
    needs: Needs = (frozenset({Capability.STRIPE_LEDGER, Capability.ORDER_STATE}),)
    telling = Telling(broke="the order is cancelled, and its payment was taken", weight=60)

    def check(self, history: History) -> Verdict:
        ledger = ledger_of(history)
        observed = at_rest(history)
        cancelled: dict[str, tuple[int, ...]] = {}
        for order, operations in orders_of(history).items():
            told = succeeded(operations, Action.CANCEL)
            if told:
                cancelled[order] = evidence(told[:1])
        for order, (position, shown) in observed.items():
            if shown.payment_status == "cancelled":
                cancelled[order] = (*cancelled.get(order, ()), position)
        violations = []
        for order, why in cancelled.items():
            account = ledger[order]
            kept = account.taken - account.refunded
            if kept > 0:
                charges = " and ".join(charge.id for _, charge in account.succeeded)
                reason = f"order {order} was cancelled, yet {kept} was charged ({charges})"
                violations.append(Violation(reason=reason, evidence=(*why, *account.evidence)))
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=never_read(history, observed),
            gaps=ledger.gaps(),
            fine=f"{some(len(cancelled), 'order')} cancelled, nothing charged for any"
            if cancelled
            else "no order was cancelled",
        )
