"""The ledger agrees: the order shows what Stripe took, and Stripe took what the order shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.answers import evidence, orders_of, succeeded, who
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import Account, at_rest, ledger_of, never_read
from paidonce.harness.history import Action, History, Operation, OrderObserved
from paidonce.harness.models.order_state import PAID_STATUSES
from paidonce.harness.verdict import Verdict, Violation


class LedgerAgrees:
    """Compares the service's books with Stripe's once everything is at rest.

    Both directions count: money taken for an order that does not show it is a payment lost, an
    order that shows a payment nobody made is goods given away. "processing" at rest is wrong in
    itself. A cancelled order may have been charged if all of it was given back.
    """

    name = "ledger-agrees"
    title = "What Stripe took, the order shows, and the other way round"
    needs: Needs = (frozenset({Capability.STRIPE_LEDGER, Capability.ORDER_STATE}),)
    telling = Telling(
        broke="what the order shows is no longer what Stripe holds", weight=40, of_load=True
    )

    def check(self, history: History) -> Verdict:
        ledger = ledger_of(history)
        observed = at_rest(history)
        by_order = orders_of(history)
        names_payments = _names_payments(history)
        violations: list[Violation] = []
        for order, (position, shown) in observed.items():
            violations.extend(_compare(shown, ledger[order], position, names_payments))
        for order, operations in by_order.items():
            violations.extend(_lost(order, operations, ledger[order]))
        strangers = [
            f"Stripe took money for order {order}, which the service never showed"
            for order, account in ledger.items()
            if account.succeeded and order not in observed
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=[*never_read(history, observed), *strangers],
            gaps=ledger.gaps(),
            fine=f"Stripe and the service agree on {some(len(observed), 'order')}",
        )


def _names_payments(history: History) -> bool:
    """Return whether the service tells payment ids at all; one that never does cannot tell wrong
    ones."""
    return any(
        operation.completed is not None and operation.completed.value.get("payment_id")
        for operation in history.operations
    ) or any(shown.payment_id for _, shown in at_rest(history).values())


def _compare(
    shown: OrderObserved, account: Account, position: int, names_payments: bool
) -> Iterator[Violation]:
    order, status = shown.order, shown.payment_status
    where = (*account.evidence, position)
    net = account.taken - account.refunded
    money = f"{account.taken} {shown.currency}"

    def found(reason: str, *, absence: bool = False) -> Violation:
        return Violation(reason=f"order {order} {reason}", evidence=where, absence=absence)

    if status == "processing":
        yield found("never came to rest: it is still processing")
    elif status == "cancelled":
        if net > 0:
            yield found(f"is cancelled, yet Stripe keeps {net} {shown.currency} for it")
        return
    elif account.taken and status not in PAID_STATUSES:
        yield found(f"shows {status}, yet Stripe took {money} for it: a lost payment")
    if status not in PAID_STATUSES:
        return
    if not account.taken:
        yield found(f"shows {status}, yet Stripe took nothing for it", absence=True)
        return
    if names_payments:
        yield from _payment_id(shown, account, position)
    if shown.refunded_amount != account.refunded:
        yield found(
            f"shows {shown.refunded_amount} refunded, Stripe {account.refunded}", absence=True
        )
    elif status == "refunded" and net != 0:
        yield found(f"shows refunded, yet Stripe keeps {net} of {money}", absence=True)
    elif status == "partially_refunded" and not 0 < net < account.taken:
        yield found(f"shows {status}, yet Stripe gave back {account.refunded} of {money}")


def _payment_id(shown: OrderObserved, account: Account, position: int) -> Iterator[Violation]:
    paid_by = {name for _, charge in account.succeeded for name in (charge.intent, charge.id)}
    paid_by.update(intent.id for _, intent in account.intents if intent.status == "succeeded")
    if shown.payment_id in paid_by:
        return
    named = shown.payment_id or "no payment"
    yield Violation(
        reason=f"order {shown.order} names {named}, but was paid by "
        f"{' and '.join(sorted(filter(None, paid_by)))}",
        evidence=(*account.evidence, position),
        absence=True,
    )


def _lost(order: str, operations: Sequence[Operation], account: Account) -> Iterator[Violation]:
    """Payments that a client was told of and that Stripe does not have."""
    charged = {name for _, charge in account.succeeded for name in (charge.intent, charge.id)}
    for operation in succeeded(operations, Action.PAY):
        assert operation.completed is not None
        named = operation.completed.value.get("payment_id")
        if named in charged or (named is None and charged):
            continue
        yield Violation(
            reason=f"{who(operation)} was told that order {order} is paid"
            f"{f' by {named}' if named else ''}, but Stripe has no such charge",
            evidence=(*evidence([operation]), *account.evidence),
            absence=True,
        )
