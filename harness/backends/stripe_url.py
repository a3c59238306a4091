"""A Stripe of the user's own: Stripe's test mode, or anything that speaks its API."""

from __future__ import annotations

import os
from collections.abc import Collection
from urllib.parse import urlunsplit

import httpx

from paidonce.harness.backends import stripe_keys, stripe_simulator, urls
from paidonce.harness.backends.base import Stoppable
from paidonce.harness.capability import Capability
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.masking import word_without_credentials

STRIPE_HOST = "api.stripe.com"
CONNECT_SECONDS = 10
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
TEST_MODE_CAPABILITIES = stripe_simulator.CAPABILITIES - {Capability.STRIPE_EVENTS}
"""Stripe raises its events a while later, and not all of them."""
UNKNOWN_CAPABILITIES = frozenset({Capability.STRIPE_WEBHOOKS})
"""Of a server we know nothing of: only what the harness does itself."""


class UrlStripe(Stoppable):
    """The server behind an ``http(s)://`` URL; constructing it asks it one question.

    ``capabilities`` extends what is assumed of it. Its key is ``api_key``, else the variable
    ``STRIPE_API_KEY``, else (not for Stripe itself) one that any mock accepts.

    Raises ``UsageError`` (malformed URL, no test key, key refused) or ``Unavailable`` (nothing
    answers).
    """

    kind = "url"

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        webhook_secret: str | None = None,
        capabilities: Collection[Capability] = (),
    ) -> None:
        parts = urls.parse(url, "Stripe", ("https", "http"))
        shown = word_without_credentials(url)
        if parts.query or parts.fragment:
            raise UsageError(f"Stripe URL {shown!r}: expected a base URL without ? or #")
        is_stripe = parts.hostname == STRIPE_HOST
        if is_stripe and parts.scheme != "https":
            raise UsageError(f"Stripe URL {shown!r}: Stripe itself is reached by https:// only")
        self.url = urlunsplit(parts._replace(path=parts.path.rstrip("/")))
        self.api_key = _key(api_key, needed=is_stripe)
        self.webhook_secret = webhook_secret or stripe_simulator.new_webhook_secret()
        self._is_simulator = False
        with httpx.Client(
            timeout=CONNECT_SECONDS, trust_env=parts.hostname not in _LOOPBACK
        ) as client:
            self.version = self._ask(client, shown, is_stripe)
            if not is_stripe:
                self._is_simulator = _is_simulator(client, self.url)
        if is_stripe:
            assumed = TEST_MODE_CAPABILITIES
        elif self._is_simulator:
            assumed, self.version = stripe_simulator.CAPABILITIES, "paidonce simulator"
        else:
            assumed = UNKNOWN_CAPABILITIES
        self.capabilities = assumed | frozenset(capabilities)

    @property
    def can_reset(self) -> bool:
        """Only a paidonce simulator offers it."""
        return self._is_simulator

    @property
    def reset_path(self) -> str:
        """As a paidonce simulator has it."""
        return stripe_simulator.RESET_PATH if self._is_simulator else ""

    def reset(self) -> None:
        """Forget all objects and keys. Raises ``Unavailable`` unless it is a simulator of ours."""
        if not self._is_simulator:
            problem = f"{self.url} cannot be reset"
            raise Unavailable("stripe", problem, "Use the backend 'simulator' if you need that")
        stripe_simulator.reset_simulator(self.url)

    def stop(self) -> None:
        """Nothing was started, so nothing is stopped."""

    def _ask(self, client: httpx.Client, shown: str, is_stripe: bool) -> str:
        try:
            answer = client.get(
                f"{self.url}/v1/payment_intents",
                params={"limit": "1"},
                headers={"Authorization": f"Bearer {self.api_key}"},
            )
        except httpx.HTTPError as error:
            problem = f"nothing answers at {shown} ({error or type(error).__name__})"
            remedy = "Start the server, correct the URL, or use the backend 'simulator'"
            raise Unavailable("stripe", problem, remedy) from None
        if is_stripe and answer.status_code in (401, 403):
            raise UsageError(f"{shown} refuses {stripe_keys.VARIABLE} ({answer.status_code})")
        return str(answer.headers.get("Stripe-Version", "unknown"))


def _key(given: str | None, *, needed: bool) -> str:
    if given is not None:
        return stripe_keys.checked_test_key(given, "the Stripe API key")
    found = os.environ.get(stripe_keys.VARIABLE)
    if found:
        return stripe_keys.checked_test_key(found, stripe_keys.VARIABLE)
    if needed:
        raise UsageError(
            f"https://{STRIPE_HOST} needs a test key: set {stripe_keys.VARIABLE} to sk_test_..."
        )
    return stripe_keys.DEFAULT_TEST_KEY


def _is_simulator(client: httpx.Client, url: str) -> bool:
    try:
        answer = client.get(f"{url}/_control/health", headers=stripe_simulator.CONTROL_HEADERS)
        return answer.status_code == 200 and isinstance(answer.json(), dict)
    except (httpx.HTTPError, ValueError):
        return False
