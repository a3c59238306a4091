"""A real simulator is told how long to take, and afterwards takes as long as before."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from paidonce.harness.backends.stripe_simulator import CONTROL_HEADERS, SimulatedStripe
from paidonce.harness.errors import UsageError
from paidonce.harness.load.observe.stripe_latency import stripe_latency


def latency(stripe: SimulatedStripe) -> Any:
    answer = httpx.get(f"{stripe.url}/_control/health", headers=CONTROL_HEADERS, timeout=60)
    return answer.json()["latency"]


def test_the_simulator_takes_as_long_as_it_was_told_while_load_runs() -> None:
    async def told(stripe: SimulatedStripe, text: str) -> Any:
        async with stripe_latency(stripe.url, text):
            return await asyncio.to_thread(latency, stripe)

    with SimulatedStripe("--latency-ms", "4") as stripe:
        before = latency(stripe)
        assert before["before"] == {"kind": "fixed", "ms": 2}
        during = asyncio.run(told(stripe, "lognormal:50,0.5"))
        assert (during["around"]["median_ms"], during["around"]["sigma"]) == (50, 0.5)
        assert during["before"]["ms"] == 0
        assert latency(stripe) == before
        assert asyncio.run(told(stripe, "")) == before


def test_another_stripe_cannot_be_told() -> None:
    async def tell() -> None:
        async with stripe_latency("http://127.0.0.1:1", "50"):
            raise AssertionError("nothing is there")

    with pytest.raises(UsageError, match=r"--stripe-latency: only .* Stripe at http://127"):
        asyncio.run(tell())
