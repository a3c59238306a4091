"""No order is charged twice."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.base import BrokenBy, Needs, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import Owners, ledger_of
from paidonce.harness.history import Effect, History
from paidonce.harness.verdict import Verdict, Violation

_MONEY_MOVES = frozenset({"payment_intent", "charge"})


class OneCharge:
    """Counts the charges by which money moved.

    Stripe's own list decides where there is one. Otherwise every intent that an answer showed
    as succeeded is one charge, since an intent succeeds once. That needs a Stripe whose answers
    mean something: one that keeps no state (and so honours no idempotency key) does not do.
    """

    name = "one-charge"
    title = "No order is charged twice"
    needs: Needs = (
        frozenset({Capability.STRIPE_LEDGER}),
        frozenset({Capability.STRIPE_CALLS, Capability.STRIPE_IDEMPOTENCY}),
    )
    telling = Telling(
        broke="one order is charged a second time",
        weight=80,
        stakes=3,
        broken_by=BrokenBy.SECOND_CHARGE,
        of_load=True,
    )

    def check(self, history: History) -> Verdict:
        gaps: list[str] = []
        if Capability.STRIPE_LEDGER in history.header.capabilities:
            ledger = ledger_of(history)
            gaps = ledger.gaps()
            charged = {
                order: {charge.id: position for position, charge in account.succeeded}
                for order, account in ledger.items()
            }
        else:
            charged = _from_calls(history, gaps)
        violations = [
            Violation(
                reason=f"order {order} was charged {len(charges)} times: {' and '.join(charges)}",
                evidence=tuple(charges.values()),
            )
            for order, charges in charged.items()
            if len(charges) > 1
        ]
        once = sum(len(charges) == 1 for charges in charged.values())
        return conclude(
            self.name,
            history,
            violations=violations,
            gaps=gaps,
            fine=f"{some(once, 'order')} charged once, none twice",
        )


def _from_calls(history: History, gaps: list[str]) -> dict[str, dict[str, int]]:
    owners = Owners(history)
    calls: dict[str, dict[str, int]] = {}
    for position, effect in history.of(Effect):
        answer = effect.answer
        if (
            answer is None
            or answer.get("object") not in _MONEY_MOVES
            or answer.get("state") != "succeeded"
        ):
            continue
        order = owners.of_effect(effect)
        if order is None:
            gaps.append(f"{answer.get('id')} at Stripe belongs to no known order")
            continue
        calls.setdefault(order, {}).setdefault(str(answer.get("id")), position)
    return calls
