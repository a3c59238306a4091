"""Webhook events as Stripe would send them, signed with the service's endpoint secret.

The scheme is Stripe's ``v1``: an HMAC-SHA256 over ``<timestamp>.<payload>``
(https://docs.stripe.com/webhooks#verify-manually).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from paidonce.harness.http.client import Request
from paidonce.harness.service.description import Target
from paidonce.harness.simulator.engine.signing import sign


def event(kind: str, event_id: str, about: Mapping[str, Any], created: int) -> bytes:
    """The body of an event of this type about an object as Stripe shows it.

    ``created`` is when it was raised, in Unix seconds, which is not when it is delivered.
    """
    return msgspec.json.encode(
        {
            "id": event_id,
            "object": "event",
            "api_version": "2025-03-31.basil",
            "created": created,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
            "data": {"object": about},
        }
    )


def delivery(target: Target, payload: bytes, secret: str) -> Request:
    """The request that delivers an event to the service, freshly signed."""
    return Request(
        method="POST",
        path=target.webhook_path,
        headers=signed_headers(payload, secret),
        body=payload,
    )


def signed_headers(payload: bytes, secret: str) -> dict[str, str]:
    """The headers of a delivery of ``payload``, signed now."""
    return {
        "Content-Type": "application/json",
        "Stripe-Signature": sign(payload, secret, int(time.time())),
    }


def made_up_intent(
    intent_id: str, *, order_key: str, order: str, amount: int, currency: str
) -> dict[str, Any]:
    """A succeeded intent, for a Stripe that keeps no state to ask for the real one."""
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_received": amount,
        "currency": currency,
        "status": "succeeded",
        "metadata": {order_key: order},
        "latest_charge": None,
        "livemode": False,
    }
