"""Stripe and the service part for good: charged and not recorded, or recorded and not charged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paidonce.harness.capability import Capability
from paidonce.harness.checkers.after_recovery import (
    Left,
    gaps,
    left_behind,
    nothing_recovered,
    recovered,
    swallowed,
)
from paidonce.harness.checkers.base import Needs, Telling, conclude, some
from paidonce.harness.history import History
from paidonce.harness.verdict import Verdict, Violation

_HELD = "processing"


@dataclass(frozen=True)
class Parting:
    """Looks for orders, after recovery, of which one side alone tells of a payment.

    ``parted`` says why an order is one of those, None where it is not. ``absence`` tells that
    it rests on what is not in the history.
    """

    name: str
    title: str
    called: str
    parted: Callable[[History, Left], str | None]
    absence: bool = False
    needs: Needs = (frozenset({Capability.STRIPE_LEDGER, Capability.ORDER_STATE}),)

    @property
    def telling(self) -> Telling:
        return Telling(
            broke=f"an order stays {self.called.replace(', ', ' and ')}",
            weight=95,
            stakes=2,
            of_recovery=True,
        )

    def check(self, history: History) -> Verdict:
        if recovered(history) is None:
            return nothing_recovered(self.name)
        left = [(leftover, self.parted(history, leftover)) for leftover in left_behind(history)]
        violations = [
            Violation(
                title=self.called, reason=reason, evidence=leftover.evidence, absence=self.absence
            )
            for leftover, reason in left
            if reason is not None
        ]
        none = self.called.replace(", ", " and ")
        return conclude(
            self.name,
            history,
            violations=violations,
            fine=f"of {some(len(left), 'order')} none is {none}",
            gaps=gaps(history),
        )


def _not_recorded(history: History, one: Left) -> str | None:
    """Return what was charged and not recorded, None if another checker tells of it: where the
    event that tells of the payment was accepted, ``event-lost`` does, and ``held`` where the order
    is still being worked on."""
    if not one.charged or one.recorded or one.shown.payment_status == _HELD:
        return None
    if swallowed(history, one) is not None:
        return None
    kept = one.account.taken - one.account.refunded
    return (
        f"Stripe keeps {kept} {one.shown.currency} for order {one.shown.order}, which shows "
        f"{one.shown.payment_status}"
    )


def _not_charged(history: History, one: Left) -> str | None:
    if not one.recorded or one.account.taken:
        return None
    return (
        f"order {one.shown.order} shows {one.shown.payment_status}, and Stripe took nothing for it"
    )


CHARGED_RECORDED = Parting(
    name="charged-recorded",
    title="After recovery, what was charged is recorded",
    called="charged, not recorded",
    parted=_not_recorded,
)
RECORDED_CHARGED = Parting(
    name="recorded-charged",
    title="After recovery, what is recorded was charged",
    called="recorded, not charged",
    parted=_not_charged,
    absence=True,
)
