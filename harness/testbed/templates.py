"""Migrated databases: each is made once, and is the template of the databases of all services.

Those of a server of our own may be kept between runs, each with the server that it was made on (see
``paidonce.harness.backends.kept_databases``). Nothing may be told by a database that is out of
date: one that holds an address of this run, or whose migration left something elsewhere, is made
again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import redis

from paidonce.harness.backends.base import PostgresServer
from paidonce.harness.backends.cluster_archive import DamagedArchive, NoArchive
from paidonce.harness.backends.kept_databases import (
    LEAST_S,
    MOST_S,
    KeptDatabase,
    KeptDatabases,
    KeptNotes,
    MigrationInputs,
    moment,
)
from paidonce.harness.backends.postgres_admin import make_user, with_user
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres, embedded_version
from paidonce.harness.backends.shared import database_name
from paidonce.harness.process.threads import in_thread
from paidonce.harness.service.launch import Addresses
from paidonce.harness.testbed.bench import Subject
from paidonce.harness.testbed.lane import Lane
from paidonce.harness.testbed.sequences import spread_sequences
from paidonce.harness.testbed.stored_values import holds, next_time_to_come

AGAIN = "--fresh to migrate again"


@dataclass
class Template:
    """A migrated database, and the addresses of the lane whose they are that it was told."""

    server: PostgresServer
    name: str
    url: str
    lane: int
    addresses: tuple[str, ...]
    of_one_lane: bool | None = None
    """True if it has stored one of them; None as long as nobody had to know."""
    kept: str = ""
    """When it was made, if that was in another run."""


@dataclass
class Templates:
    """The migrated databases of one command, made as they are asked for."""

    subject: Subject
    postgres: PostgresServer | None
    """The server for all of them; None where each has one of its own, so that it can be kept."""
    exits: AsyncExitStack
    addresses: Callable[[Lane, str], Addresses]
    """Those that the migration is told on a lane, with its database at a URL."""
    kept: KeptDatabases | None = None
    say: Callable[[str], None] = lambda line: None
    left_out: Path | None = None
    """Where we write ourselves."""
    _made: dict[str, Template] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, lane: Lane, variant: str) -> Template:
        """The template database, prepared by the target's migration on first use.

        One that has stored an address of the lane it was prepared for is that lane's own: another
        lane's service would talk to the Stripe or Redis of that one.
        """
        schema = self.subject.schema(variant)
        async with self._lock:
            made = self._made.get(schema)
            if made is not None and lane.number != made.lane and made.of_one_lane is None:
                made.of_one_lane = await asyncio.to_thread(holds, made.url, made.addresses)
            if made is not None and made.of_one_lane and lane.number != made.lane:
                schema = f"{schema} of lane {lane.number}"
                made = self._made.get(schema)
            if made is None:
                made = self._made[schema] = await self._make(lane, variant)
            return made

    def notes(self, variant: str) -> tuple[str, ...]:
        """Return what is to be known of the database of ``variant``, for its reports."""
        made = self._made.get(self.subject.schema(variant))
        if made is None or not made.kept:
            return ()
        return (f"its database is the one that was migrated at {made.kept} ({AGAIN})",)

    async def _make(self, lane: Lane, variant: str) -> Template:
        if self.kept is None or self.postgres is not None:
            assert self.postgres is not None
            return (await self._migrate(lane, variant, self.postgres))[0]
        inputs = await self._inputs(lane, variant)
        kept_database = await asyncio.to_thread(self.kept.find, inputs)
        if kept_database is not None:
            template = await self._opened(self.kept, kept_database, lane)
            if template is not None:
                self.say(f"database: kept from {kept_database.notes.when} ({AGAIN})")
                return template
        former = await asyncio.to_thread(self.kept.latest, inputs.origin)
        server = await self._server(EmbeddedPostgres)
        await asyncio.to_thread(lane.redis.flush)
        called = lane.tap.carried
        template, seconds = await self._migrate(lane, variant, server)
        if seconds < LEAST_S:
            return template
        again = "migrated" if former is None or self.kept.fresh else _since(inputs, former)
        reason = inputs.reason
        if not reason and lane.tap.carried != called:
            reason = "its migration called Stripe, which forgets"
        reason = reason or await self._unfit(lane, variant, template, inputs)
        until = time.time() + MOST_S
        if not reason:
            until = await asyncio.to_thread(_until, template.url)
            notes = KeptNotes(
                origin=inputs.origin,
                name=template.name,
                made=time.time(),
                until=until,
                seconds=seconds,
                parts=dict(inputs.parts),
            )
            try:
                await asyncio.to_thread(self.kept.keep, inputs, server, notes)
            except NoArchive as error:
                reason = str(error)
            template.url = server.url(template.name)
            template.of_one_lane = False
        came = f"not kept: {reason}" if reason else f"kept until {moment(until)}"
        self.say(f"database: {again} in {seconds:.0f} s, and {came}")
        return template

    async def _inputs(self, lane: Lane, variant: str) -> MigrationInputs:
        version = await asyncio.to_thread(embedded_version)
        told = {
            "Postgres": version,
            "the key for Stripe": lane.stripe.api_key,
            "the webhook secret": lane.stripe.webhook_secret,
        }
        return await in_thread(
            lambda called_off: self.subject.migration_inputs(
                variant, told, self.left_out, called_off
            )
        )

    async def _opened(
        self, kept: KeptDatabases, found: KeptDatabase, lane: Lane
    ) -> Template | None:
        """The template that was kept, on a server of its own; None if there is none any more."""
        try:
            server = await self._server(lambda: EmbeddedPostgres(archive=found.path))
        except DamagedArchive:
            kept.forget(found.path)
            return None
        name, url = found.notes.name, server.url(found.notes.name)
        return Template(server, name, url, lane.number, (), False, found.notes.when)

    async def _server(self, opener: Callable[[], EmbeddedPostgres]) -> EmbeddedPostgres:
        server = await asyncio.to_thread(opener)
        self.exits.push_async_callback(asyncio.to_thread, server.stop)
        return server

    async def _migrate(
        self, lane: Lane, variant: str, server: PostgresServer
    ) -> tuple[Template, float]:
        """A database that is made now, and how many seconds it took."""
        own = self.subject.own_database
        name = database_name("template")
        url = await asyncio.to_thread(server.create_database, own.name or name)
        if server is self.postgres and not own.name:
            self.exits.push_async_callback(asyncio.to_thread, server.drop_database, name)
        ours = server.kind != "url"
        try:
            if own.user:
                await asyncio.to_thread(make_user, url, own.user, ours=ours)
            told = replace(self.addresses(lane, with_user(url, own.user)), postgres_is_ours=ours)
            began = time.monotonic()
            await in_thread(lambda called_off: self.subject.migrate(variant, told, called_off))
            await asyncio.to_thread(spread_sequences, url)
            seconds = time.monotonic() - began
            if own.name:  # which the service's own will be called, a copy of this one
                url = await asyncio.to_thread(server.create_database, name, own.name)
                self.exits.push_async_callback(asyncio.to_thread, server.drop_database, name)
        finally:
            if own.name:
                await asyncio.to_thread(server.drop_database, own.name)
        stripe = (told.stripe_url, told.stripe_tls_url, told.stripe_proxy)
        addresses = (*(urlsplit(one).netloc for one in stripe), told.redis_url, told.ca_bundle)
        return Template(server, name, url, lane.number, addresses), seconds

    async def _unfit(
        self, lane: Lane, variant: str, template: Template, inputs: MigrationInputs
    ) -> str:
        """Return why what was made now is none to be kept; nothing if it is."""
        if await asyncio.to_thread(_keys_in, lane.redis.url()):
            return "its migration wrote to Redis, which forgets"
        after = await self._inputs(lane, variant)
        if changed := inputs.differing(after.parts):
            return f"while it was migrated {changed[0]} changed"
        own = urlsplit(template.url)
        found = [*template.addresses, f"{own.hostname}:{own.port}", template.name]
        found.append(urlsplit(lane.redis.url()).netloc)
        found += [urlsplit(lane.egress.url).netloc] if lane.egress is not None else []
        if inputs.by_port:
            netlocs = [one for one in found if ":" in one]
            found += [
                port for port in (one.rpartition(":")[2] for one in netlocs) if port.isdigit()
            ]
        if await asyncio.to_thread(holds, template.url, found):
            return "a row of it holds an address of this run"
        return ""


def _since(inputs: MigrationInputs, former: KeptDatabase) -> str:
    """Say why what was kept did not do."""
    changed = inputs.differing(former.notes.parts)
    if not changed:
        return "migrated again, since it was kept for long enough,"
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"migrated again, since {changed[0]}{more} is not as it was,"


def _until(url: str) -> float:
    """Return until when a database may be kept: half of the time until a time that it names."""
    now = time.time()
    following = next_time_to_come(url)
    return now + (MOST_S if following is None else min(MOST_S, (following - now) / 2))


def _keys_in(url: str) -> int:
    with redis.Redis.from_url(url) as store:
        return int(store.dbsize())
