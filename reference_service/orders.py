"""Orders, what can be refused about them, and what an attempt leaves behind: pure data."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID


class OrderStatus(enum.StrEnum):
    """An order's ``payment_status``."""

    UNPAID = "unpaid"
    PROCESSING = "processing"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


TAKEN = frozenset({OrderStatus.PAID, OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED})
"""The statuses in which money was taken, whatever was given back since."""
MINIMUM = 50
"""The least that an order may cost, in minor units: Stripe takes no less in most currencies
(https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One row of ``orders``. Amounts are integer minor units.

    ``attempt_no`` counts the attempts that are known to have ended; ``pending_attempt`` is the
    one that is not, and while it is set nothing else may move money for this order.
    ``checkout_id`` is the Checkout Session on which it is being paid, or was (``on_page``): while
    the order is unpaid nothing else may be paid for it, unless that is ``checkout_over`` and nobody
    paid. ``renewals`` are the invoices that renewed what the
    session began, and were served.
    """

    id: str
    amount: int
    currency: str
    payment_status: OrderStatus = OrderStatus.UNPAID
    payment_id: str | None = None
    refunded_amount: int = 0
    version: int = 0
    attempt_no: int = 0
    pending_attempt: UUID | None = None
    fence: int = 0
    checkout_id: str | None = None
    checkout_over: bool = False
    subscription_id: str | None = None
    renewals: tuple[str, ...] = ()
    coupon: str | None = None

    @property
    def on_page(self) -> bool:
        """Return whether it is sold on a page of Stripe's."""
        return self.checkout_id is not None and not self.checkout_over

    def public(self) -> dict[str, Any]:
        """The order as clients see it."""
        return {
            "id": self.id,
            "amount": self.amount,
            "currency": self.currency,
            "payment_status": str(self.payment_status),
            "payment_id": self.payment_id,
            "refunded_amount": self.refunded_amount,
            "checkout_id": self.checkout_id if self.on_page else None,
            "version": self.version,
        }

    def changed(self, **changes: Any) -> Order:
        """The order after one write: ``changes`` made, the version one higher."""
        return replace(self, version=self.version + 1, **changes)

    def ended(self, **changes: Any) -> Order:
        """The order after an attempt at Stripe whose end is known: its number is used up.

        A change that Stripe is not asked for does not use it up: an attempt that crashed before
        it was recorded may have had the number, and the next must still repeat its key.
        """
        return self.changed(attempt_no=self.attempt_no + 1, pending_attempt=None, **changes)


@dataclass(frozen=True)
class OrderAnswer:
    """An answer to a client: an HTTP status, a JSON body and headers of our own."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def error(status: int, code: str, message: str, payment_id: str | None = None) -> OrderAnswer:
    """An error in the one shape this service uses."""
    body: dict[str, Any] = {"code": code, "message": message}
    if payment_id is not None:
        body["payment_id"] = payment_id
    return OrderAnswer(status, {"error": body})


class Refused(Exception):
    """The request was turned down before anything was sent to Stripe."""

    def __init__(self, answer: OrderAnswer) -> None:
        super().__init__(answer.body["error"]["message"])
        self.answer = answer


def not_found() -> Refused:
    return Refused(error(404, "order_not_found", "There is no such order."))


def invalid(message: str) -> Refused:
    return Refused(error(422, "invalid_request", message))


def already_paid(order: Order) -> Refused:
    return Refused(error(409, "order_already_paid", "This order has been paid.", order.payment_id))


def in_progress(order: Order | None = None) -> Refused:
    return Refused(
        error(
            409,
            "payment_in_progress",
            "Another request is working on this order's payment.",
            order.payment_id if order else None,
        )
    )


def cancelled() -> Refused:
    return Refused(error(409, "order_cancelled", "This order has been cancelled."))


def used_up() -> Refused:
    return Refused(error(409, "coupon_used_up", "This coupon is not to be had any more."))


def not_paid() -> Refused:
    return Refused(error(409, "order_not_paid", "This order has not been paid."))


def refund_exceeds() -> Refused:
    return Refused(error(409, "refund_exceeds_payment", "More than what is left of the payment."))


def require_idle(order: Order) -> None:
    """Raise 409 while an attempt of this order has not ended."""
    if order.pending_attempt is not None or order.payment_status is OrderStatus.PROCESSING:
        raise in_progress(order)


def require_payable(order: Order) -> None:
    """Raise 409 unless the order is unpaid and at rest."""
    require_idle(order)
    if order.payment_status in TAKEN:
        raise already_paid(order)
    if order.payment_status is OrderStatus.CANCELLED:
        raise cancelled()


def require_no_checkout(order: Order) -> None:
    """Raise 409 while the order may be paid on a page of Stripe's, or has been."""
    if order.on_page:
        raise in_progress(order)


def require_untouched(order: Order) -> None:
    """Raise 409 unless the order is payable and nothing at Stripe is open for it."""
    require_payable(order)
    if order.payment_id is not None or order.on_page:
        raise in_progress(order)


def status_when_paid(order: Order) -> OrderStatus:
    """The status of an order whose money was taken, from what was given back of it."""
    if order.refunded_amount == 0:
        return OrderStatus.PAID
    if order.refunded_amount < order.amount:
        return OrderStatus.PARTIALLY_REFUNDED
    return OrderStatus.REFUNDED
