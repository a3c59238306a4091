"""The orders once recovery is over: what each of them shows, and what was taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paidonce.harness.checkers.stripe_facts import Account, Ledger, at_rest
from paidonce.harness.history import (
    Action,
    History,
    Operation,
    OrderObserved,
    Outcome,
    Recovered,
    Recovering,
)
from paidonce.harness.models.order_state import PAID_STATUSES
from paidonce.harness.verdict import Status, Verdict


@dataclass(frozen=True)
class Left:
    """An order as it was left: what the service shows, and what Stripe has of it."""

    shown: OrderObserved
    position: int
    account: Account

    @property
    def charged(self) -> bool:
        """Return whether Stripe keeps money for it."""
        return self.account.taken > self.account.refunded

    @property
    def recorded(self) -> bool:
        """Return whether the service shows that it was paid, whatever was given back since."""
        return self.shown.payment_status in PAID_STATUSES

    @property
    def evidence(self) -> tuple[int, ...]:
        """Return where the history tells of it."""
        return (*self.account.evidence, self.position)


def recovered(history: History) -> tuple[int, Recovered] | None:
    """The end of recovery, with its position; None where there was none."""
    return next(iter(history.of(Recovered)), None)


def nothing_recovered(checker: str) -> Verdict:
    """The verdict on a history without recovery."""
    return Verdict(checker=checker, status=Status.VALID, reason="there was nothing to recover from")


def left_behind(history: History) -> Iterator[Left]:
    """Every order as it was left."""
    ledger = Ledger(history)
    for order, (position, shown) in at_rest(history).items():
        yield Left(shown, position, ledger[order])


def gaps(history: History) -> list[str]:
    """Return why an account may be lacking something, if so."""
    return Ledger(history).gaps()


def swallowed(history: History, left: Left) -> Operation | None:
    """The last delivery about an order that was accepted, where the order does not show what it
    told of; None where there is no such thing."""
    if not left.charged or left.recorded or left.shown.payment_status == "cancelled":
        return None
    accepted = [
        operation
        for operation in history.by_order.get(left.shown.order, ())
        if operation.invoked.action is Action.WEBHOOK and operation.outcome is Outcome.OK
    ]
    return accepted[-1] if accepted else None


def since_recovery(history: History) -> int:
    """The position at which nothing goes wrong any more; the end where there is no recovery."""
    first = next(iter(history.of(Recovering)), None)
    return len(history.events) if first is None else first[0]
