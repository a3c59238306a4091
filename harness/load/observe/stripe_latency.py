"""Tells the Stripe simulator how long its requests are to take while load runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from paidonce.harness.backends.stripe_simulator import CONTROL_HEADERS
from paidonce.harness.errors import UsageError
from paidonce.harness.load.plan.spread import Spread, spread

FLAG = "--stripe-latency"
LONGEST_MS = 60_000.0
_ANSWER_SECONDS = 10.0


def stripe_spread(text: str) -> Spread:
    """How many milliseconds a request to Stripe takes. Raises ``UsageError``."""
    return spread(text, FLAG, "milliseconds", LONGEST_MS)


@asynccontextmanager
async def stripe_latency(url: str, text: str) -> AsyncIterator[None]:
    """Requests to the simulator at ``url`` take as long as ``text`` says, half of it before and
    half after they take effect; afterwards they take as long as before. Nothing where it is "".

    The simulator draws from its own seed. Raises ``UsageError`` where there is no simulator of
    ours at ``url``: no other Stripe can be told.
    """
    if not text:
        yield
        return
    wanted = stripe_spread(text)
    async with httpx.AsyncClient(
        base_url=f"{url}/_control",
        headers=CONTROL_HEADERS,
        timeout=_ANSWER_SECONDS,
        trust_env=False,
    ) as control:
        found = (await _asked(control, url))["latency"]
        await _told(control, url, {"around": wanted.as_simulated()})
        try:
            yield
        finally:
            await _told(control, url, found)


async def _asked(control: httpx.AsyncClient, url: str) -> dict[str, Any]:
    try:
        answer = await control.get("/health")
        found = answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("service") != "paidonce-simulator":
        raise UsageError(
            f"{FLAG}: only the paidonce simulator can be told how long to take, and the Stripe "
            f"at {url} is another; use --stripe simulator"
        )
    return found


async def _told(control: httpx.AsyncClient, url: str, latency: dict[str, Any]) -> None:
    answer = await control.post("/latency", json=latency)
    if answer.status_code != 200:
        raise UsageError(f"{FLAG}: the simulator at {url} refuses it: {answer.text.strip()}")
