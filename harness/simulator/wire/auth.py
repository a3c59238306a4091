"""API keys: test keys are let in, everything else is told why not.

Source: https://docs.stripe.com/api/authentication: a key comes as a bearer token or as the user
name of HTTP basic authentication.
"""

from __future__ import annotations

import base64
import binascii
import re

from paidonce.harness.simulator.domain.errors import Refused

_TEST_KEY = re.compile(r"(?:sk|rk)_test_[A-Za-z0-9_]+")


def authenticate(header: str | None) -> str:
    """The API key of an ``Authorization`` header. Raises ``Refused`` (401) unless it is valid."""
    key = _presented(header)
    if not key:
        raise Refused(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    if _TEST_KEY.fullmatch(key):
        return key
    if key.startswith(("sk_live_", "rk_live_")):
        raise Refused(
            401,
            f"Live keys are refused: this is a simulator and '{masked(key)}' opens a real account. "
            "Use a test key (sk_test_... or rk_test_...).",
        )
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


def masked(key: str) -> str:
    """The key as it may be shown: its kind and its last four characters."""
    kind = re.match(r"[a-z]+_(?:test|live)_", key)
    head = kind[0] if kind else key[:3]
    return f"{head}{'*' * 8}{key[-4:] if len(key) >= len(head) + 8 else ''}"


def _presented(header: str | None) -> str:
    scheme, _, rest = (header or "").strip().partition(" ")
    credentials = rest.strip()
    if scheme.lower() == "bearer":
        return credentials
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[0]
