"""The objects that Stripe holds at the end, and whose each of them is.

Stripe knows nothing of orders: a service may leave the order's id in an intent's metadata, or
not. So an object's order is taken, in this sequence, from what the history recorded with the
object, from the call that made it, from the service naming it in an answer or in the order at
rest, and at last from there being a single order in the whole history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from paidonce.harness.history import (
    ChargeObserved,
    Effect,
    History,
    IntentObserved,
    OrderCreated,
    OrderObserved,
)

Placed = tuple[int, IntentObserved]
Charged = tuple[int, ChargeObserved]

INTENT_CREATE = "payment_intent.create"


class Owners:
    """Which order an intent, a charge or a call to Stripe belongs to."""

    def __init__(self, history: History) -> None:
        self._of_intent: dict[str, str] = {}
        known = {created.order for _, created in history.of(OrderCreated)}
        known.update(order for order in history.by_order if order)
        self._only = next(iter(known)) if len(known) == 1 else None
        self._of_attempt = _orders_of_attempts(history)
        self._learn(history)

    def _learn(self, history: History) -> None:
        for _, intent in history.of(IntentObserved):
            self._note(intent.id, intent.order)
        for _, charge in history.of(ChargeObserved):
            self._note(charge.intent, charge.order)
        for _, effect in history.of(Effect):
            if effect.label == INTENT_CREATE and effect.answer is not None:
                self._note(effect.answer.get("id"), self._told_by(effect))
        for operation in history.operations:
            completed, invoked = operation.completed, operation.invoked
            if completed is not None:
                self._note(completed.value.get("payment_id"), invoked.order)
            self._note(invoked.args.get("payment_id"), invoked.order)
        for _, observed in history.of(OrderObserved):
            self._note(observed.payment_id, observed.order)

    def _note(self, intent: str | None, order: str | None) -> None:
        if intent and order:
            self._of_intent.setdefault(intent, order)

    def _told_by(self, effect: Effect) -> str | None:
        if effect.order is not None:
            return effect.order
        params: dict[str, Any] = effect.request.get("params") or {}
        named = params.get("metadata[order_id]")
        if named is not None:
            return str(named)
        return self._of_attempt.get(effect.attempt) if effect.attempt is not None else None

    def of_intent(self, intent: IntentObserved) -> str | None:
        """The order an intent is of, if it can be known."""
        return intent.order or self._of_intent.get(intent.id) or self._only

    def of_charge(self, charge: ChargeObserved) -> str | None:
        """The order a charge is of, if it can be known."""
        by_intent = self._of_intent.get(charge.intent) if charge.intent is not None else None
        return charge.order or by_intent or self._only

    def of_effect(self, effect: Effect) -> str | None:
        """The order a call to Stripe was made for, if it can be known."""
        told = self._told_by(effect)
        if told is not None:
            return told
        answer = effect.answer or {}
        named = [answer.get("id"), *str(effect.request.get("path", "")).split("/")]
        for intent in named:
            if isinstance(intent, str) and intent in self._of_intent:
                return self._of_intent[intent]
        return self._only


def _orders_of_attempts(history: History) -> dict[str, str]:
    """Attempts that acted on one order only, with that order."""
    found: dict[str, set[str]] = {}
    for operation in history.operations:
        found.setdefault(operation.invoked.attempt, set()).add(operation.invoked.order)
    return {attempt: next(iter(orders)) for attempt, orders in found.items() if len(orders) == 1}


@dataclass(frozen=True, slots=True)
class Account:
    """Everything Stripe lists for one order, each with its position in the history."""

    intents: list[Placed] = field(default_factory=list)
    charges: list[Charged] = field(default_factory=list)

    @property
    def succeeded(self) -> list[Charged]:
        """The charges by which money moved."""
        return [placed for placed in self.charges if placed[1].status == "succeeded"]

    @property
    def taken(self) -> int:
        """Return the amount that was taken, in minor units, refunds not subtracted."""
        return sum(charge.amount for _, charge in self.succeeded)

    @property
    def refunded(self) -> int:
        """Return the amount that was given back, in minor units."""
        return sum(charge.amount_refunded for _, charge in self.succeeded)

    @property
    def evidence(self) -> tuple[int, ...]:
        """Return where in the history the charges are by which money moved."""
        return tuple(position for position, _ in self.succeeded)


def ledger_of(history: History) -> Ledger:
    """Stripe's objects by order, as a history has them; several checkers look at them."""
    ledger = _ledgers.get(history)
    if ledger is None:
        ledger = _ledgers[history] = Ledger(history)
    return ledger


class Ledger:
    """Stripe's objects by order; an order that Stripe has nothing of has an empty account."""

    def __init__(self, history: History) -> None:
        self._accounts: dict[str, Account] = {}
        self.ownerless: list[tuple[int, str]] = []
        """Positions and ids of intents and succeeded charges that no order could be found for."""
        owners = Owners(history)
        for position, intent in history.of(IntentObserved):
            order = owners.of_intent(intent)
            if order is None:
                self.ownerless.append((position, intent.id))
            else:
                self._account(order).intents.append((position, intent))
        for position, charge in history.of(ChargeObserved):
            order = owners.of_charge(charge)
            if order is not None:
                self._account(order).charges.append((position, charge))
            elif charge.status == "succeeded":
                self.ownerless.append((position, charge.id))

    def _account(self, order: str) -> Account:
        return self._accounts.setdefault(order, Account())

    def __getitem__(self, order: str) -> Account:
        return self._accounts.get(order) or Account()

    def items(self) -> Iterator[tuple[str, Account]]:
        """The orders that Stripe has something of."""
        yield from self._accounts.items()

    def gaps(self) -> list[str]:
        """Return why an account may be lacking something, if so."""
        return [f"{identity} at Stripe belongs to no known order" for _, identity in self.ownerless]


_ledgers: WeakKeyDictionary[History, Ledger] = WeakKeyDictionary()
"""As long as the histories are there, which never change."""


def at_rest(history: History) -> dict[str, tuple[int, OrderObserved]]:
    """Return how the service showed each order last, with the position of that."""
    return {observed.order: (at, observed) for at, observed in history.of(OrderObserved)}


def never_read(history: History, observed: dict[str, tuple[int, OrderObserved]]) -> list[str]:
    """Doubts about the orders whose final state is missing."""
    orders = [created.order for _, created in history.of(OrderCreated)]
    return [
        f"order {order} was never read at rest"
        for order in dict.fromkeys((*orders, *filter(None, history.by_order)))
        if order not in observed
    ]
