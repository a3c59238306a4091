"""The ``Stripe-Signature`` header of a webhook delivery.

The scheme is documented at https://docs.stripe.com/webhooks#verify-manually: the signed text is
the timestamp, a full stop and the payload, and the signature is its HMAC-SHA256 in hexadecimal,
keyed with the endpoint's whole secret, ``whsec_`` prefix included.
"""

from __future__ import annotations

import hashlib
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with, not one


def sign(payload: bytes, secret: str, timestamp: int) -> str:
    """The header value, ``t=<timestamp>,v1=<hex>``.

    ``payload`` is the exact body that will be sent, ``timestamp`` is in Unix seconds. Raises
    ``ValueError`` for an empty secret, with which every receiver would accept a forgery.
    """
    if not secret:
        raise ValueError("a webhook secret must not be empty")
    signed = b"%d." % timestamp + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
