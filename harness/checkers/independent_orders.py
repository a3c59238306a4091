"""Many orders at once: each ends with exactly one successful payment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.answers import by_attempt, evidence, succeeded, undecided
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import at_rest, ledger_of, never_read
from paidonce.harness.history import Action, History, Operation, OrderCreated
from paidonce.harness.models.order_state import PAID_STATUSES
from paidonce.harness.verdict import Verdict, Violation


class IndependentOrders:
    """For scenarios that pay many good orders: no order may spoil another's payment.

    For each order that somebody asked to pay: one payment was answered OK (none is enough where one
    went unanswered or failed, never two), the order shows it, and Stripe has one charge, as far as
    the run can tell those. An order that nobody asked to pay is not charged.
    """

    name = "independent-orders"
    title = "Every one of many orders is paid exactly once"
    needs: Needs = (
        frozenset({Capability.ORDER_STATE}),
        frozenset({Capability.STRIPE_LEDGER}),
    )
    telling = Telling()

    def check(self, history: History) -> Verdict:
        capabilities = history.header.capabilities
        ledger = ledger_of(history) if Capability.STRIPE_LEDGER in capabilities else None
        shown = at_rest(history) if Capability.ORDER_STATE in capabilities else None
        violations: list[Violation] = []
        orders = 0
        for created_at, created in history.of(OrderCreated):
            order = created.order
            operations = history.by_order.get(order, ())
            payments = [
                operation for operation in operations if operation.invoked.action is Action.PAY
            ]
            charges = len(ledger[order].succeeded) if ledger is not None else None
            if not payments:
                if ledger is not None and charges:
                    reason = f"order {order} has {some(charges, 'charge')}, and nobody paid it"
                    where = (created_at, *ledger[order].evidence)
                    violations.append(Violation(reason=reason, evidence=where))
                continue
            orders += 1
            violations.extend(_told(order, payments, created_at))
            if shown is not None and order in shown:
                at, seen = shown[order]
                if seen.payment_status not in PAID_STATUSES:
                    reason = f"order {order} ended {seen.payment_status}, not paid"
                    violations.append(Violation(reason=reason, evidence=(created_at, at)))
            if ledger is not None and charges is not None and charges != 1:
                reason = f"order {order} has {some(charges, 'charge')} at Stripe, not one"
                where = (created_at, *ledger[order].evidence)
                violations.append(Violation(reason=reason, evidence=where, absence=charges == 0))
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=never_read(history, shown) if shown is not None else (),
            gaps=ledger.gaps() if ledger is not None else (),
            fine=f"{some(orders, 'order')}, each paid exactly once",
        )


def _told(order: str, payments: Sequence[Operation], created_at: int) -> Iterator[Violation]:
    winners = [group[0] for group in by_attempt(succeeded(payments, Action.PAY)).values()]
    if len(winners) > 1:
        yield Violation(
            reason=f"order {order}: {len(winners)} payments succeeded",
            evidence=evidence(winners),
        )
    elif not winners and not any(undecided(operation) for operation in payments):
        yield Violation(
            reason=f"order {order}: none of {some(len(payments), 'payment')} succeeded",
            evidence=(created_at, *evidence(payments)),
            absence=True,
        )
