"""A bench: everything one run needs at hand, opened once and used for many runs.

It joins a target's running service with the tap in front of its Stripe and with read-only eyes
on its Postgres (sessions waiting for a lock) and its Redis (leases). It knows the service by
its description alone.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec
import psycopg
import redis.asyncio as aioredis
from redis.exceptions import RedisError

from paidonce.harness.backends.kept_databases import MigrationInputs
from paidonce.harness.backends.postgres_replica import ReplicaPostgres
from paidonce.harness.backends.redis_client import not_emptied
from paidonce.harness.capability import Capability
from paidonce.harness.errors import PaidonceError
from paidonce.harness.history import Backend, Recorder
from paidonce.harness.http.client import Wires
from paidonce.harness.process.sockets import Connections
from paidonce.harness.process.workers import workers
from paidonce.harness.results.proof import Variant
from paidonce.harness.service.description import Target
from paidonce.harness.service.launch import Addresses, Start
from paidonce.harness.service.running import LoadedService, Service
from paidonce.harness.service.script import Clients
from paidonce.harness.taps.changes import Change
from paidonce.harness.taps.gate import Gate
from paidonce.harness.taps.stripe.egress import EgressProxy
from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.taps.stripe.tls_entrance import StripeTls
from paidonce.harness.taps.tap import Tap
from paidonce.harness.testbed.one_offs import OneOffs

_LOCK_WAITERS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The file that describes the target, and the SHA-256 of its text then, in hexadecimal.

    ``path`` is relative to the folder in which paidonce ran, where it lay below that.
    """

    path: str
    sha256: str


@dataclass(frozen=True)
class Ports:
    """The ports taps listen on; None: any that is free."""

    postgres: int | None = None
    stripe: int | None = None
    redis: int | None = None
    stripe_tls: int | None = None


@dataclass(frozen=True)
class OwnDatabase:
    """The name a service takes its database to have, and its own there; empty: it is told."""

    name: str = ""
    user: str = ""


class Subject(Protocol):
    """Brings a service to life, and has its clients."""

    @property
    def name(self) -> str: ...

    @property
    def variants(self) -> tuple[Variant, ...]: ...

    @property
    def source(self) -> Source | None:
        """The file that describes it, for witnesses; None where it is part of the harness."""
        ...

    @property
    def described(self) -> Target | None:
        """Its description by actions, for scenarios and load; None where it has none."""
        ...

    @property
    def stripe_order_key(self) -> str:
        """The metadata key by which its Stripe objects name their order."""
        ...

    @property
    def ports(self) -> Ports: ...

    @property
    def own_database(self) -> OwnDatabase: ...

    @property
    def stripe_host(self) -> str:
        """The host that it takes for Stripe's besides Stripe's own; empty if there is none."""
        ...

    @property
    def wants_tls(self) -> bool:
        """Tell whether it needs another way to the tap before Stripe than plain HTTP."""
        ...

    @property
    def wants_replica(self) -> bool:
        """Tell whether it reads from a replica of its Postgres."""
        ...

    @property
    def runs_commands(self) -> bool:
        """Tell whether attempts run commands, which are processes of their own."""
        ...

    @property
    def keeps_state_unseen(self) -> bool:
        """Tell whether it knows its orders where no tap is, most likely from memory."""
        ...

    @property
    def copies(self) -> tuple[str, ...]:
        """The processes of which several are started, to which attempts come in turn, in words."""
        ...

    @property
    def answering(self) -> tuple[str, ...]:
        """The processes besides the first that answer requests, where nothing shows whose."""
        ...

    @property
    def picked_at_stripe(self) -> tuple[str, ...]:
        """The names of what is observed of those of Stripe's objects that have certain values."""

    @property
    def leases_hold(self) -> bool:
        """Tell whether a search need not ask what happens once a lease has run out."""
        ...

    @property
    def timeouts_hold(self) -> bool:
        """Tell whether a search need not ask what happens once a time-out of Postgres ran out."""
        ...

    @property
    def database_url(self) -> str:
        """Its own database, where it runs already; empty where it gets one of ours."""
        ...

    def variant(self, name: str) -> Variant:
        """The variant of that name. Raises ``UsageError`` listing the choices."""
        ...

    def schema(self, variant: str) -> str:
        """A name for the state of an empty database made ready; equal where it is the same."""
        ...

    def migration_inputs(
        self,
        variant: str,
        told: Mapping[str, str],
        left_out: Path | None,
        called_off: threading.Event | None,
    ) -> MigrationInputs:
        """Return what ``migrate`` makes a database of; ``told`` is what else does, by name.

        ``left_out`` is a folder of ours. Raises ``ChildFailed`` and ``CalledOff``.
        """
        ...

    def migrate(
        self, variant: str, addresses: Addresses, called_off: threading.Event | None
    ) -> None:
        """Make an empty database ready. Raises ``ChildFailed``, ``UsageError``, ``CalledOff``."""
        ...

    def load_ahead(self, variant: str, loaded: LoadedService) -> None:
        """Have it begin to load before what it depends on is there, if it can be. Raises
        ``ChildFailed``."""
        ...

    def start(self, wanted: Start, called_off: threading.Event | None) -> Service:
        """Start it and wait until it is ready.

        Raises ``ChildFailed``, ``DeadlineExceeded`` and ``CalledOff``.
        """
        ...

    def clients(self, bench: Bench) -> Clients:
        """Clients of it, running on ``bench``."""
        ...


@dataclass
class Bench:
    """One service, running, and what surrounds it.

    ``stripe_url`` is Stripe itself, ``taps`` what the service talks to, by name: the one before
    Stripe always, and all others where it is under control. ``reset`` empties Stripe's state
    between runs, where that is possible. ``eyes`` is our own connection to the service's database,
    ``redis`` to its Redis database.
    """

    subject: Subject
    variant: str
    taps: Mapping[str, Tap]
    stripe_url: str
    stripe_key: str
    webhook_secret: str
    capabilities: frozenset[Capability]
    backends: dict[str, Backend]
    eyes: psycopg.AsyncConnection[tuple[int]]
    postgres_url: str
    running: Service
    addresses: Addresses
    """The addresses of its surroundings, as the service was told them."""
    redis: aioredis.Redis | None = None
    owns_redis: bool = False
    """True if all of that server's databases are ours to empty, and not the one of its URL only."""
    reset: Callable[[], Awaitable[None]] | None = None
    keep: Callable[[], Awaitable[None]] | None = None
    """Has Stripe keep what there is by now; ``back`` goes back to it."""
    back: Callable[[], Awaitable[None]] | None = None
    blocking: psycopg.AsyncConnection[tuple[int, list[int]]] | None = None
    """Under control, a connection of our own to the service's database, past the tap, that asks
    who waits for whom."""
    tls: StripeTls | None = None
    """Other ways in to the tap before Stripe, where the service asked for one."""
    egress: EgressProxy | None = None
    """The service's way out, which does not lead to Stripe itself."""
    advance: Callable[[float], Awaitable[None]] | None = None
    """Moves Stripe's clock forward by so many seconds; ``reset`` and ``back`` put it back."""
    hold_search: Callable[[bool], Awaitable[None]] | None = None
    """Has Stripe's search see what there is by now and nothing later; every write, for False."""
    replica: ReplicaPostgres | None = None
    """A replica of the service's Postgres, where it reads from one."""
    tapped: bool = True
    """True if the service talks to Stripe by way of the tap."""
    logs: Path | None = None
    """The folder of logs, where files are written at all."""
    changes: tuple[Change, ...] = ()
    """The changes of what the service sends, and of its database, with itself untouched."""
    postgres_errors: Callable[[str, float, float], dict[str, int]] | None = None
    """How many errors the server reported in a database between two Unix times, by SQLSTATE, where
    its log can be read."""
    one_offs: OneOffs = field(default_factory=OneOffs)
    """The commands that are run beside the service right now."""
    stripe: Wires = field(init=False)
    browser: Wires = field(init=False)
    service: Wires = field(init=False)

    def __post_init__(self) -> None:
        authorized = {"Authorization": f"Bearer {self.stripe_key}"}
        self.stripe = Wires(self.stripe_url, authorized)
        # A browser's calls to Stripe are under control where the service's are.
        browser_url = self.stripe_tap.url if self.controlled else self.stripe_url
        self.browser = Wires(browser_url, authorized)
        self.service = Wires(self.service_url)

    @property
    def service_url(self) -> str:
        """Return where the service is reached."""
        return self.running.url

    @property
    def pids(self) -> tuple[int, ...]:
        """The service's processes: their children do its work."""
        return self.running.pids

    def wrote(self) -> str:
        """The last lines the service wrote; nothing, of one that is not our child."""
        return self.running.wrote()

    @property
    def controlled(self) -> bool:
        """Tell whether all that the service does passes a tap."""
        return self.blocking is not None

    @property
    def stripe_tap(self) -> StripeTap:
        """Return the tap that the service takes for Stripe."""
        tap = self.taps[StripeTap.name]
        assert isinstance(tap, StripeTap), "the tap before Stripe is of its own kind"
        return tap

    def bind(self, journal: Recorder | None, gate: Gate | None) -> None:
        """Have all taps record to ``journal`` and ask ``gate`` from now on."""
        for tap in self.taps.values():
            tap.bind(journal, gate)

    @property
    def target(self) -> Target:
        """The description of a service that plays scenarios."""
        target = self.subject.described
        if target is None:
            raise PaidonceError(f"{self.subject.name} is not described by actions of scenarios")
        return target

    async def lock_waiters(self) -> int:
        """Return how many sessions of the service's database wait for a lock right now."""
        cursor = await self.eyes.execute(_LOCK_WAITERS)
        row = await cursor.fetchone()
        assert row is not None
        return row[0]

    async def empty_redis(self) -> None:
        """Empty Redis: all databases of a server of ours, only the URL's own of a user's.

        Raises ``Unavailable`` when it does not answer.
        """
        if self.redis is None:
            return
        try:
            await (self.redis.flushall() if self.owns_redis else self.redis.flushdb())
        except RedisError as error:
            raise not_emptied(error) from None

    async def leases(self) -> int:
        """Return how many keys in Redis will expire; 0 where there is no Redis."""
        if self.redis is None:
            return 0
        keyspace = await self.redis.info("keyspace")
        number = self.redis.connection_pool.connection_kwargs.get("db", 0)
        return int(keyspace.get(f"db{number}", {}).get("expires", 0))

    def talks_to_redis(self, connections: Connections) -> bool:
        """Tell whether a process of the service has a connection to the Redis server itself."""
        if self.redis is None:
            return False
        port = self.redis.connection_pool.connection_kwargs.get("port")
        return port is not None and connections.lead_to(port, self.pids)

    def talks_past_the_tap(self, connections: Connections) -> bool:
        """Tell whether a process of the service has a connection to the Postgres server itself."""
        return connections.lead_to(self.eyes.info.port, self.pids)

    def workers(self) -> int:
        """Return how many processes of the service answer at one address, where that is most."""
        return workers(self.pids)

    async def close(self) -> None:
        """Close what this bench opened itself."""
        for wires in (self.stripe, self.browser, self.service):
            await wires.close()
        await self.eyes.close()
        if self.redis is not None:
            await self.redis.aclose()
