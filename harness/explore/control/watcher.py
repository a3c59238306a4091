"""Looks on while a schedule is followed: a wrapper around worlds that tells of every step."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.search.world import Pending, Taken


class Watcher(Protocol):
    """Is told what happens, and may take its time: nothing moves meanwhile.

    What one of the methods raises ends the execution.
    """

    async def began(self, world: ServiceWorld) -> None:
        """A fresh execution, in which nobody has moved."""
        ...

    async def before(self, pending: tuple[Pending, ...], actor: str) -> None:
        """``actor`` is about to move; ``pending`` are all who could."""
        ...

    async def after(self, taken: Taken) -> None:
        """It has moved, and all is at rest."""
        ...


class WatchedWorld:
    """A ``World`` that tells its watcher."""

    def __init__(self, world: ServiceWorld, watcher: Watcher) -> None:
        self._world = world
        self._watcher = watcher

    def pending(self) -> tuple[Pending, ...]:
        return self._world.pending()

    async def step(self, actor: str) -> Taken:
        await self._watcher.before(self._world.pending(), actor)
        taken = await self._world.step(actor)
        await self._watcher.after(taken)
        return taken

    async def finish(self) -> Hashable:
        return await self._world.finish()

    async def close(self) -> None:
        await self._world.close()


class WatchedWorlds:
    """``Worlds`` whose executions tell ``watcher``."""

    def __init__(self, worlds: ServiceWorlds, watcher: Watcher) -> None:
        self._worlds = worlds
        self._watcher = watcher

    async def fresh(self) -> WatchedWorld:
        world = await self._worlds.fresh()
        try:
            await self._watcher.began(world)
        except BaseException:
            await world.close()
            raise
        return WatchedWorld(world, self._watcher)
