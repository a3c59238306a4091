"""Tells whether a service is at work, as far as its calls to Stripe and its sessions show."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from paidonce.harness.testbed.bench import Bench

_LOOK_AGAIN_S = 0.02
_AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend' "
    "AND (state = 'active' OR state LIKE 'idle in transaction%')"
)


async def still(bench: Bench) -> bool:
    """Return whether no call to Stripe is under way and no session of the service's has work."""
    if bench.stripe_tap.in_flight:
        return False
    cursor = await bench.eyes.execute(_AT_WORK.encode())
    row = await cursor.fetchone()
    assert row is not None
    return row[0] == 0 and not bench.stripe_tap.in_flight


async def settle(bench: Bench, within_s: float, through: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the service is still and ``through`` says that nothing is left to be done, for so
    many seconds at most."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if await still(bench) and await through():
            return
        await asyncio.sleep(_LOOK_AGAIN_S)
