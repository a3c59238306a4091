"""Refunds never exceed the payment, and each that was promised was made, once."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.answers import by_attempt, evidence, orders_of, succeeded, undecided
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import Account, ledger_of
from paidonce.harness.history import Action, History, Operation, Outcome
from paidonce.harness.verdict import Verdict, Violation


class RefundsBounded:
    """Three sums per order: what was paid, what Stripe gave back, what clients were told.

    Told must never exceed given, or a customer waits for money that will not come. Given must
    never exceed paid. Where every refund's outcome is known and the order was not cancelled
    (which may give money back by itself) told and given are equal. Requests with the same
    idempotency key are one refund. A Stripe that accepts any refund tells nothing of a service
    that leaves the limit to it.
    """

    name = "refunds-bounded"
    title = "Refunds never exceed the payment, and none is made twice"
    needs: Needs = (frozenset({Capability.STRIPE_LEDGER, Capability.STRIPE_REFUND_LIMIT}),)
    telling = Telling(broke="more was given back than was paid", weight=50)

    def check(self, history: History) -> Verdict:
        ledger = ledger_of(history)
        by_order = orders_of(history)
        violations = []
        doubts: list[str] = []
        for order in dict.fromkeys((*by_order, *(order for order, _ in ledger.items()))):
            account, operations = ledger[order], by_order.get(order, ())
            violations.extend(_over_refunded(order, account))
            found, doubt = _told(order, operations, account)
            violations.extend(found)
            doubts.extend(doubt)
        refunded = sum(account.refunded > 0 for _, account in ledger.items())
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=doubts,
            gaps=ledger.gaps(),
            fine=f"{some(refunded, 'order')} refunded, none beyond its payment",
        )


def _over_refunded(order: str, account: Account) -> list[Violation]:
    if account.refunded <= account.taken and all(
        charge.amount_refunded <= charge.amount for _, charge in account.succeeded
    ):
        return []
    reason = f"order {order}: {account.refunded} refunded of {account.taken} paid"
    return [Violation(reason=reason, evidence=account.evidence)]


def _told(
    order: str, operations: Sequence[Operation], account: Account
) -> tuple[list[Violation], list[str]]:
    """Return where clients were told otherwise than Stripe gave back, and what cannot be told."""
    refunds = [operation for operation in operations if operation.invoked.action is Action.REFUND]
    answered = [group[0] for group in by_attempt(succeeded(refunds, Action.REFUND)).values()]
    amounts = [_amount(operation) for operation in answered]
    told = sum(amount for amount in amounts if amount is not None)
    where = (*evidence(answered), *account.evidence)
    if told > account.refunded:
        reason = (
            f"order {order}: clients were told of {told} refunded in "
            f"{some(len(answered), 'refund')}, Stripe gave back {account.refunded}"
        )
        return [Violation(reason=reason, evidence=where, absence=True)], []
    if told == account.refunded or _may_refund_unasked(operations):
        return [], []
    if None in amounts:
        return [], [f"order {order}: a refund was answered without its amount"]
    reason = (
        f"order {order}: Stripe gave back {account.refunded}, clients were told of {told} "
        f"in {some(len(answered), 'refund')}"
    )
    return [Violation(reason=reason, evidence=where)], []


def _amount(refund: Operation) -> int | None:
    assert refund.completed is not None
    said = refund.completed.value.get("amount")
    amount = said if said is not None else refund.invoked.args.get("amount")
    return None if amount is None else int(amount)


def _may_refund_unasked(operations: Sequence[Operation]) -> bool:
    """Return whether money may have gone back without a refund that was answered OK."""
    return any(
        (operation.invoked.action is Action.REFUND and undecided(operation))
        or (operation.invoked.action is Action.CANCEL and operation.outcome is not Outcome.REJECTED)
        for operation in operations
    )
