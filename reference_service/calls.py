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
    two it wants, and Stripe replays or refuses: a second intent cannot come of it.
    """

    CREATE = "create"
    CONFIRM = "confirm"
    UPDATE = "update"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, kw_only=True)
class StripeCall:
    """One request to Stripe, complete enough to be sent again by another process.

    ``confirm`` makes a CREATE pay at once. Amounts are minor units; that of a CONFIRM is not
    sent, the intent has its own.
    """

    kind: CallKind
    order_id: str
    payment_id: str | None = None
    amount: int | None = None
    currency: str | None = None
    payment_method: str | None = None
    confirm: bool = False

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
    return f"{order.id}:{call.kind}:{order.attempt_no}"


@dataclass(frozen=True)
class Intent:
    """A payment intent as far as this service looks at it."""

    id: str
    status: str
    amount: int
    client_secret: str | None = None


class Result(enum.Enum):
    """The state of a payment after a call, as far as it is known."""

    SUCCEEDED = enum.auto()
    """Stripe did it."""
    DECLINED = enum.auto()
    """The card was declined; the intent, if one is given, can be confirmed again."""
    WRONG_STATE = enum.auto()
    """The intent is in a state that forbids it; the outcome carries the intent as it is."""
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
    refund_id: str | None = None
    code: str | None = None
    message: str = ""
    replayed: bool = False
