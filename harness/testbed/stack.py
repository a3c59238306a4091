"""The stack of one command: backends opened once, benches made on them as needed.

A *lane* is what one strand of work uses at a time: a Stripe (reset between runs, where it can
be), a tap before it and a Redis database. Lanes do not share state, so they run side by side.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import psycopg
import redis.asyncio as aioredis
from psycopg import sql

from paidonce.harness.backends import open_postgres, open_redis, open_stripe, postgres_admin
from paidonce.harness.backends.base import Backend as AnyBackend
from paidonce.harness.backends.base import PostgresServer, RedisServer, StripeServer
from paidonce.harness.backends.choice import Choice
from paidonce.harness.backends.shared import database_name
from paidonce.harness.backends.stripe_simulator import new_webhook_secret
from paidonce.harness.capability import Capability
from paidonce.harness.history import Backend
from paidonce.harness.process.tempdirs import TempFolder
from paidonce.harness.process.threads import in_thread
from paidonce.harness.service.launch import Addresses, Start
from paidonce.harness.service.running import Service
from paidonce.harness.taps.stripe.egress import EgressProxy, stripes_own
from paidonce.harness.taps.stripe.tap import StripeTap
from paidonce.harness.taps.stripe.tls_entrance import StripeTls
from paidonce.harness.taps.tap import Tap
from paidonce.harness.testbed.bench import Bench, Subject
from paidonce.harness.testbed.openers import Dependencies, Opener
from paidonce.harness.testbed.sequences import spread_sequences
from paidonce.harness.testbed.stored_values import holds
from paidonce.harness.testbed.stripe_reset import Emptying

__all__ = ["Choice", "Lane", "Stack", "open_stack"]

DEADLOCK_TIMEOUT_MS = 10
"""How long a session waits, under control, before the server looks for a deadlock."""

B = TypeVar("B", bound=AnyBackend)


@dataclass
class Lane:
    """The servers and databases that one strand of work uses: no other lane touches them."""

    number: int
    stripe: StripeServer
    tap: StripeTap
    redis: RedisServer
    tls: StripeTls | None = None
    """Other ways in to the tap, where the service asks for one."""
    egress: EgressProxy | None = None
    """The way out of the service, where it should not reach Stripe itself."""


@dataclass
class _Template:
    """A migrated database, and the addresses of the lane whose they are that it was told."""

    name: str
    url: str
    lane: int
    addresses: tuple[str, ...]
    of_one_lane: bool | None = None
    """True if it has stored one of them; None as long as nobody had to know."""


@dataclass
class Stack:
    """Open backends and the target to run on them; made by ``open_stack``."""

    subject: Subject
    choice: Choice
    postgres: PostgresServer
    exits: AsyncExitStack
    logs: Path | None = None
    webhook_secret: str = field(default_factory=new_webhook_secret)
    """One for all lanes: a service may keep it in its database, which is prepared once."""
    _templates: dict[str, _Template] = field(default_factory=dict)
    _template_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def lane(self) -> Lane:
        """A new lane, closed with the stack."""
        number = next(self._numbers)
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
            entrance = StripeTls(tap.url, folder.path, port=self.subject.ports.stripe_tls or 0)
            tls = await self.exits.enter_async_context(entrance)
        egress = None
        # Where the tap has a port for TLS, Stripe's own name leads to it.
        if not self.subject.ports.stripe_tls and (out := EgressProxy()).can_go_on:
            egress = await self.exits.enter_async_context(out)
        return Lane(number=number, stripe=stripe, tap=tap, redis=redis, tls=tls, egress=egress)

    @asynccontextmanager
    async def bench(
        self,
        lane: Lane,
        variant: str,
        settings: Mapping[str, str],
        *,
        tapped: bool = True,
        controlled_by: Collection[Opener] = (),
    ) -> AsyncIterator[Bench]:
        """The target's service in one variant, running on a database of its own.

        Where it is not ``tapped`` it talks to Stripe directly: for load, whose figures should
        not be those of the tap. Where it is to be under control, ``controlled_by`` open the taps
        before all else that it talks to; then its timers are out of the way as well.
        """
        controlled = bool(controlled_by)
        await asyncio.to_thread(lane.redis.flush)
        async with AsyncExitStack() as exits:
            name, url = await self._database(exits, lane, variant, controlled=controlled)
            addresses = self._addresses(lane, url, tapped)
            log = self.logs / f"{variant}-{name}.log" if self.logs is not None else None
            wanted = dict(settings)
            if not lane.stripe.capabilities & {Capability.STRIPE_STATE, Capability.STRIPE_LEDGER}:
                wanted["stripe_stateless"] = "1"
            taps, addresses = await self._taps(exits, lane, url, addresses, controlled_by)
            blocking = await _past_the_tap(exits, url) if controlled else None
            start = Start(variant, addresses, wanted, controlled, log)
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
                    "postgres": Backend(kind=self.postgres.kind, version=self.postgres.version),
                    "redis": Backend(kind=lane.redis.kind, version=lane.redis.version),
                    "stripe": Backend(kind=lane.stripe.kind, version=lane.stripe.version),
                },
                eyes=await psycopg.AsyncConnection.connect(
                    url, autocommit=True, application_name="paidonce eyes"
                ),
                redis=aioredis.Redis.from_url(lane.redis.url()),
                owns_redis=lane.redis.owned,
                postgres_url=url,
                addresses=addresses,
                reset=empties if lane.stripe.can_reset else None,
                keep=empties.keep if empties.can_keep else None,
                back=empties.back if empties.can_keep else None,
                advance=empties.advance if empties.can_keep else None,
                blocking=blocking,
                tls=lane.tls,
                egress=lane.egress,
                tapped=tapped,
                postgres_errors=getattr(self.postgres, "errors", None),
            )
            exits.push_async_callback(bench.close)
            yield bench

    def _addresses(self, lane: Lane, postgres_url: str, tapped: bool) -> Addresses:
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

    async def _taps(
        self,
        exits: AsyncExitStack,
        lane: Lane,
        url: str,
        addresses: Addresses,
        openers: Collection[Opener],
    ) -> tuple[dict[str, Tap], Addresses]:
        """The taps that are opened, and the addresses by which the service finds them."""
        around = Dependencies(url, lane.redis.url(), self.subject.ports)
        taps: dict[str, Tap] = {lane.tap.name: lane.tap}
        for opener in openers:
            opened = await exits.enter_async_context(opener(around))
            taps[opened.tap.name] = opened.tap
            addresses = addresses.tapped(opened.addresses)
        return taps, addresses

    async def _database(
        self, exits: AsyncExitStack, lane: Lane, variant: str, *, controlled: bool
    ) -> tuple[str, str]:
        """A database for one service, and its URL; dropped with ``exits`` unless it was there."""
        name = database_name(variant)
        if self.subject.database_url:
            return name, self.subject.database_url
        template = await self._migrated(lane, variant)
        url = await asyncio.to_thread(self.postgres.create_database, name, template)
        exits.push_async_callback(asyncio.to_thread, self.postgres.drop_database, name)
        if controlled:
            await asyncio.to_thread(_quick_deadlocks, self.postgres.url(), name)
        return name, url

    async def _migrated(self, lane: Lane, variant: str) -> str:
        """The template database, prepared by the target's migration on first use.

        One that has stored an address of the lane it was prepared for is that lane's own: another
        lane's service would talk to the Stripe or Redis of that one.
        """
        schema = self.subject.schema(variant)
        async with self._template_lock:
            made = self._templates.get(schema)
            if made is not None and lane.number != made.lane and made.of_one_lane is None:
                made.of_one_lane = await asyncio.to_thread(holds, made.url, made.addresses)
            if made is not None and made.of_one_lane and lane.number != made.lane:
                schema = f"{schema} of lane {lane.number}"
                made = self._templates.get(schema)
            if made is None:
                made = self._templates[schema] = await self._migrate(lane, variant)
            return made.name

    async def _migrate(self, lane: Lane, variant: str) -> _Template:
        name = database_name("template")
        url = await asyncio.to_thread(self.postgres.create_database, name)
        self.exits.push_async_callback(asyncio.to_thread, self.postgres.drop_database, name)
        told = self._addresses(lane, url, True)
        await in_thread(lambda called_off: self.subject.migrate(variant, told, called_off))
        await asyncio.to_thread(spread_sequences, url)
        stripe = (told.stripe_url, told.stripe_tls_url, told.stripe_proxy)
        addresses = (*(urlsplit(one).netloc for one in stripe), told.redis_url, told.ca_bundle)
        return _Template(name, url, lane.number, addresses)

    async def _open(self, opener: Callable[[str], B], spec: str) -> B:
        opened = await asyncio.to_thread(opener, spec)
        self.exits.push_async_callback(asyncio.to_thread, opened.stop)
        return opened


@asynccontextmanager
async def open_stack(
    subject: Subject, choice: Choice, *, logs: Path | None = None
) -> AsyncIterator[Stack]:
    """Open the backends that were chosen; everything is stopped on the way out.

    Raises ``UsageError`` or ``Unavailable`` when one cannot be had.
    """
    async with AsyncExitStack() as exits:
        postgres = await asyncio.to_thread(open_postgres, choice.postgres)
        exits.push_async_callback(asyncio.to_thread, postgres.stop)
        yield Stack(subject=subject, choice=choice, postgres=postgres, exits=exits, logs=logs)


async def _past_the_tap(
    exits: AsyncExitStack, url: str
) -> psycopg.AsyncConnection[tuple[int, list[int]]]:
    """A connection of our own to the service's database; refuses one that goes through a pooler."""
    blocking = await psycopg.AsyncConnection.connect(url, autocommit=True)
    exits.push_async_callback(blocking.close)
    row = await (await blocking.execute("SELECT pg_backend_pid()")).fetchone()
    postgres_admin.refuse_pooler(url, blocking.info.backend_pid, row)
    return blocking


def _quick_deadlocks(url: str, database: str) -> None:
    """Let the server look for deadlocks at once; needs a superuser (manual 19.12)."""
    statement = sql.SQL("ALTER DATABASE {} SET deadlock_timeout = {}").format(
        sql.Identifier(database), sql.Literal(f"{DEADLOCK_TIMEOUT_MS}ms")
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
