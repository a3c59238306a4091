"""The state of one order, the words for it, and the little algebra of what is not known yet."""

from __future__ import annotations

import enum

import msgspec

from paidonce.harness.history import Action

SOME = "?"
"""An id that exists but that no answer has named yet."""

PAYMENT_IN_PROGRESS = "payment_in_progress"
ORDER_ALREADY_PAID = "order_already_paid"
ORDER_CANCELLED = "order_cancelled"
ORDER_NOT_PAID = "order_not_paid"
REFUND_EXCEEDS_PAYMENT = "refund_exceeds_payment"
CARD_DECLINED = "card_declined"

KNOWN_CODES = frozenset(
    {
        PAYMENT_IN_PROGRESS,
        ORDER_ALREADY_PAID,
        ORDER_CANCELLED,
        ORDER_NOT_PAID,
        REFUND_EXCEEDS_PAYMENT,
        CARD_DECLINED,
    }
)
"""Rejections whose truth the model can judge; any other is let pass as saying nothing."""

PAID_STATUSES = frozenset({"paid", "partially_refunded", "refunded"})
"""Payment statuses that say that money was taken for the order."""


class Phase(enum.Enum):
    """The point to which an order has come. Refunds do not make an order payable again."""

    UNPAID = "unpaid"
    PAID = "paid"
    CANCELLED = "cancelled"


class OrderState(msgspec.Struct, frozen=True, kw_only=True):
    """One order between two operations. Amounts are in the currency's minor unit.

    ``amount`` is None while nothing has told it. ``intent`` is the open payment intent, ``SOME``
    if its id is not known, None if there is none (or none that was announced: a declined payment
    leaves an intent behind that its answer need not name). ``taken`` is set while money was
    taken on ``intent`` and no answer has shown yet that the service knows. ``done`` remembers
    the idempotency keys that have had their effect and will be seen again. ``refunded`` is None
    once something was refunded of which no answer told how much.
    """

    phase: Phase = Phase.UNPAID
    amount: int | None = None
    intent: str | None = None
    taken: bool = False
    payment: str | None = None
    refunded: int | None = 0
    done: frozenset[tuple[Action, str]] = frozenset()

    def __str__(self) -> str:
        words: str = self.phase.value
        if self.phase is Phase.PAID:
            words += f" by {self.payment}" if self.payment != SOME else " by an unnamed payment"
        if self.amount is not None:
            words += f", amount {self.amount}"
        if self.intent is not None:
            words += ", an intent is open" if self.intent == SOME else f", {self.intent} is open"
        if self.taken:
            words += " and confirmed"
        if self.refunded:
            words += f", {self.refunded} refunded"
        return words


def as_paid(state: OrderState) -> OrderState | None:
    """The state as paid, with the service now knowing of money taken in the browser."""
    if state.phase is Phase.PAID:
        return state
    if state.taken:
        return msgspec.structs.replace(
            state, phase=Phase.PAID, payment=state.intent or SOME, intent=None, taken=False
        )
    return None


def refundable(paid: OrderState) -> int | None:
    """Return how much of a payment can still be refunded, None if that is not known."""
    if paid.amount is None or paid.refunded is None:
        return None
    return paid.amount - paid.refunded


def same_payment(state: OrderState, named: str | None) -> OrderState | None:
    """The state if the payment or intent it holds can be the one ``named``."""
    if state.phase is Phase.PAID:
        payment = unify(state.payment or SOME, named)
        if payment is None:
            return None
        return (
            state if payment == state.payment else msgspec.structs.replace(state, payment=payment)
        )
    if state.intent is None:
        return state
    intent = unify(state.intent, named)
    return None if intent is None else with_intent(state, intent)


def with_intent(state: OrderState, intent: str) -> OrderState:
    """The same with that payment intent."""
    return state if intent == state.intent else msgspec.structs.replace(state, intent=intent)


def unify(known: str, named: str | None) -> str | None:
    """The id that ``known`` and ``named`` both stand for, or None if they are two."""
    if named is None or named == known:
        return known
    return named if known == SOME else None


def agree(known: int | None, said: int | None) -> tuple[int | None, bool]:
    """The amount that two sources tell (either may not), and whether they agree."""
    if known is None:
        return said, True
    return known, said is None or said == known
