"""An operation, and the endings that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from paidonce.reference_service.calls import Outcome, Result, StripeCall
from paidonce.reference_service.conclude import Settlement, State
from paidonce.reference_service.orders import (
    Order,
    OrderAnswer,
    OrderStatus,
    already_paid,
    cancelled,
    error,
)


@dataclass(frozen=True)
class Event:
    """A Stripe event that is applied at most once, by its id.

    ``about`` is the id of what it is about: an intent, a Checkout Session or an invoice.
    ``subscription_id`` is what a session began, or what an invoice renews.
    """

    id: str
    type: str
    payment_id: str | None
    about: str | None = None
    subscription_id: str | None = None


@dataclass(frozen=True)
class Plan:
    """The plan of an operation, once it has decided.

    Either ``call`` is the one Stripe call to make and the settlement follows from its outcome,
    or there is none and ``settlement`` is already known. ``event`` is recorded with it; if it
    had been recorded before, ``answer_if_seen`` is the answer and nothing else is written.
    ``hands_out`` is what paid (a session, an invoice) for what is handed out with it, ``redeems``
    the code of the coupon that is used.
    """

    call: StripeCall | None = None
    settlement: Settlement | None = None
    event: Event | None = None
    answer_if_seen: OrderAnswer | None = None
    hands_out: str | None = None
    redeems: str | None = None

    @property
    def local(self) -> Settlement:
        assert self.settlement is not None, "a plan without a call carries its settlement"
        return self.settlement


class Operation(Protocol):
    """One kind of change to an order, bound to one request's parameters."""

    kind: ClassVar[str]

    def request(self) -> dict[str, Any]:
        """The request's parameters, as JSON, to tell a repeated client key from a reused one."""

    def decide(self, order: Order) -> Plan:
        """Decide what to do about ``order``; pure. Raises ``Refused`` with the 4xx to answer."""

    @staticmethod
    def conclude(order: Order, call: StripeCall, outcome: Outcome) -> Settlement:
        """Return how a definite outcome of ``call`` settles the order; pure.

        ``order`` is the row before the write that records it; its ``payment_status`` may be
        ``processing`` and must not be relied on.
        """


def conclude_shared(order: Order, outcome: Outcome) -> Settlement | None:
    """The endings that do not depend on the operation; None for those that do.

    ``order`` is the order as it was decided upon.
    """
    match outcome.result:
        case Result.NOT_DONE:
            answer = error(503, "stripe_unavailable", _because("Nothing was charged", outcome))
            return Settlement(State.RELEASED, order.changed(), answer)
        case Result.KEY_MISMATCH:
            # An attempt this database knows nothing of has had this key: one whose transaction
            # was lost. What became of it is for the recovery to find out.
            answer = error(409, "payment_in_progress", _because("Try again later", outcome))
            return Settlement(State.UNKNOWN, order, answer)
        case Result.UNKNOWN | Result.KEY_IN_USE:
            # In use: the same request is being carried out, for somebody who has gone.
            answer = error(
                502,
                "payment_outcome_unknown",
                _because("Stripe may or may not have done it", outcome),
                order.payment_id,
            )
            return Settlement(State.UNKNOWN, order, answer)
        case _:
            return None


def rejected(order: Order, status: OrderStatus, outcome: Outcome) -> Settlement:
    """Stripe found fault with the request, or failed: nothing done, the order back at ``status``.

    After a failure the attempt has ended, so whoever asks with a new key asks Stripe anew.
    """
    if outcome.result is Result.NOT_EXECUTED:
        answer = error(409, "payment_not_executed", "Stripe did not carry it out. Ask anew.")
        return Settlement(State.FAILED, order.ended(payment_status=status), answer)
    answer = error(422, "invalid_request", _because("Stripe rejected it", outcome))
    return Settlement(State.FAILED, order.ended(payment_status=status), answer)


def wrong_state(order: Order, outcome: Outcome) -> Settlement:
    """The intent is not what the order says: believe Stripe, and tell the client."""
    intent = outcome.intent
    if intent is not None and intent.status == "succeeded":
        after = order.ended(
            payment_status=OrderStatus.PAID, payment_id=intent.id, amount=intent.amount
        )
        return Settlement(State.FAILED, after, already_paid(after).answer)
    if intent is not None and intent.status == "canceled":
        after = order.ended(payment_status=OrderStatus.CANCELLED, payment_id=intent.id)
        return Settlement(State.FAILED, after, cancelled().answer)
    return rejected(order, OrderStatus.UNPAID, outcome)


def _because(what: str, outcome: Outcome) -> str:
    reason = " ".join(outcome.message.split())
    return f"{what}: {reason}" if reason else f"{what}."
