"""Stripe's answers to calls that a gate keeps from it, or has it fail at.

Codes are those of https://docs.stripe.com/error-codes. What is saved under an idempotency key is
told again to whoever asks again (https://docs.stripe.com/api/idempotent_requests), so only Stripe
can answer it: a simulator of ours is asked to, by a header that the service knows nothing of.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import msgspec

from paidonce.harness.http.client import Answer
from paidonce.harness.simulator.api.executing import stored_error
from paidonce.harness.simulator.domain import errors
from paidonce.harness.simulator.domain.errors import Refused, StripeError
from paidonce.harness.simulator.engine.faults import HEADER, ErrorFault, When
from paidonce.harness.simulator.engine.idempotency import in_use
from paidonce.harness.simulator.wire.live_keys import masked
from paidonce.harness.taps.faults import ErrorAnswer, Faults, LostAnswer, NoContact
from paidonce.harness.taps.stripe.calls import StripeCall

KEY_IN_USE = "idempotency_key_in_use"
API_ERROR = "api_error"

ANSWERED: dict[str, Callable[[StripeCall], StripeError]] = {
    API_ERROR: lambda call: errors.injected(500, None, stored=False),
    "rate_limit": lambda call: errors.rate_limited("global-rate"),
    "lock_timeout": lambda call: errors.lock_timeout(),
    KEY_IN_USE: lambda call: in_use(call.idempotency_key or ""),
}
"""Errors that leave nothing behind, by name: whoever asks again is asking for the first time."""
SAVED = {
    "api_error_saved": ErrorFault(when=When.BEFORE),
    "api_error_saved_after": ErrorFault(when=When.AFTER),
}
"""A 500 of Stripe's that is saved: nothing was done, or all of it was."""

_AT_ANSWER = (LostAnswer(), ErrorAnswer(API_ERROR))
FAULTS = Faults((NoContact(), *map(ErrorAnswer, ANSWERED)), _AT_ANSWER)
FAULTS_OF_OURS = Faults((*FAULTS.request, *map(ErrorAnswer, SAVED)), _AT_ANSWER)
"""Where Stripe is a simulator of ours."""


def asked_for(error: str) -> tuple[bytes, bytes] | None:
    """The header by which a simulator of ours answers a saved error; None for any other."""
    fault = SAVED.get(error)
    return None if fault is None else (HEADER.encode(), msgspec.json.encode(fault))


def refusal(call: StripeCall, error: str) -> Answer:
    """The answer to ``call`` that is an error of ``ANSWERED``."""
    return _answer(ANSWERED[error](call))


def live_key_refused(key: str) -> Answer:
    """401: ``key`` opens a real account; no call with one goes on, whatever is behind the tap."""
    return _answer(
        Refused(
            401,
            f"Live keys are refused: the call came with '{masked(key)}', which opens a real "
            "account, to a service under test. Use a test key (sk_test_... or rk_test_...).",
        )
    )


def _answer(error: StripeError) -> Answer:
    refused = stored_error(error)
    headers = {"content-type": "application/json", **refused.headers}
    return Answer(
        status=refused.status,
        headers=headers,
        body=refused.body,
        raw_headers=tuple((name.encode(), value.encode()) for name, value in headers.items()),
        reason=HTTPStatus(refused.status).phrase,
    )
