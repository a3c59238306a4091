"""API keys: test keys are let in, everything else is told why not.

Source: https://docs.stripe.com/api/authentication: a key comes as a bearer token or as the user
name of HTTP basic authentication.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.wire.live_keys import live_key_in, masked

_TEST_KEY = re.compile(r"(?:sk|rk|sk_org)_test_[A-Za-z0-9_]+")


@lru_cache(maxsize=256)
def authenticate(header: str | None) -> str:
    """The API key of an ``Authorization`` header. Raises ``Refused`` (401) unless it is valid."""
    key = presented(header)
    if not key:
        raise Refused(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    if _TEST_KEY.fullmatch(key):
        return key
    if live_key_in(key) is not None:
        raise live_key_refused(key)
    if key.startswith("pk_"):
        raise Refused(
            401,
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    raise Refused(
        401,
        f"Invalid API Key provided: {masked(key)}. The simulator takes any key that begins with "
        "sk_test_ or rk_test_ and goes on with letters, digits or underscores.",
    )


def live_key_refused(key: str) -> Refused:
    """Return the refusal (401) of a key that opens a real account, which it does not show."""
    return Refused(
        401,
        f"Live keys are refused: this is a simulator and '{masked(key)}' opens a real account. "
        "Use a test key (sk_test_... or rk_test_...).",
    )


def presented(header: str | None) -> str:
    """Return the key that an ``Authorization`` header presents; empty if it presents none."""
    scheme, _, rest = (header or "").strip().partition(" ")
    credentials = rest.strip()
    if scheme.lower() == "bearer":
        return credentials
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except ValueError:  # not ASCII, not base64, or no text
        return ""
    return decoded.partition(":")[0]
