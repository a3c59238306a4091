"""The amounts agree: an order's charge is its price, and what the customer was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.answers import evidence, orders_of, succeeded, who
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import Account, at_rest, ledger_of, never_read
from paidonce.harness.history import Action, History, Operation
from paidonce.harness.verdict import Verdict, Violation


class AmountsAgree:
    """Compares every succeeded charge with the order at rest and with the answers given."""

    name = "amounts-agree"
    title = "The amount charged is the order's amount"
    needs: Needs = (frozenset({Capability.STRIPE_LEDGER, Capability.ORDER_STATE}),)
    telling = Telling(broke="what was taken is not what the order costs", weight=30, of_load=True)

    def check(self, history: History) -> Verdict:
        ledger = ledger_of(history)
        observed = at_rest(history)
        violations = []
        charges = 0
        for order, (position, shown) in observed.items():
            for at, charge in ledger[order].succeeded:
                charges += 1
                took, costs = (charge.amount, charge.currency), (shown.amount, shown.currency)
                if _folded(took) != _folded(costs):
                    reason = (
                        f"order {order} costs {costs[0]} {costs[1]}, "
                        f"but {charge.id} took {took[0]} {took[1]}"
                    )
                    violations.append(Violation(reason=reason, evidence=(at, position)))
        for order, operations in orders_of(history).items():
            violations.extend(_misquoted(operations, ledger[order]))
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=never_read(history, observed),
            gaps=ledger.gaps(),
            fine=f"{some(charges, 'charge')}, each of its order's amount",
        )


def _misquoted(operations: Sequence[Operation], account: Account) -> Iterator[Violation]:
    """Payments whose customer was told another amount than was taken."""
    for operation in succeeded(operations, Action.PAY):
        assert operation.completed is not None
        value = operation.completed.value
        amount, currency, payment = (value.get(k) for k in ("amount", "currency", "payment_id"))
        for at, charge in account.succeeded:
            if payment is not None and payment not in (charge.intent, charge.id):
                continue
            told = (charge.amount if amount is None else amount, currency or charge.currency)
            if _folded(told) != _folded((charge.amount, charge.currency)):
                yield Violation(
                    reason=f"{who(operation)} was told {told[0]} {told[1]}, "
                    f"but {charge.id} took {charge.amount} {charge.currency}",
                    evidence=(*evidence([operation]), at),
                )


def _folded(money: tuple[int, str]) -> tuple[int, str]:
    # Stripe writes currencies in lower case; a service may not.
    return money[0], money[1].lower()
