"""No second payment intent is ever made for an order."""

from __future__ import annotations

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.base import BrokenBy, Needs, Telling, conclude, some
from paidonce.harness.checkers.stripe_facts import INTENT_CREATE, Owners, ledger_of
from paidonce.harness.history import Effect, History
from paidonce.harness.verdict import Verdict, Violation


class OneIntent:
    """Counts payment intents per order, whatever became of them.

    Stripe's own list decides where there is one. Without it the calls are counted: those with
    one idempotency key are one, each without a key is one. A call counts if Stripe accepted it
    (2xx), if it was a payment declined (402: the intent stays), and also if its answer is
    unknown (none, or 5xx): asking again under another key while the first may have worked is
    what this rule forbids.
    """

    name = "one-intent"
    title = "No second payment intent for an order"
    needs: Needs = (
        frozenset({Capability.STRIPE_LEDGER}),
        frozenset({Capability.STRIPE_CALLS}),
    )
    telling = Telling(
        broke="one order gets a second payment intent, and each can be paid",
        weight=70,
        stakes=2,
        broken_by=BrokenBy.SECOND_INTENT,
        of_load=True,
    )

    def check(self, history: History) -> Verdict:
        if Capability.STRIPE_LEDGER in history.header.capabilities:
            return self._by_ledger(history)
        return self._by_calls(history)

    def _by_ledger(self, history: History) -> Verdict:
        ledger = ledger_of(history)
        violations = []
        orders = 0
        for order, account in ledger.items():
            orders += bool(account.intents)
            if len(account.intents) > 1:
                listed = " and ".join(f"{i.id} ({i.status})" for _, i in account.intents)
                violations.append(
                    Violation(
                        reason=f"order {order} has {len(account.intents)} payment intents "
                        f"at Stripe: {listed}",
                        evidence=tuple(position for position, _ in account.intents),
                    )
                )
        return conclude(
            self.name,
            history,
            violations=violations,
            gaps=ledger.gaps(),
            fine=f"each of {some(orders, 'order')} has one payment intent at Stripe",
        )

    def _by_calls(self, history: History) -> Verdict:
        owners = Owners(history)
        calls: dict[str, dict[str, int]] = {}
        doubts = []
        for position, effect in history.of(Effect):
            if effect.label != INTENT_CREATE or not _may_have_created(effect):
                continue
            order = owners.of_effect(effect)
            if order is None:
                doubts.append(f"call {effect.seq} to Stripe belongs to no known order")
                continue
            key = effect.request.get("idempotency_key")
            identity = f"key {key}" if key else f"no key, call {effect.seq}"
            calls.setdefault(order, {}).setdefault(identity, position)
        violations = [
            Violation(
                reason=f"order {order}: {len(made)} different calls to create a payment intent "
                f"({'; '.join(made)})",
                evidence=tuple(made.values()),
            )
            for order, made in calls.items()
            if len(made) > 1
        ]
        return conclude(
            self.name,
            history,
            violations=violations,
            doubts=doubts,
            fine=f"each of {some(len(calls), 'order')} was asked for one payment intent",
        )


def _may_have_created(effect: Effect) -> bool:
    if effect.answer is None:
        return True
    status = int(effect.answer.get("status") or 0)
    return 200 <= status < 300 or status == 402 or status >= 500
