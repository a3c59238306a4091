"""Lets pytest tell the stories: ``pytest scenarios``, ``pytest scenarios/two_tabs.py -k none``.

Each worker of pytest-xdist has its own databases, Stripe and Redis; with ``--dist loadgroup``
the stories of one running service stay on one worker, so that it is started once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from paidonce.harness.backends.shared import POSTGRES_VARIABLE, REDIS_VARIABLE, redis_url_of_worker
from paidonce.harness.scenario.model import Scenario
from paidonce.harness.scenario.play import missing, play_scenario
from paidonce.harness.scenario.pytest_case import Player
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.stack import Choice, Lane, Stack, open_stack
from paidonce.scenarios.reference import TARGET

_HOLD_BY_DEFAULT = ("redis_lock", "row_lock")
"""Sound guards for which the stories that need a service of their own are told in every run: one
that rests on a lease besides, and one that does not. ``-m ""`` tells them for all."""


class Benches:
    """The running service that was asked for last; another one takes its place when needed."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._exits = AsyncExitStack()
        self._current = AsyncExitStack()
        self._stack: Stack | None = None
        self._lane: Lane | None = None
        self._key: object = None
        self._bench: Bench | None = None

    def bench(self, variant: str, settings: Mapping[str, str]) -> Bench:
        """The target running as ``variant`` with ``settings``."""
        key = (variant, tuple(sorted(settings.items())))
        if self._bench is None or key != self._key:
            self._bench = self._runner.run(self._switch(variant, settings))
            self._key = key
        return self._bench

    async def _switch(self, variant: str, settings: Mapping[str, str]) -> Bench:
        await self._current.aclose()
        if self._stack is None:
            stack = open_stack(Described(TARGET), _choice())
            self._stack = await self._exits.enter_async_context(stack)
            self._lane = await self._stack.lane()
        assert self._lane is not None
        bench = self._stack.bench(self._lane, variant, settings)
        return await self._current.enter_async_context(bench)

    def close(self) -> None:
        """Stop the service and the stack."""
        self._runner.run(self._current.aclose())
        self._runner.run(self._exits.aclose())


def _choice() -> Choice:
    """The servers of this test run (see ``conftest.py`` at the top), and a Stripe of our own."""
    return Choice(
        postgres=os.environ.get(POSTGRES_VARIABLE, "embedded"),
        redis=(
            redis_url_of_worker(os.environ[REDIS_VARIABLE])
            if REDIS_VARIABLE in os.environ
            else "embedded"
        ),
        stripe=os.environ.get("PAIDONCE_STRIPE", "simulator"),
    )


def _settings(scenario: Scenario) -> dict[str, str]:
    return {k: v for k, v in scenario.settings.items() if k in TARGET.settings}


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="session")
def benches(runner: asyncio.Runner) -> Iterator[Benches]:
    made = Benches(runner)
    yield made
    made.close()


@pytest.fixture
def play(benches: Benches, runner: asyncio.Runner, tmp_path: Path) -> Player:
    """Plays a scenario on a guard and returns the history's path."""
    numbers = itertools.count(1)

    def play_it(scenario: Scenario, variant: str) -> Path:
        bench = benches.bench(variant, _settings(scenario))
        reason = missing(scenario, bench)
        if reason is not None:
            pytest.skip(reason)
        path = tmp_path / f"{scenario.name}-{variant}-{next(numbers)}.jsonl"
        return runner.run(play_scenario(scenario, bench, path))

    return play_it


def _is_slow(scenario: Scenario, guard: str) -> bool:
    """Return whether a story needs a service of its own, and time, to tell once more of a guard
    that holds what it tells of others."""
    return bool(_settings(scenario)) and guard not in {*scenario.breaks, *_HOLD_BY_DEFAULT}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    scenario = getattr(metafunc.function, "scenario", None)
    if isinstance(scenario, Scenario) and "guard" in metafunc.fixturenames:
        settings = "-".join(f"{k}={v}" for k, v in sorted(_settings(scenario).items()))
        cases = [
            pytest.param(
                variant.name,
                id=variant.name,
                marks=[
                    pytest.mark.xdist_group(f"{variant.name}-{settings}"),
                    *[pytest.mark.slow] * _is_slow(scenario, variant.name),
                ],
            )
            for variant in TARGET.variants
        ]
        metafunc.parametrize("guard", cases)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories of one running service next to each other; everything else stays where it is."""
    places = [n for n, item in enumerate(items) if _group(item) is not None]
    told = sorted((items[n] for n in places), key=lambda item: _group(item) or "")
    for place, item in zip(places, told, strict=True):
        items[place] = item


def _group(item: pytest.Item) -> str | None:
    if "play" not in getattr(item, "fixturenames", ()):
        return None
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark is not None and mark.args else None
