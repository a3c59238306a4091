"""The reference service under control, started once for many tests: that takes longer than they do.

What a search may learn of a service (``Background``, what is warm) belongs to the worlds, which are
made anew each time; every execution begins with orders of its own and an empty Stripe and Redis.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.readers import openers
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Choice, Stack, open_stack
from paidonce.scenarios.reference import TARGET

T = TypeVar("T")
WITHIN_S = 600
MOST = 4
"""Services kept running; the one that was asked for longest ago makes way."""

_Key = tuple[str, tuple[tuple[str, str], ...], int]
"""The guard, the story's settings, and the number of the lane."""


class ReferenceLab:
    """One stack, and services of some guards on it; opened when first asked for."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None
        self._stack: Stack | None = None
        self._exits = AsyncExitStack()
        self._running: dict[_Key, tuple[Bench, AsyncExitStack]] = {}

    def on(
        self,
        story: Scenario,
        guard: str,
        work: Callable[[list[ServiceWorlds]], Awaitable[T]],
        lanes: int = 1,
    ) -> T:
        """Run ``work`` with new worlds of ``story`` on that many services with ``guard``."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(asyncio.wait_for(self._on(story, guard, work, lanes), WITHIN_S))

    def close(self) -> None:
        """Stop whatever runs."""
        if self._runner is not None:
            with self._runner:
                self._runner.run(self._close())
            self._runner = self._stack = None

    async def _on(
        self,
        story: Scenario,
        guard: str,
        work: Callable[[list[ServiceWorlds]], Awaitable[T]],
        lanes: int,
    ) -> T:
        made: list[ServiceWorlds] = []
        try:
            for number in range(lanes):
                made.append(ServiceWorlds(story, await self._bench(story, guard, number)))
            done = await work(made)
        except BaseException:  # it may be left in the middle of something
            await self._close()
            raise
        for worlds in made:
            await worlds.close()
        return done

    async def _bench(self, story: Scenario, guard: str, number: int) -> Bench:
        key = (guard, tuple(sorted(story.settings.items())), number)
        if key in self._running:
            self._running[key] = self._running.pop(key)  # the last one to make way
            return self._running[key][0]
        while len(self._running) >= MOST:
            oldest = next(iter(self._running))
            await self._running.pop(oldest)[1].aclose()
        if self._stack is None:
            choice = Choice(
                postgres=os.environ[POSTGRES_VARIABLE],
                redis=redis_url_of_worker(os.environ[REDIS_VARIABLE]),
            )
            self._stack = await self._exits.enter_async_context(
                open_stack(Described(TARGET), choice)
            )
        exits = AsyncExitStack()
        bench = await exits.enter_async_context(
            self._stack.bench(
                await self._stack.lane(), guard, dict(story.settings), controlled_by=openers()
            )
        )
        self._running[key] = bench, exits
        return bench

    async def _close(self) -> None:
        while self._running:
            _, (_, exits) = self._running.popitem()
            await exits.aclose()
        await self._exits.aclose()
        self._stack = None


LAB = ReferenceLab()
"""That of this process; ``tests/conftest.py`` closes it."""
