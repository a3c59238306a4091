"""Searches mutants as ``paidonce explore`` searches the reference service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from mutants import Mutant

from paidonce.harness.explore.exploration import SearchRequest, exit_code, explore, opened
from paidonce.harness.explore.search import Budget
from paidonce.harness.results.proof import Variant
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import Choice, Stack, open_stack
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

SECONDS = 120


@dataclass(frozen=True)
class Searched:
    """How the search of a mutant ended: ``code`` as the command's."""

    code: int
    reason: str
    executions: int

    @property
    def verdict(self) -> str:
        return {0: "sound", 1: "broken"}.get(self.code, "not decided")


class MutantSearcher:
    """One stack for all mutants of a run."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    async def search(self, mutant: Mutant, seconds: float = SECONDS) -> Searched:
        story = scenario(mutant.scenario)
        request = SearchRequest(scenario=story, variant=mutant.name, budget=Budget(seconds=seconds))
        async with opened(self._stack, story, mutant.name, 1) as worlds:
            result = (await explore(worlds, request)).result
        return Searched(exit_code(result), result.reason, result.counts.explored)


@asynccontextmanager
async def open_mutant_searcher(
    start: Path, mutants: tuple[Mutant, ...], postgres: str, redis: str
) -> AsyncIterator[MutantSearcher]:
    target = msgspec.structs.replace(
        TARGET,
        name="mutants",
        command=("{python}", str(start), "{variant}"),
        migrate=("{python}", str(start), "migrate"),
        variants=tuple(Variant(name=m.name, title=m.why, sound=m.sound) for m in mutants),
    )
    async with open_stack(Described(target), Choice(postgres=postgres, redis=redis)) as stack:
        yield MutantSearcher(stack)
