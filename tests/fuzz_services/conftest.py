"""One service process under taps and one truth for all services of a session."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent / "generic"))

from comparing import Comparer, Comparison, Effort
from comparing_failures import FailureComparer, OfKind, Tries
from kills import Kills
from pieces import service
from programme import Service
from searching import Found, Searcher, open_searcher
from truth import Truth

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
    worker_number,
)
from paidonce.harness.explore.search import Budget

_FIRST_OF_TRUTH = 15
"""Databases of Redis from this one downwards are the truth's, one a worker."""


class Lab:
    """Compares services as they come."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._exits = AsyncExitStack()
        self._folder = folder
        self._searcher: Searcher | None = None
        redis = urlsplit(os.environ[REDIS_VARIABLE])
        number = _FIRST_OF_TRUTH - worker_number()
        self.truth = self._truth(urlunsplit(redis._replace(path=f"/{number}")))

    def _truth(self, redis_url: str) -> Truth:
        return Truth(os.environ[POSTGRES_VARIABLE], redis_url)

    def compared(self, of: Service, effort: Effort) -> Comparison:
        return self._runner.run(self._compared(of, effort))

    async def _compared(self, of: Service, effort: Effort) -> Comparison:
        return await Comparer(await self._searching(), self.truth, effort).compare(of)

    async def _searching(self) -> Searcher:
        if self._searcher is None:
            self._searcher = await self._exits.enter_async_context(
                open_searcher(
                    service(0),
                    self._folder,
                    os.environ[POSTGRES_VARIABLE],
                    redis_url_of_worker(os.environ[REDIS_VARIABLE]),
                )
            )
        return self._searcher

    def close(self) -> None:
        self._runner.run(self._exits.aclose())
        self._runner.close()
        self.truth.close()


class FailingLab(Lab):
    """Compares services under failures."""

    truth: Kills

    def _truth(self, redis_url: str) -> Truth:
        return Kills(os.environ[POSTGRES_VARIABLE], redis_url, "kills")

    def compared(self, of: Service, kind: str, tries: Tries, *, blind: bool = False) -> Comparison:
        async def compare() -> Comparison:
            searcher = await self._searching()
            return await FailureComparer(searcher, self.truth, tries, blind=blind).compare(of, kind)

        return self._runner.run(compare())

    def searched(self, of: Service, kind: str) -> tuple[Found, Found]:
        """Search with reduction, and without any."""

        async def search() -> tuple[Found, Found]:
            searcher = await self._searching()
            budget, chosen = Budget(schedules=2000), OfKind(kind)
            reduced = await searcher.search(of, "dpor", budget, None, chosen)
            return reduced, await searcher.search(of, "dfs", budget, None, chosen)

        return self._runner.run(search())


@pytest.fixture(scope="session")
def failing_lab(tmp_path_factory):
    made = FailingLab(tmp_path_factory.mktemp("failing-services"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def kills(failing_lab):
    return failing_lab.truth


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    made = Lab(tmp_path_factory.mktemp("services"))
    yield made
    made.close()
