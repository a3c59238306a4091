"""A bench: everything one run needs at hand, opened once and used for many runs.

It joins a target's running service with the tap in front of its Stripe and with read-only eyes
on its Postgres (sessions waiting for a lock) and its Redis (leases). It knows the service by
its target's description alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import psycopg
import redis.asyncio as aioredis

from harness.capability import Capability
from harness.history import Backend
from harness.taps.stripe import StripeTap
from harness.target import Target

_LOCK_WAITERS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@dataclass
class Bench:
    """One service, running, and what surrounds it.

    ``stripe_url`` is Stripe itself, ``tap`` what the service takes for Stripe. ``reset``
    empties Stripe's state between runs, where that is possible. ``eyes`` is our own connection
    to the service's database, ``redis`` to its Redis database.
    """

    target: Target
    variant: str
    service_url: str
    tap: StripeTap
    stripe_url: str
    stripe_key: str
    webhook_secret: str
    capabilities: frozenset[Capability]
    backends: dict[str, Backend]
    eyes: psycopg.AsyncConnection[tuple[int]]
    postgres_url: str
    redis: aioredis.Redis | None = None
    reset: Callable[[], None] | None = None
    stripe: httpx.AsyncClient = field(init=False)
    service: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.stripe = httpx.AsyncClient(
            base_url=self.stripe_url,
            headers={"Authorization": f"Bearer {self.stripe_key}"},
            timeout=30.0,
            trust_env=False,
        )
        self.service = httpx.AsyncClient(base_url=self.service_url, timeout=30.0, trust_env=False)

    async def lock_waiters(self) -> int:
        """How many sessions of the service's database wait for a lock right now."""
        cursor = await self.eyes.execute(_LOCK_WAITERS)
        row = await cursor.fetchone()
        assert row is not None
        return row[0]

    async def leases(self) -> int:
        """How many keys in Redis will expire; 0 where there is no Redis."""
        if self.redis is None:
            return 0
        keyspace = await self.redis.info("keyspace")
        number = self.redis.connection_pool.connection_kwargs.get("db", 0)
        return int(keyspace.get(f"db{number}", {}).get("expires", 0))

    async def close(self) -> None:
        """Close what this bench opened itself."""
        await self.stripe.aclose()
        await self.service.aclose()
        await self.eyes.close()
        if self.redis is not None:
            await self.redis.aclose()
