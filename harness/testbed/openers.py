"""Put a tap before what a service talks to; what its calls mean is told by a reader."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from paidonce.harness.taps.changes import StatementChange
from paidonce.harness.taps.postgres import PostgresTap, ReplicaTap
from paidonce.harness.taps.redis import RedisTap
from paidonce.harness.taps.tap import Tap
from paidonce.harness.testbed.bench import Ports

REPLICA_URL = "postgres_replica_url"
"""The placeholder for the address of a replica."""
_ROWS_READ = 10_000
"""Of an answer under control: what is in it tells who did not make a value up."""


@dataclass(frozen=True)
class Dependencies:
    """The servers of one service, the ports that taps before them listen on, and the changes that
    the tap before Postgres makes.

    ``near_postgres`` is the same database by the quickest way there, which is the tap's.
    """

    postgres_url: str
    near_postgres: str
    redis_url: str
    ports: Ports
    changes: tuple[StatementChange, ...] = ()
    replica_url: str = ""


@dataclass(frozen=True)
class Opened:
    """A tap that listens. ``addresses`` are those by which the service finds what is behind it, by
    the placeholders that they fill."""

    tap: Tap
    addresses: Mapping[str, str]


Opener = Callable[[Dependencies], AbstractAsyncContextManager[Opened]]
"""Opens a tap for as long as the context lasts."""


@asynccontextmanager
async def before_postgres(around: Dependencies) -> AsyncIterator[Opened]:
    """Open a tap before the service's Postgres."""
    near, port = around.near_postgres, around.ports.postgres or 0
    async with PostgresTap(near, sample=_ROWS_READ, port=port, changes=around.changes) as tap:
        yield Opened(tap, {"postgres_url": tap.url_for(around.postgres_url)})


@asynccontextmanager
async def reading_postgres(around: Dependencies) -> AsyncIterator[Opened]:
    """Open a tap before the service's Postgres by which nobody is held: for load, with changes and
    without at one cost."""
    near, port = around.near_postgres, around.ports.postgres or 0
    async with PostgresTap(near, sample=0, port=port, changes=around.changes, reads=True) as tap:
        yield Opened(tap, {"postgres_url": tap.url_for(around.postgres_url)})


@asynccontextmanager
async def before_replica(around: Dependencies) -> AsyncIterator[Opened]:
    """Open a tap before a replica of the service's Postgres."""
    url = around.replica_url
    async with ReplicaTap(url, sample=_ROWS_READ) as tap:
        yield Opened(tap, {REPLICA_URL: tap.url_for(url)})


@asynccontextmanager
async def before_redis(around: Dependencies) -> AsyncIterator[Opened]:
    """Open a tap before the service's Redis."""
    url = around.redis_url
    async with RedisTap(url, port=around.ports.redis or 0) as tap:
        yield Opened(tap, {"redis_url": tap.url_for(url)})
