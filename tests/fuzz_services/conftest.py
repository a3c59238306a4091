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
from pieces import service
from programme import Service
from searching import Searcher, open_searcher
from truth import Truth

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
    worker_number,
)

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
        self.truth = Truth(
            os.environ[POSTGRES_VARIABLE], urlunsplit(redis._replace(path=f"/{number}"))
        )

    def compared(self, of: Service, effort: Effort) -> Comparison:
        return self._runner.run(self._compared(of, effort))

    async def _compared(self, of: Service, effort: Effort) -> Comparison:
        if self._searcher is None:
            self._searcher = await self._exits.enter_async_context(
                open_searcher(
                    service(0),
                    self._folder,
                    os.environ[POSTGRES_VARIABLE],
                    redis_url_of_worker(os.environ[REDIS_VARIABLE]),
                )
            )
        return await Comparer(self._searcher, self.truth, effort).compare(of)

    def close(self) -> None:
        self._runner.run(self._exits.aclose())
        self._runner.close()
        self.truth.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    made = Lab(tmp_path_factory.mktemp("services"))
    yield made
    made.close()
