"""Plays every attempt of a scenario alone, under control, and keeps what it sent."""

from __future__ import annotations

import asyncio

from harness.errors import PaidonceError
from harness.explore.exploration import WATCH_S
from harness.explore.service_world import ServiceWorld
from harness.explore.service_worlds import ServiceWorlds
from harness.explore.sql.catalog import Catalog
from harness.explore.sql.read import read_catalog
from harness.explore.world import InvalidRun
from harness.history import Effect, History
from harness.predict.pairs import predict
from harness.predict.types import Prediction, Solo

TRIES = 3
"""How often an attempt is played until it was under control from beginning to end."""


async def recorded(worlds: ServiceWorlds) -> tuple[Solo, ...]:
    """Each attempt of the scenario alone, each from the initial state.

    Raises ``PaidonceError`` where an attempt was not under control in any of ``TRIES`` tries, or
    cannot go on although nobody else is there.
    """
    return tuple([await _alone(worlds, one.name) for one in worlds.scenario.attempts])


async def predicted(worlds: ServiceWorlds, watch: float = WATCH_S) -> tuple[Prediction, ...]:
    """What the scenario's attempts could order badly, from a recording of each.

    The service is watched for ``watch`` seconds first, so that what it sends by itself is not taken
    for an attempt's doing. Raises as ``recorded`` does.
    """
    if watch:
        await worlds.watch(watch)
    solos = await recorded(worlds)
    return predict(solos, await asyncio.to_thread(catalog_of, worlds))


def catalog_of(worlds: ServiceWorlds) -> Catalog:
    """What the database of the service consists of."""
    return read_catalog(worlds.bench.postgres_url)


def effects_of(history: History, attempt: str) -> tuple[Effect, ...]:
    """The effects of an attempt that was alone in a history, in the order of their arrival.

    What nobody is known to have sent after it had begun is counted as its own: a worker that takes
    up its job looks like one that looks for jobs by itself.
    """
    own = [effect for _, effect in history.of(Effect) if effect.attempt == attempt]
    began = min((effect.began for effect in own), default=0)
    found = [
        *own,
        *(e for _, e in history.of(Effect) if e.attempt is None and e.began > began),
    ]
    return tuple(sorted(found, key=lambda effect: (effect.began, effect.seq)))


async def _alone(worlds: ServiceWorlds, name: str) -> Solo:
    alone = worlds.telling(worlds.scenario.keeping((name,)))
    for _ in range(TRIES):
        try:
            world = await alone.fresh()
            try:
                return await _played(world, name)
            finally:
                await world.close()
        except InvalidRun as error:
            why = str(error)
    raise PaidonceError(f"{name} could not be recorded alone: {why}")


async def _played(world: ServiceWorld, name: str) -> Solo:
    known = dict(world.reader.names.beforehand)
    while world.pending():
        await world.step(name)
    # What comes after, the looking and the scenario's own afterwards, is nobody's attempt.
    told = History(list(world.memory.events))
    await world.finish()
    return Solo(name, effects_of(told, name), known)
