"""Keys of real accounts at Stripe: what opens one is refused wherever it turns up.

Prefixes: https://docs.stripe.com/keys (``sk_`` secret, ``rk_`` restricted, then ``live`` or
``test``) and https://docs.stripe.com/keys/organization-api-keys (``sk_org``, for sandboxes and live
mode; where the mode stands is not said, so any that does not say ``test`` counts as live).
"""

from __future__ import annotations

import re

_LIVE = re.compile(
    r"(?<![A-Za-z0-9_])(?:[sr]k_(?:org_)?live_|sk_org_(?!test_))[A-Za-z0-9_]+", re.IGNORECASE
)


def live_key_in(text: str) -> str | None:
    """Return the first key in ``text`` that opens a real account; None if there is none."""
    match = _LIVE.search(text)
    return match[0] if match else None


def masked(key: str) -> str:
    """Return the key as it may be shown: its kind and its last four characters."""
    kind = re.match(r"[a-z]+_(?:org_)?(?:test_|live_)?", key, re.IGNORECASE)
    head = kind[0] if kind else key[:3]
    return f"{head}{'*' * 8}{key[-4:] if len(key) >= len(head) + 8 else ''}"
