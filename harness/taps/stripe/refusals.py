"""What Stripe would answer to a call that a gate keeps from it."""

from __future__ import annotations

from http import HTTPStatus

from paidonce.harness.http.client import Answer
from paidonce.harness.simulator.api.executing import stored_error
from paidonce.harness.simulator.engine.idempotency import in_use
from paidonce.harness.taps.stripe.calls import StripeCall


def key_in_use(call: StripeCall) -> Answer:
    """409: another call under the key of ``call`` is under way
    (https://docs.stripe.com/api/idempotent_requests)."""
    refused = stored_error(in_use(call.idempotency_key or ""))
    headers = {"content-type": "application/json", **refused.headers}
    return Answer(
        status=refused.status,
        headers=headers,
        body=refused.body,
        raw_headers=tuple((name.encode(), value.encode()) for name, value in headers.items()),
        reason=HTTPStatus(refused.status).phrase,
    )
