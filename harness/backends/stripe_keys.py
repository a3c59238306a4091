"""Which Stripe keys may be used: test-mode secret keys, and never a live one.

Key prefixes: https://docs.stripe.com/keys (``sk_`` secret, ``rk_`` restricted, ``pk_``
publishable; ``test`` or ``live``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from paidonce.harness.errors import UsageError
from paidonce.harness.simulator.wire.live_keys import live_key_in

VARIABLE = "STRIPE_API_KEY"
DEFAULT_TEST_KEY = "sk_test_paidonce"
"""Accepted by the simulator and by stripe-mock; worthless to Stripe."""
_TEST = ("sk_test_", "rk_test_", "sk_org_test_")


def refuse_live(key: str | None, source: str) -> None:
    """Raises ``UsageError`` when ``key`` is one of a live account. The key is never shown."""
    if key is None:
        return
    refuse_live_secret(key, source)
    if key.strip().startswith("pk_live_"):
        raise _live(source)


def refuse_live_secret(text: str, source: str) -> None:
    """Raises ``UsageError`` when a key that moves a live account's money is anywhere in ``text``.

    One that is published (``pk_live_``) moves none.
    """
    if live_key_in(text) is not None:
        raise _live(source)


def _live(source: str) -> UsageError:
    return UsageError(
        f"{source} holds a live Stripe key; paidonce moves money on purpose, many times over, "
        "and never runs with one. Use a test key (sk_test_...) or unset it"
    )


def refuse_live_environment(environ: Mapping[str, str] | None = None) -> None:
    """Raises ``UsageError`` when a variable holds a live key, whatever backend is wanted.

    A service under test inherits our environment, so a live key there is not harmless even if we
    do not mean to use it; and each service has a name of its own for it. One that is published
    (``pk_live_``) moves no money and is refused as ``STRIPE_API_KEY`` only.
    """
    environ = os.environ if environ is None else environ
    refuse_live(environ.get(VARIABLE), VARIABLE)
    for name, value in environ.items():
        refuse_live_secret(value, name)


def checked_test_key(key: str, source: str) -> str:
    """``key`` without surrounding blanks. Raises ``UsageError`` unless it is a test secret key."""
    key = key.strip()
    refuse_live(key, source)
    if not key.startswith(_TEST) or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"{source} is not a test-mode secret key; expected sk_test_... or rk_test_..."
        )
    return key
