"""Stripe's errors: which status, type and code a refusal carries.

Types and codes are those of https://docs.stripe.com/api/errors and
https://docs.stripe.com/error-codes.

The distinction that matters most here is *when* an error arises. A ``Refused`` request never
began to execute, so nothing is stored under its idempotency key; any other ``StripeError`` is
the outcome of an execution and is stored and replayed like a success
(https://docs.stripe.com/api/idempotent_requests).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.simulator.domain.cards import Decline
from paidonce.harness.simulator.domain.objects import (
    ErrorObject,
    PaymentIntent,
    PaymentMethod,
    SetupIntent,
)

INVALID_REQUEST = "invalid_request_error"
IDEMPOTENCY = "idempotency_error"

_DOCS = "https://stripe.com/docs/error-codes/"


def doc_url(code: str | None) -> str | None:
    """Return where Stripe explains ``code``."""
    return None if code is None else _DOCS + code.replace("_", "-")


DEFECT = "paidonce-defect"
"""The header of an answer that comes of a defect of the simulator's, and says which."""


class StripeError(Exception):
    """An answer in Stripe's error shape, with its HTTP status."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID_REQUEST,
        code: str | None = None,
        param: str | None = None,
        payment_intent: PaymentIntent | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.error = ErrorObject(
            type=type,
            message=message,
            code=code,
            param=param,
            doc_url=doc_url(code),
            payment_intent=payment_intent,
        )


class Refused(StripeError):
    """Turned away before execution began: nothing happened and nothing is remembered."""


class Declined(StripeError):
    """402: the card was charged and said no. The failed charge and the intent are on record."""

    def __init__(self, error: ErrorObject, intent: PaymentIntent) -> None:
        super().__init__(402, error.message)
        self.error = msgspec.structs.replace(error, payment_intent=intent)


class ChargeDeclined(StripeError):
    """402: a charge without a payment intent has failed, which is on record."""

    def __init__(self, error: ErrorObject) -> None:
        super().__init__(402, error.message)
        self.error = error


class SetupDeclined(StripeError):
    """402: a bank will not have its card made ready; the setup intent has that on record."""

    def __init__(self, error: ErrorObject, setup: SetupIntent) -> None:
        super().__init__(402, error.message)
        self.error = msgspec.structs.replace(error, setup_intent=setup)


class KeepingDeclined(StripeError):
    """402: a bank will not have its card kept for a customer."""

    def __init__(self, decline: Decline) -> None:
        super().__init__(
            402, decline.message, type="card_error", code=decline.code, param=decline.param
        )
        self.error = msgspec.structs.replace(self.error, decline_code=decline.decline_code)


def setup_error(decline: Decline, method: PaymentMethod) -> ErrorObject:
    """Return the error that a decline leaves behind as the ``last_setup_error``."""
    return ErrorObject(
        type="card_error",
        message=decline.message,
        code=decline.code,
        param=decline.param,
        decline_code=decline.decline_code,
        doc_url=doc_url(decline.code),
        payment_method=method,
    )


def card_error(
    *,
    code: str,
    message: str,
    decline_code: str | None,
    param: str | None,
    charge: str,
    payment_method: PaymentMethod,
) -> ErrorObject:
    """Return the error that a decline leaves behind as the intent's ``last_payment_error``."""
    return ErrorObject(
        type="card_error",
        message=message,
        code=code,
        param=param,
        decline_code=decline_code,
        doc_url=doc_url(code),
        charge=charge,
        payment_method=payment_method,
    )


def no_such(noun: str, identifier: str, param: str, *, status: int = 404) -> StripeError:
    """The id names nothing. 404 where the id was the URL's, 400 where it was a parameter."""
    return StripeError(
        status, f"No such {noun}: '{identifier}'", code="resource_missing", param=param
    )


def unexpected_state(message: str, intent: PaymentIntent) -> StripeError:
    """The intent's status does not allow this; the intent is shown as it stands, unchanged."""
    return StripeError(400, message, code="payment_intent_unexpected_state", payment_intent=intent)


def unexpected_setup_state(what: str, allowed: Sequence[str], setup: SetupIntent) -> StripeError:
    """The setup intent's status does not allow this; it is shown as it stands, unchanged."""
    only = f", and must have one of these: {', '.join(allowed)}" if allowed else ""
    error = StripeError(
        400,
        f"{what}: it has a status of {setup.status}{only}.",
        code="setup_intent_unexpected_state",
    )
    error.error = msgspec.structs.replace(error.error, setup_intent=setup)
    return error


def unrecognized(method: str, path: str) -> Refused:
    """No such route here, though Stripe itself may have it."""
    return Refused(
        404,
        f"Unrecognized request URL ({method}: {path}). It is not simulated: this is paidonce's "
        "simulator of Stripe, which serves payment intents, charges, refunds and their like.",
    )


def rate_limited(reason: str) -> Refused:
    """429: too many requests; ``reason`` as in https://docs.stripe.com/rate-limits."""
    return Refused(
        429,
        "Request rate limit exceeded. You can learn more about rate limits here: "
        "https://docs.stripe.com/rate-limits.",
        code="rate_limit",
        headers={"stripe-rate-limited-reason": reason},
    )


def lock_timeout() -> Refused:
    """429: another request held the object for too long. Stripe's libraries try again."""
    return Refused(
        429,
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it. If you see this error intermittently, retry the request. If "
        "you see this error frequently and are making multiple concurrent requests to a single "
        "object, make your requests serially or at a lower rate.",
        code="lock_timeout",
        headers={"stripe-should-retry": "true"},
    )


def injected(status: int, should_retry: bool | None, *, stored: bool) -> StripeError:
    """A 5xx somebody asked for; ``Refused`` where nothing is to be kept under the key."""
    kind = StripeError if stored else Refused
    headers = {} if should_retry is None else {"stripe-should-retry": str(should_retry).lower()}
    return kind(
        status,
        "An unknown error occurred. (It was asked for: this simulator injects faults on demand.)",
        type="api_error",
        headers=headers,
    )


def stopping() -> Refused:
    """503: the simulator was told to stop before this executed."""
    return Refused(
        503, "The simulator is stopping; this request was not executed.", type="api_error"
    )


def internal(cause: BaseException) -> StripeError:
    """500: our own defect, shown in Stripe's shape; the traceback goes to standard error."""
    told = f"{type(cause).__name__}: {cause}".splitlines()[0]
    return StripeError(
        500,
        f"The simulator failed with {told}",
        type="api_error",
        headers={DEFECT: told.encode("ascii", "replace").decode()},
    )
