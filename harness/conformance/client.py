"""A client that sends exactly what it is told: no retries, no keys of its own, no redirects."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from paidonce.harness.http.tls import context

TIMEOUT_SECONDS = 30.0
STRIPE = "api.stripe.com"

T = TypeVar("T")


class StripeAnswer:
    """Status, headers and JSON body of an answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.headers = answer.headers
        self.text = answer.text
        try:
            self.body: Any = answer.json()
        except ValueError:
            self.body = None

    def __getitem__(self, name: str) -> Any:
        """A field of the body, None where there is none."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    @property
    def error(self) -> dict[str, Any]:
        """The inside of ``{"error": {...}}``; empty where there is none."""
        error = self["error"]
        return error if isinstance(error, dict) else {}

    def __str__(self) -> str:
        code = self.error.get("code") or self.error.get("type") or self["status"] or ""
        return f"{self.status} {code}".strip()


class Api:
    """One server and the key to use with it."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self.key = key
        self._client = httpx.Client(
            base_url=self.url, timeout=TIMEOUT_SECONDS, trust_env=False, verify=context()
        )

    @property
    def is_local(self) -> bool:
        """Return whether the server is on this machine, so that it can reach a receiver of ours."""
        return (urlsplit(self.url).hostname or "") in ("localhost", "127.0.0.1", "::1")

    @property
    def is_stripe(self) -> bool:
        """Return whether this is Stripe itself, whose limits and lags have to be respected."""
        return urlsplit(self.url).hostname == STRIPE

    def send(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        account: str | None = "",
        client: httpx.Client | None = None,
    ) -> StripeAnswer:
        """Send one request; ``account`` is another API key, or None for none at all.

        Raises ``httpx.HTTPError`` when no answer comes.
        """
        named = dict(headers or {})
        if account is not None:
            named["Authorization"] = f"Bearer {account or self.key}"
        if key is not None:
            named["Idempotency-Key"] = key
        query, data = (form, None) if method == "GET" else (None, form)
        chosen = client or self._client
        return StripeAnswer(chosen.request(method, path, params=query, data=data, headers=named))

    def get(self, path: str, form: Mapping[str, str] | None = None, **more: Any) -> StripeAnswer:
        return self.send("GET", path, form, **more)

    def post(self, path: str, form: Mapping[str, str] | None = None, **more: Any) -> StripeAnswer:
        return self.send("POST", path, form, **more)

    def together(self, count: int, action: Callable[[httpx.Client, int], T]) -> list[T]:
        """``action`` on as many connections at the same moment, each warmed up before."""
        barrier = Barrier(count, timeout=TIMEOUT_SECONDS)

        def one(number: int) -> T:
            with httpx.Client(
                base_url=self.url, timeout=TIMEOUT_SECONDS, trust_env=False, verify=context()
            ) as client:
                self.send("GET", "/v1/charges", {"limit": "1"}, client=client)
                barrier.wait()
                return action(client, number)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def close(self) -> None:
        self._client.close()


def fresh(what: str) -> str:
    """A name nobody has used before: servers keep what earlier runs left."""
    return f"paidonce-{what}-{secrets.token_hex(8)}"
