"""Tells the Stripe simulator how long its requests are to take while load runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from paidonce.harness.backends.stripe_simulator import CONTROL_HEADERS
from paidonce.harness.bounded import decode_json
from paidonce.harness.errors import UsageError
from paidonce.harness.http.client import NoAnswer, Wires
from paidonce.harness.http.excerpt import said
from paidonce.harness.load.plan.spread import Spread, spread

FLAG = "--stripe-latency"
LONGEST_MS = 60_000.0
_ANSWER_SECONDS = 10.0


def stripe_spread(text: str) -> Spread:
    """Return how many milliseconds a request to Stripe takes. Raises ``UsageError``."""
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
    control = Wires(f"{url}/_control", CONTROL_HEADERS)
    try:
        before = (await _health(control, url))["latency"]
        await _set(control, url, {"around": wanted.as_simulated()})
        try:
            yield
        finally:
            await _set(control, url, before)
    finally:
        await control.close()


async def _health(control: Wires, url: str) -> dict[str, Any]:
    health: object = None
    with contextlib.suppress(NoAnswer, TimeoutError, msgspec.DecodeError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            answer = await control.ask("GET", "/health")
        if answer.status == 200:
            health = decode_json(answer.body)
    if not isinstance(health, dict) or health.get("service") != "paidonce-simulator":
        raise UsageError(
            f"{FLAG}: only the paidonce simulator can be told how long to take, and the Stripe "
            f"at {url} is another; use --stripe simulator"
        )
    return health


async def _set(control: Wires, url: str, latency: dict[str, Any]) -> None:
    """Tell the simulator how long to take. Raises ``UsageError``."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            answer = await control.ask("POST", "/latency", msgspec.json.encode(latency))
    except (NoAnswer, TimeoutError) as error:
        raise UsageError(f"{FLAG}: the simulator at {url} does not answer ({error})") from None
    if answer.status != 200:
        raise UsageError(f"{FLAG}: the simulator at {url} refuses it: {said(answer.body)}")
