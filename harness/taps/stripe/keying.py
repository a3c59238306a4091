"""An idempotency key of a request's own: equal for requests that ask for the same.

Stripe takes two requests under one key for one, and refuses one with other parameters
(https://docs.stripe.com/api/idempotent_requests): so the key is made of all of them.
"""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl, urlsplit

from paidonce.harness.taps.stripe.requests import HttpRequest

_FORM = b"application/x-www-form-urlencoded"


def key_for(request: HttpRequest) -> str:
    """Return the key that is made of a request's method, path and parameters, in any order."""
    parts = urlsplit(request.target)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    rest = request.body
    if dict(request.headers).get(b"content-type", b"").startswith(_FORM):
        asked += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        rest = b""
    told = repr((request.method, parts.path, sorted(asked), rest))
    return f"paidonce-{hashlib.sha256(told.encode()).hexdigest()[:32]}"
