"""What a call is answered that does not get to Stripe, in Stripe's shape."""

from __future__ import annotations

from http import HTTPStatus

from paidonce.harness.http.client import Answer
from paidonce.harness.simulator.api.executing import stored_error
from paidonce.harness.simulator.domain.errors import Refused, StripeError
from paidonce.harness.simulator.engine.idempotency import in_use
from paidonce.harness.simulator.wire.live_keys import masked
from paidonce.harness.taps.stripe.calls import StripeCall


def key_in_use(call: StripeCall) -> Answer:
    """409: another call under the key of ``call`` is under way
    (https://docs.stripe.com/api/idempotent_requests)."""
    return _answer(in_use(call.idempotency_key or ""))


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
