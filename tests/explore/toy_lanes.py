"""Toy worlds as lanes of workers, in other processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from toy_worlds import Programs, ToyWorlds

from paidonce.harness.explore.cluster.crew import Crew, LostTooOften
from paidonce.harness.explore.search.lane import PlanResult, Repetition, make
from paidonce.harness.explore.search.types import Plan

VICTIM = "victim"


@dataclass(frozen=True)
class ToyLane:
    """Opens toy worlds. ``folder`` gets a file for each lane while it is open."""

    programs: Programs
    folder: Path

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[ToyWorlds]:
        mark = self.folder / f"{os.getpid()}.lane"
        mark.touch()
        try:
            yield ToyWorlds(self.programs)
        finally:
            mark.unlink()


@dataclass(frozen=True)
class MakeToy:
    """Makes a plan. With a ``trap`` the first who comes to a plan with such a prefix never ends."""

    plan: Plan
    care: Repetition
    trap: Path | None = None

    async def __call__(self, worlds: ToyWorlds) -> PlanResult:
        if self.trap is not None and len(self.plan.prefix) >= 3 and _first(self.trap):
            await asyncio.Event().wait()
        return await make(worlds, self.plan, self.care)


@dataclass(frozen=True)
class Fails:
    error: Exception

    async def __call__(self, worlds: ToyWorlds) -> None:
        raise self.error


@dataclass
class ToysElsewhere:
    """``Elsewhere`` on a crew whose lanes are toy worlds."""

    crew: Crew
    trap: Path | None = None

    @property
    def lanes(self) -> int:
        return self.crew.lanes

    async def make(self, plan: Plan, care: Repetition) -> PlanResult:
        try:
            made = await self.crew.run(MakeToy(plan, care, self.trap))
        except LostTooOften as error:
            return PlanResult(None, (str(error),))
        assert isinstance(made, PlanResult)
        return made


def _first(trap: Path) -> bool:
    """Whether nobody was here before; leaves our pid in the trap, whole."""
    mine = trap / f"{os.getpid()}.pid"
    mine.write_text(str(os.getpid()))
    try:
        os.link(mine, trap / VICTIM)
    except FileExistsError:
        return False
    return True
