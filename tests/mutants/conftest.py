"""Mutants written once a session, and what searches and plays them."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from copies import write_copies
from mutants import MUTANTS, Mutant
from searching_mutants import MutantSearcher, Searched, open_mutant_searcher
from threads import Surroundings

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
    worker_number,
)

_FIRST_OF_THREADS = 15
"""Databases of Redis from this one downwards are the threads', one a worker."""


class MutantLab:
    """One stack for all mutants of a session."""

    def __init__(self, start: Path) -> None:
        self._runner, self._exits = asyncio.Runner(), AsyncExitStack()
        self._start = start
        self._searcher: MutantSearcher | None = None

    def searched(self, mutant: Mutant) -> Searched:
        return self._runner.run(self._searched(mutant))

    async def _searched(self, mutant: Mutant) -> Searched:
        if self._searcher is None:
            postgres = os.environ[POSTGRES_VARIABLE]
            redis = redis_url_of_worker(os.environ[REDIS_VARIABLE])
            opening = open_mutant_searcher(self._start, MUTANTS, postgres, redis)
            self._searcher = await self._exits.enter_async_context(opening)
        return await self._searcher.search(mutant)

    def close(self) -> None:
        self._runner.run(self._exits.aclose())
        self._runner.close()


@pytest.fixture(scope="session")
def mutants_start(tmp_path_factory):
    return write_copies(tmp_path_factory.mktemp("mutants"), MUTANTS)


@pytest.fixture(scope="session")
def mutant_lab(mutants_start):
    lab = MutantLab(mutants_start)
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def surroundings(mutants_start):
    redis = urlsplit(os.environ[REDIS_VARIABLE])
    path = f"/{_FIRST_OF_THREADS - worker_number()}"
    made = Surroundings(
        os.environ[POSTGRES_VARIABLE], urlunsplit(redis._replace(path=path)), mutants_start
    )
    yield made
    made.close()
