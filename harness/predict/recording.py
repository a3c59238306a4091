"""Plays every attempt of a scenario alone, under control, and keeps what it sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import psycopg

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.attempts import At
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import WATCH_S
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.history import Effect, History
from paidonce.harness.predict.data import LiveData
from paidonce.harness.predict.matching import refused
from paidonce.harness.predict.pairs import forecast
from paidonce.harness.predict.rows import NewRows
from paidonce.harness.predict.types import Forecast, Solo
from paidonce.harness.predict.wording import worded
from paidonce.harness.service.script import clients_among

TRIES = 3
"""How often an attempt is played until it was under control from beginning to end."""


@dataclass(frozen=True)
class Recorded:
    """Recordings of each attempt; ``again`` are second ones, which tell what differs by itself.

    ``called`` are the attempts that made a call at Stripe, by its label, when all were played one
    after the other; that is what was played last.
    """

    solos: tuple[Solo, ...]
    again: tuple[Solo, ...]
    catalog: Catalog
    called: Mapping[str, frozenset[str]]


async def recorded(worlds: ServiceWorlds) -> Recorded:
    """Each attempt of the scenario alone, each from the initial state, all of them twice, and then
    all in turn.

    Raises ``PaidonceError`` where an attempt was not under control in any of ``TRIES`` tries, or
    cannot go on although nobody else is there.
    """
    catalog = await asyncio.to_thread(catalog_of, worlds)
    rows = NewRows(worlds.bench.postgres_url, catalog)
    names = [attempt.name for attempt in clients_among(worlds.scenario.attempts)]
    await _warm(worlds)
    solos = [await _alone(worlds, name, rows) for name in names]
    again = [await _alone(worlds, name, rows) for name in names]
    return Recorded(tuple(solos), tuple(again), catalog, await _in_turn(worlds))


async def predicted(
    worlds: ServiceWorlds, watch: float = WATCH_S, *, orm: str | None = None
) -> Forecast:
    """Return the bad orders that the scenario's attempts could come in, from recordings of each.

    The service is watched for ``watch`` seconds first, so that what it sends by itself is not taken
    for an attempt's doing. Fixes are told as calls of ``orm`` too, or of the ORM that shows itself
    in what was recorded. Raises as ``recorded`` does.
    """
    if watch:
        await worlds.watch(watch)
    told = await recorded(worlds)
    data = LiveData(worlds.bench.postgres_url, told.catalog, told.called)
    try:
        found = await asyncio.to_thread(
            partial(forecast, told.solos, told.catalog, again=told.again, data=data)
        )
        return worded(found, told.solos, orm)
    except psycopg.Error as error:
        raise PaidonceError(f"the database could not be asked for what is in it: {error}") from None


def catalog_of(worlds: ServiceWorlds) -> Catalog:
    """Return the catalog of the service's database."""
    return read_catalog(worlds.bench.postgres_url)


def effects_of(history: History, attempt: str) -> tuple[Effect, ...]:
    """The effects of an attempt that was alone in a history, in the order of their arrival.

    What nobody is known to have sent after it had begun is counted as its own: a worker that takes
    up its job looks like one that looks for jobs by itself.
    """
    own = [effect for _, effect in history.of(Effect) if effect.attempt == attempt]
    began = min((effect.began for effect in own), default=0)
    effects = [
        *own,
        *(e for _, e in history.of(Effect) if e.attempt is None and e.began > began),
    ]
    return tuple(sorted(effects, key=lambda effect: (effect.began, effect.seq)))


async def _warm(worlds: ServiceWorlds) -> None:
    """Whatever the first execution has to do once is done before rows are counted as new: the
    rows that a service is warmed up with are in no recording."""
    for _ in range(TRIES):
        try:
            world = await worlds.telling(worlds.scenario).fresh()
            await world.close()
            return
        except InvalidRun as error:
            why = str(error)
    raise PaidonceError(f"the attempts could not be prepared: {why}")


async def _alone(worlds: ServiceWorlds, name: str, rows: NewRows) -> Solo:
    # All are prepared for, as in a search, so that what two of them have in common is in both
    # recordings, and what is one's own is not taken for the other's.
    alone = worlds.telling(worlds.scenario)
    for _ in range(TRIES):
        try:
            await asyncio.to_thread(rows.mark)
            world = await alone.fresh()
            try:
                return await _played(world, name, rows)
            finally:
                await world.close()
        except InvalidRun as error:
            why = str(error)
        except psycopg.Error as error:
            raise PaidonceError(
                f"the rows of the database could not be looked at: {error}"
            ) from None
    raise PaidonceError(f"{name} could not be recorded alone: {why}")


async def _played(world: ServiceWorld, name: str, rows: NewRows) -> Solo:
    prepared, texts = await asyncio.to_thread(rows.told)
    known = texts | dict(world.reader.names.beforehand)
    while any(choice.actor == name for choice in world.pending()):
        await world.step(name)
    if world.control.players[name].at not in (At.DONE, At.AGAIN):
        raise InvalidRun(f"{name} waits although nobody else has begun")
    # What comes after, the looking and the scenario's own afterwards, is nobody's attempt.
    history = History(list(world.memory.events))
    there, _ = await asyncio.to_thread(rows.told)
    return Solo(
        name, effects_of(history, name), known, prepared, frozenset(there.keys() - prepared)
    )


async def _in_turn(worlds: ServiceWorlds) -> dict[str, frozenset[str]]:
    """Return who made which calls at Stripe when the attempts came one after the other; nothing is
    known where they could not be played so."""
    called: dict[str, set[str]] = {}
    try:
        world = await worlds.telling(worlds.scenario).fresh()
        try:
            while pending := world.pending():
                await world.step(pending[0].actor)
            for _, effect in History(list(world.memory.events)).of(Effect):
                if effect.tap == "stripe" and effect.attempt is not None and not refused(effect):
                    called.setdefault(effect.label, set()).add(effect.attempt)
        finally:
            await world.close()
    except InvalidRun:
        return {}
    return {label: frozenset(names) for label, names in called.items()}
