"""Stripe's errors: which status, type and code a refusal carries.

Types and codes are those of https://docs.stripe.com/api/errors and
https://docs.stripe.com/error-codes.

The distinction that matters most here is *when* an error arises. A ``Refused`` request never
began to execute, so nothing is stored under its idempotency key; any other ``StripeError`` is
the outcome of an execution and is stored and replayed like a success
(https://docs.stripe.com/api/idempotent_requests).
"""

from __future__ import annotations

import msgspec

from harness.simulator.objects import ErrorObject, PaymentIntent, PaymentMethod

INVALID_REQUEST = "invalid_request_error"
IDEMPOTENCY = "idempotency_error"

_DOCS = "https://stripe.com/docs/error-codes/"


def doc_url(code: str | None) -> str | None:
    """Where Stripe explains ``code``."""
    return None if code is None else _DOCS + code.replace("_", "-")


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
    ) -> None:
        super().__init__(message)
        self.status = status
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


def card_error(
    *,
    code: str,
    message: str,
    decline_code: str | None,
    param: str | None,
    charge: str,
    payment_method: PaymentMethod,
) -> ErrorObject:
    """What a decline leaves behind as the intent's ``last_payment_error``."""
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


def unrecognized(method: str, path: str) -> Refused:
    """No such route here, though Stripe itself may have it."""
    return Refused(
        404,
        f"Unrecognized request URL ({method}: {path}). It is not simulated: this is paidonce's "
        "simulator of Stripe, which serves payment intents, charges, refunds and their like.",
    )


def stopping() -> Refused:
    """503: the simulator was told to stop before this executed."""
    return Refused(
        503, "The simulator is stopping; this request was not executed.", type="api_error"
    )


def internal(cause: BaseException) -> StripeError:
    """500: our own defect, shown in Stripe's shape; the traceback goes to standard error."""
    return StripeError(
        500, f"The simulator failed with {type(cause).__name__}: {cause}", type="api_error"
    )
