"""A Stripe call as data, what can come of it, and the one rule for idempotency keys."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

from paidonce.reference_service.orders import Order


class CallKind(enum.StrEnum):
    """The kinds of calls to Stripe; the kind is part of the idempotency key.

    Creating an intent and creating-and-confirming one share a kind on purpose. After a crash
    that the database does not know of, the next attempt then repeats the key whichever of the
    two it wants, and Stripe replays or refuses: a second intent cannot come of it. Opening a
    Checkout Session shares their key too (see ``key``), for the same reason.
    """

    CREATE = "create"
    CHECKOUT = "checkout"
    EXPIRE = "expire"
    CONFIRM = "confirm"
    UPDATE = "update"
    CANCEL = "cancel"
    REFUND = "refund"

    @property
    def key(self) -> str:
        """The kind as idempotency keys say it."""
        return self.CREATE.value if self is CallKind.CHECKOUT else self.value


@dataclass(frozen=True, kw_only=True)
class StripeCall:
    """One request to Stripe, complete enough to be sent again by another process.

    ``confirm`` makes a CREATE pay at once, and ``recurring`` makes a CHECKOUT sell a month of
    membership, and another one each month. Amounts are minor units; that of a CONFIRM is not
    sent, the intent has its own.
    """

    kind: CallKind
    order_id: str
    payment_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    payment_method: str | None = None
    confirm: bool = False
    checkout_id: str | None = None
    recurring: bool = False

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in dataclasses.asdict(self).items() if value}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> StripeCall:
        return cls(**{**stored, "kind": CallKind(stored["kind"])})


def stripe_key(order: Order, call: StripeCall) -> str:
    """The idempotency key of ``call`` on ``order``.

    It is derived from what is stored and changes only when an attempt is known to have ended,
    with success or with a definite failure. So whoever repeats an attempt whose outcome is
    unknown, after a time-out, a rollback or a crash, repeats its key, and Stripe answers with
    the first result instead of doing it again
    (https://docs.stripe.com/api/idempotent_requests).
    """
    return f"{order.id}:{call.kind.key}:{order.attempt_no}"


@dataclass(frozen=True)
class Intent:
    """A payment intent as far as this service looks at it."""

    id: str
    status: str
    amount: int
    client_secret: str | None = None


@dataclass(frozen=True)
class Checkout:
    """A Checkout Session as far as this service looks at it.

    ``status`` is Stripe's: open, complete or expired. A session that is complete may still wait for
    its money: ``paid`` tells.
    """

    id: str
    status: str
    paid: bool
    url: str | None = None
    payment_id: str | None = None
    subscription_id: str | None = None


class Result(enum.Enum):
    """The state of a payment after a call, as far as it is known."""

    SUCCEEDED = enum.auto()
    """Stripe did it."""
    DECLINED = enum.auto()
    """The card was declined; the intent, if one is given, can be confirmed again."""
    WRONG_STATE = enum.auto()
    """The intent, or session, is in a state that forbids it; the outcome carries it as it is."""
    REJECTED = enum.auto()
    """Stripe refused the request as such (a 400 or 404), and did nothing."""
    NOT_EXECUTED = enum.auto()
    """Stripe failed, keeps the failure under the key, and did nothing."""
    NOT_DONE = enum.auto()
    """Nothing happened at Stripe: no connection, rate limited, or not let in."""
    KEY_MISMATCH = enum.auto()
    """The idempotency key belongs to a request with other parameters; this one was not done."""
    KEY_IN_USE = enum.auto()
    """A request with this key is being executed right now; it will have an outcome."""
    UNKNOWN = enum.auto()
    """Sent, and no usable answer: it may have happened."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a call. ``code`` and ``message`` are Stripe's where there are any.

    ``replayed`` says that the answer is the stored one of an earlier request with this key.
    """

    result: Result
    intent: Intent | None = None
    checkout: Checkout | None = None
    refund_id: str | None = None
    code: str | None = None
    message: str = ""
    replayed: bool = False
