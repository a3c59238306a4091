"""How many executions a search makes, and how long it takes, as the service does more."""

from __future__ import annotations

import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.exploration import SearchRequest, explore, opened
from paidonce.harness.explore.search import Budget, Ending, RandomWalk
from paidonce.harness.explore.search.execute import execute
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, Stack, open_stack
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "explore" / "chatty"))

import chatty_target

PROBES = 10


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One search. ``x`` is the number of attempts or statements; if it did not end within its
    time, ``complete`` is false, and ``executions`` and ``seconds`` are lower bounds."""

    x: int
    reduced: bool
    executions: int
    seconds: float
    steps: int
    complete: bool
    estimate: float | None = None
    """The decimal logarithm of how many executions there are, for a full search cut short."""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """``attempts``: the reference service with ``guard``; ``statements``: the chatty shop."""

    guard: str
    attempts: tuple[Point, ...]
    statements: tuple[Point, ...]
    lanes: int
    limits: tuple[float, float]
    """Seconds for a search with and without reduction."""
    load: tuple[float, float]
    python: str


async def against_attempts(
    guard: str, numbers: list[int], lanes: int, limits: tuple[float, float]
) -> tuple[Point, ...]:
    """The reference service, two_tabs, with 2 and more tabs."""
    points = []
    async with open_stack(Described(TARGET), Choice()) as stack:
        for number in numbers:
            story = scenario("two_tabs").with_attempts(number)
            points += await _both(stack, story, guard, number, lanes, limits)
    return tuple(points)


async def against_statements(
    numbers: list[int], lanes: int, limits: tuple[float, float]
) -> tuple[Point, ...]:
    """The chatty shop, locked, two clients, with few and many statements each."""
    points = []
    async with open_stack(Described(chatty_target.TARGET), Choice()) as stack:
        for number in numbers:
            story = chatty_target.story(number)
            points += await _both(stack, story, "locked", number, lanes, limits)
    return tuple(points)


async def _both(
    stack: Stack, story: Scenario, variant: str, x: int, lanes: int, limits: tuple[float, float]
) -> list[Point]:
    async with _opened(stack, story, variant, lanes) as worlds:
        return [
            await _point(worlds, story, variant, x, way, limit)
            for way, limit in zip(("dpor", "dfs"), limits, strict=True)
        ]


@asynccontextmanager
async def _opened(stack: Stack, story: Scenario, variant: str, lanes: int) -> AsyncIterator[Any]:
    async with opened(stack, story, variant, lanes) as worlds:
        # The first execution of a service is not like those after it.
        await explore(
            worlds, SearchRequest(scenario=story, variant=variant, budget=Budget(schedules=2))
        )
        yield worlds


async def _point(
    worlds: list[ServiceWorlds],
    story: Scenario,
    variant: str,
    x: int,
    way: str,
    limit: float,
) -> Point:
    request = SearchRequest(
        scenario=story,
        variant=variant,
        search=way,
        lanes=len(worlds),
        stop_at_first=False,
        budget=Budget(seconds=limit),
    )
    result = (await explore(worlds, request)).result
    if result.ending is Ending.COUNTEREXAMPLE or result.counts.invalid:
        raise PaidonceError(f"{variant}, {x}: {result.ending} {result.reason} {result.invalid}")
    complete = result.ending is Ending.COMPLETE
    estimate = None
    if not complete and way == "dfs":
        estimate = await _estimate(worlds[0])
    return Point(
        x=x,
        reduced=way == "dpor",
        executions=result.counts.executions,
        seconds=result.seconds,
        steps=result.counts.longest,
        complete=complete,
        estimate=estimate,
    )


async def _estimate(worlds: ServiceWorlds) -> float:
    """The decimal logarithm of how many schedules there are.

    Walks down the tree of choices at random; the mean of the products of how many could move is
    an unbiased estimate of its leaves (Knuth, *Estimating the efficiency of backtrack programs*,
    Mathematics of Computation 29, 1975). Of few walks it is rather too small than too large.
    """
    products = []
    scheduler = RandomWalk(seed=0, runs=PROBES)
    for plan in scheduler.upcoming(PROBES):
        run = await execute(worlds, plan)
        choices = [len(step.enabled) for step in run.taken if not step.footprint.empty]
        products.append(math.fsum(math.log10(number) for number in choices))
    most = max(products)
    return most + math.log10(math.fsum(10 ** (one - most) for one in products) / len(products))
