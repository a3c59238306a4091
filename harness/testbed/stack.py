"""The stack of one command: backends opened once, benches made on them as needed.

A *lane* is what one strand of work uses at a time: a Stripe (reset between runs, where it can
be), a tap before it and a Redis database. Lanes do not share state, so they run side by side.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import psycopg
import redis.asyncio as aioredis
from psycopg import sql

from paidonce.harness.backends import open_postgres, open_redis, open_stripe, postgres_admin
from paidonce.harness.backends.base import Backend as AnyBackend
from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.choice import Choice
from paidonce.harness.backends.kept_databases import KeptDatabases
from paidonce.harness.backends.postgres_admin import with_user
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.postgres_replica import ReplicaPostgres
from paidonce.harness.backends.shared import database_name
from paidonce.harness.backends.stripe_simulator import new_webhook_secret
from paidonce.harness.capability import Capability
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Backend
from paidonce.harness.process.tempdirs import TempFolder
from paidonce.harness.process.threads import in_thread
from paidonce.harness.process.together import together
from paidonce.harness.service.launch import Addresses, Start
from paidonce.harness.service.running import LoadedService, Service
from paidonce.harness.taps.changes import Change, Keyed, Migrated, Preceded, Replaced
from paidonce.harness.taps.stripe.egress import EgressProxy, stripes_own
from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.taps.stripe.tls_entrance import StripeTls
from paidonce.harness.taps.tap import Tap
from paidonce.harness.testbed.begun import Begun
from paidonce.harness.testbed.bench import Bench, Subject
from paidonce.harness.testbed.lane import Lane
from paidonce.harness.testbed.openers import REPLICA_URL, Dependencies, Opener, before_replica
from paidonce.harness.testbed.stripe_reset import Emptying
from paidonce.harness.testbed.templates import Templates

__all__ = ["Choice", "Lane", "Stack", "open_stack"]

DEADLOCK_TIMEOUT_MS = 10
"""How long a session waits, under control, before the server looks for a deadlock."""

B = TypeVar("B", bound=AnyBackend)


@dataclass
class Stack:
    """Open backends and the target to run on them; made by ``open_stack``."""

    subject: Subject
    choice: Choice
    templates: Templates
    exits: AsyncExitStack
    logs: Path | None = None
    webhook_secret: str = field(default_factory=new_webhook_secret)
    """One for all lanes: a service may keep it in its database, which is prepared once."""
    loaded: LoadedService = field(default_factory=LoadedService)
    """The zygote services are forked from once there is one, where they know how."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _ready: list[Lane] = field(default_factory=list)
    """Lanes that were opened ahead."""

    @property
    def postgres(self) -> PostgresServer:
        """The server for all databases, where there is one."""
        assert self.templates.postgres is not None
        return self.templates.postgres

    async def lane(self, *, often: bool = False) -> Lane:
        """A new lane, closed with the stack; ``often`` if many services will be started on it."""
        lane = self._ready.pop(0) if self._ready else await self._lane(next(self._numbers))
        lane.often = often
        return lane

    async def open_ahead(self, lanes: int, more: Coroutine[object, object, None]) -> None:
        """Open so many lanes, and ``more``, side by side."""
        opening = [self._lane_ahead(next(self._numbers)) for _ in range(lanes)]
        await together(*opening, more)
        self._ready.sort(key=lambda lane: lane.number)

    async def _lane_ahead(self, number: int) -> None:
        self._ready.append(await self._lane(number))

    async def _lane(self, number: int) -> Lane:
        secret = self.webhook_secret
        stripe = await self._open(
            lambda spec: open_stripe(spec, webhook_secret=secret), self.choice.stripe
        )
        redis = await self._open(open_redis, self.choice.redis)
        tap = StripeTap(
            stripe.url,
            metadata_key=self.subject.stripe_order_key,
            port=self.subject.ports.stripe or 0,
        )
        await self.exits.enter_async_context(tap)
        tls = None
        if self.subject.wants_tls:
            folder = self.exits.enter_context(TempFolder(public=True))
            entrance = StripeTls(
                tap.url,
                folder.path,
                port=self.subject.ports.stripe_tls or 0,
                host=self.subject.stripe_host,
            )
            tls = await self.exits.enter_async_context(entrance)
        egress = None
        # Where the tap has a port for TLS, Stripe's own name leads to it.
        if not self.subject.ports.stripe_tls and (out := EgressProxy()).can_go_on:
            egress = await self.exits.enter_async_context(out)
        replica = await self._replica() if self.subject.wants_replica else None
        return Lane(
            number=number,
            stripe=stripe,
            tap=tap,
            redis=redis,
            tls=tls,
            egress=egress,
            replica=replica,
            loaded=self.loaded,
        )

    async def _replica(self) -> ReplicaPostgres:
        postgres = self.templates.postgres
        if not isinstance(postgres, EmbeddedPostgres):
            raise UsageError(
                "{postgres_replica_url}: a replica can be made of the embedded Postgres only; "
                "leave --postgres and [database] url out"
            )
        replica = await asyncio.to_thread(ReplicaPostgres, postgres)
        self.exits.push_async_callback(asyncio.to_thread, replica.stop)
        return replica

    async def migrate(self, lane: Lane, variant: str) -> None:
        """Have the database of ``variant`` ready, which may take minutes."""
        if not self.subject.database_url:
            await self.templates.of(lane, variant)

    @asynccontextmanager
    async def bench(
        self,
        lane: Lane,
        variant: str,
        settings: Mapping[str, str],
        *,
        tapped: bool = True,
        controlled_by: Collection[Opener] = (),
        passed_by: Collection[Opener] = (),
        changes: Collection[Change] = (),
    ) -> AsyncIterator[Bench]:
        """The target's service in one variant, running on a database of its own.

        Where it is not ``tapped`` it talks to Stripe directly: for load, whose figures should
        not be those of the tap. Where it is to be under control, ``controlled_by`` open the taps
        before all else that it talks to; then its timers are out of the way as well. Where it is
        not, ``passed_by`` may open some all the same. The taps make these ``changes``.
        """
        controlled = bool(controlled_by)
        await asyncio.to_thread(lane.redis.flush)
        async with AsyncExitStack() as exits:
            name, url, server = await self._database(exits, lane, variant, controlled=controlled)
            near = url if self.subject.database_url else server.near_url(name)
            migrated = [change.sql for change in changes if isinstance(change, Migrated)]
            if migrated:
                await asyncio.to_thread(_migrate_further, url, migrated)
            lane.tap.change(change for change in changes if isinstance(change, Keyed))
            own = with_user(url, self.subject.own_database.user)
            addresses = addresses_of(lane, own, tapped=tapped)
            log = self.logs / f"{variant}-{name}.log" if self.logs is not None else None
            wanted = dict(settings)
            if not lane.stripe.capabilities & {Capability.STRIPE_STATE, Capability.STRIPE_LEDGER}:
                wanted["stripe_stateless"] = "1"
            if lane.replica is not None:
                replica_url = with_user(lane.replica.url(name), self.subject.own_database.user)
                addresses = addresses.tapped({REPLICA_URL: replica_url})
                await asyncio.to_thread(lane.replica.follow)  # it has that database then
            opened_by = controlled_by or passed_by
            around = Dependencies(own, near, lane.redis.url(), self.subject.ports)
            taps, addresses = await self._taps(exits, lane, around, addresses, opened_by, changes)
            blocking = await _past_the_tap(exits, near) if controlled else None
            start = Start(
                variant, addresses, wanted, controlled, log, lane.loaded, often=lane.often
            )
            running = await in_thread(
                lambda called_off: self.subject.start(start, called_off), undo=Service.stop
            )
            exits.push_async_callback(asyncio.to_thread, running.stop)
            # Only a simulator of ours keeps events; and it tells what a call touches.
            lane.tap.tells = controlled and Capability.STRIPE_EVENTS in lane.stripe.capabilities
            empties = Emptying(lane.stripe)
            exits.push_async_callback(empties.close)
            bench = Bench(
                subject=self.subject,
                variant=variant,
                running=running,
                taps=taps,
                stripe_url=lane.stripe.url,
                stripe_key=lane.stripe.api_key,
                webhook_secret=lane.stripe.webhook_secret,
                capabilities=lane.stripe.capabilities,
                backends={
                    "postgres": Backend(kind=server.kind, version=server.version),
                    "redis": Backend(kind=lane.redis.kind, version=lane.redis.version),
                    "stripe": Backend(kind=lane.stripe.kind, version=lane.stripe.version),
                },
                eyes=await psycopg.AsyncConnection.connect(
                    near, autocommit=True, application_name="paidonce eyes"
                ),
                redis=aioredis.Redis.from_url(lane.redis.url()),
                owns_redis=lane.redis.owned,
                postgres_url=url,
                addresses=addresses,
                reset=empties if lane.stripe.can_reset else None,
                keep=empties.keep if empties.can_keep else None,
                back=empties.back if empties.can_keep else None,
                advance=empties.advance if empties.can_keep else None,
                hold_search=empties.hold_search if empties.can_keep else None,
                blocking=blocking,
                tls=lane.tls,
                egress=lane.egress,
                replica=lane.replica,
                tapped=tapped,
                logs=self.logs,
                changes=tuple(changes),
                postgres_errors=getattr(server, "errors", None),
            )
            exits.push_async_callback(bench.close)
            yield bench

    async def _taps(
        self,
        exits: AsyncExitStack,
        lane: Lane,
        around: Dependencies,
        addresses: Addresses,
        openers: Collection[Opener],
        changes: Collection[Change],
    ) -> tuple[dict[str, Tap], Addresses]:
        """The taps that are opened, and the addresses by which the service finds them."""
        statements = tuple(change for change in changes if isinstance(change, Replaced | Preceded))
        taps: dict[str, Tap] = {lane.tap.name: lane.tap}
        every = [*openers, before_replica] if openers and lane.replica is not None else openers
        replica_url = addresses.further.get(REPLICA_URL, "")
        around = replace(around, changes=statements, replica_url=replica_url)
        for opener in every:
            opened = await exits.enter_async_context(opener(around))
            taps[opened.tap.name] = opened.tap
            addresses = addresses.tapped(opened.addresses)
        return taps, addresses

    async def _database(
        self, exits: AsyncExitStack, lane: Lane, variant: str, *, controlled: bool
    ) -> tuple[str, str, PostgresServer]:
        """A database for one service, its URL and its server; dropped with ``exits`` unless it was
        there."""
        name = self.subject.own_database.name or database_name(variant)
        if self.subject.database_url:
            return name, self.subject.database_url, self.postgres
        template = await self.templates.of(lane, variant)
        server = template.server
        url = await asyncio.to_thread(server.create_database, name, template.name)
        exits.push_async_callback(asyncio.to_thread, server.drop_database, name)
        if controlled:
            await asyncio.to_thread(_quick_deadlocks, server.url(), name)
        return name, url, server

    async def _open(self, opener: Callable[[str], B], spec: str) -> B:
        opened = await in_thread(lambda _: opener(spec), undo=_stop)
        self.exits.push_async_callback(asyncio.to_thread, opened.stop)
        return opened


@asynccontextmanager
async def open_stack(
    subject: Subject,
    choice: Choice,
    *,
    logs: Path | None = None,
    kept: KeptDatabases | None = None,
    say: Callable[[str], None] = lambda line: None,
    lanes: int = 0,
    variant: str = "",
    early: Begun | None = None,
) -> AsyncIterator[Stack]:
    """Open the backends that were chosen; everything is stopped on the way out.

    As many of ``lanes`` as there can be are opened beside the database's server. Where a
    ``variant`` is named, the service is loaded meanwhile, if it can be. What has begun ``early`` is
    used, for a subject and a choice that it was begun for.

    With ``kept``, databases on servers of our own that take long to migrate are kept there, and
    ``say`` is told which was used. Raises ``UsageError`` or ``Unavailable`` when a backend cannot
    be had.
    """
    async with AsyncExitStack() as exits:
        replicated = subject.wants_replica
        kept = None if replicated else kept  # one that is kept knows of no replicas
        templates = Templates(
            subject=subject,
            postgres=None,
            exits=exits,
            addresses=addresses_of,
            kept=kept,
            say=say,
            left_out=logs.parent.resolve() if logs is not None else None,
        )
        stack = Stack(subject=subject, choice=choice, templates=templates, exits=exits, logs=logs)
        if early is not None:
            stack.loaded = early.loaded
        exits.push_async_callback(asyncio.to_thread, stack.loaded.stop)
        if variant:
            await in_thread(lambda _: subject.load_ahead(variant, stack.loaded))
        if kept is not None:
            stack.webhook_secret = await asyncio.to_thread(kept.webhook_secret)

        async def server() -> None:
            if kept is None or choice.postgres != "embedded" or subject.database_url:
                templates.postgres = postgres = await in_thread(
                    lambda _: (
                        open_postgres(choice.postgres, replicated=replicated)
                        if early is None
                        else early.postgres()
                    ),
                    undo=_stop,
                )
                exits.push_async_callback(asyncio.to_thread, postgres.stop)

        # A lane with a replica of the server needs that first.
        await stack.open_ahead(0 if replicated else choice.lanes(lanes), server())
        yield stack


def _stop(backend: AnyBackend) -> None:
    backend.stop()


def addresses_of(lane: Lane, postgres_url: str, *, tapped: bool = True) -> Addresses:
    """Return where a service on a lane finds its dependencies."""
    stripe_url = lane.tap.url if tapped else lane.stripe.url
    # Under load without a tap, Stripe itself may be what is wanted.
    itself = stripes_own(urlsplit(stripe_url).hostname or "")
    return Addresses(
        postgres_url=postgres_url,
        redis_url=lane.redis.url(),
        stripe_url=stripe_url,
        stripe_key=lane.stripe.api_key,
        webhook_secret=lane.stripe.webhook_secret,
        stripe_tls_url=lane.tls.url if lane.tls is not None else "",
        stripe_proxy=lane.tls.proxy_url if lane.tls is not None else "",
        ca_bundle=str(lane.tls.bundle) if lane.tls is not None else "",
        egress=lane.egress.url if lane.egress is not None and not itself else "",
    )


async def _past_the_tap(
    exits: AsyncExitStack, url: str
) -> psycopg.AsyncConnection[tuple[int, list[int]]]:
    """A connection of our own to the service's database; refuses one that goes through a pooler."""
    blocking = await psycopg.AsyncConnection.connect(url, autocommit=True)
    exits.push_async_callback(blocking.close)
    row = await (await blocking.execute("SELECT pg_backend_pid()")).fetchone()
    postgres_admin.refuse_pooler(url, blocking.info.backend_pid, row)
    return blocking


def _migrate_further(url: str, statements: Collection[str]) -> None:
    """Change a database that is ours alone. Raises ``UsageError`` where Postgres refuses."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                why = str(error).strip()
                raise UsageError(f"the database cannot be changed by {statement}: {why}") from None


def _quick_deadlocks(url: str, database: str) -> None:
    """Let the server look for deadlocks at once; needs a superuser (manual 19.12)."""
    statement = sql.SQL("ALTER DATABASE {} SET deadlock_timeout = {}").format(
        sql.Identifier(database), sql.Literal(f"{DEADLOCK_TIMEOUT_MS}ms")
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
