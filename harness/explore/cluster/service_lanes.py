"""Lanes with services of their own in other processes: what a search of a service asks of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.cluster.crew import Crew, LostTooOften
from paidonce.harness.explore.control.alarms import RAISING
from paidonce.harness.explore.control.executions import ServiceWorlds
from paidonce.harness.explore.control.failing import Offers
from paidonce.harness.explore.control.leases import Leases
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.search.lane import PlanResult, Repetition, make
from paidonce.harness.explore.search.types import Plan
from paidonce.harness.explore.search.world import World, Worlds
from paidonce.harness.explore.validate.learnt import Learning
from paidonce.harness.testbed.past_stripe import past_the_tap


def in_mode(worlds: ServiceWorlds, mode: Mode) -> Worlds:
    """``worlds``, searched in ``mode`` from now on."""
    worlds.lapse(mode.lapse)
    worlds.mode = mode
    return Learning(worlds, mode.pairs) if mode.pairs else worlds


@dataclass(frozen=True, slots=True)
class InMode:
    """``worlds``, in which each execution begins in ``mode``."""

    worlds: ServiceWorlds
    mode: Mode

    async def fresh(self) -> World:
        return await in_mode(self.worlds, self.mode).fresh()


@dataclass(frozen=True, slots=True)
class LaneReport:
    """An execution made elsewhere, and what its lane knows of the service by then."""

    made: PlanResult
    learnt: frozenset[str]
    disturbing: Mapping[str, str]
    surprise: str
    leases: Leases
    timeouts: frozenset[str]
    merged: frozenset[str]
    offers: Offers


@dataclass(frozen=True, slots=True)
class MakeOnService:
    """The job of making one plan's execution on a service."""

    plan: Plan
    care: Repetition
    mode: Mode

    async def __call__(self, worlds: ServiceWorlds) -> LaneReport:
        worlds.alarms = RAISING
        worlds.offers = Offers()
        made = await make(in_mode(worlds, self.mode), self.plan, self.care)
        worlds.offers.known.clear()  # what they are is told
        background = worlds.background
        learnt, disturbing = frozenset(background.learnt), dict(background.disturbing)
        disturbing |= {one: one for one in past_the_tap(worlds.bench)}
        return LaneReport(
            made,
            learnt,
            disturbing,
            worlds.surprise,
            worlds.leases,
            frozenset(worlds.timeouts.found),
            frozenset(worlds.merged),
            worlds.offers,
        )


@dataclass(frozen=True, slots=True)
class WatchAgain:
    """The job of watching a service while nobody moves: whether it does something new."""

    seconds: float

    async def __call__(self, worlds: ServiceWorlds) -> bool:
        return await worlds.watch(self.seconds)


@dataclass(frozen=True, slots=True)
class LookWhetherParted:
    """The job of seeing whether a service does what it did once it was warm; in words if not."""

    async def __call__(self, worlds: ServiceWorlds) -> str:
        return await worlds.parted()


@dataclass
class Elsewhere:
    """``Elsewhere`` (see ``paidonce.harness.explore.search.lane``) for searches of a service.

    What the lanes learn is kept here: a worker that is lost takes nothing with it that what it
    has made relies on.
    """

    crew: Crew
    mode: Mode = field(default_factory=Mode)
    learnt: set[str] = field(default_factory=set)
    disturbing: dict[str, str] = field(default_factory=dict)
    surprises: set[str] = field(default_factory=set)
    leases: Leases = field(default_factory=Leases)
    timeouts: set[str] = field(default_factory=set)
    merged: set[str] = field(default_factory=set)
    offers: Offers = field(default_factory=Offers)

    @property
    def lanes(self) -> int:
        return self.crew.lanes

    async def make(self, plan: Plan, care: Repetition) -> PlanResult:
        try:
            told = await self.crew.run(MakeOnService(plan, care, self.mode))
        except LostTooOften as error:
            return PlanResult(None, (str(error),))
        assert isinstance(told, LaneReport)
        self.learnt |= told.learnt
        self.disturbing.update(told.disturbing)
        self.leases.learn(told.leases)
        self.timeouts |= told.timeouts
        self.merged |= told.merged
        self.offers.add(told.offers)
        if told.surprise:
            self.surprises.add(told.surprise)
        return told.made

    async def watch(self, seconds: float) -> bool:
        """Watch the services of all lanes that are open; whether one did something new."""
        return any(await self.crew.on_all(WatchAgain(seconds)))

    async def parted(self) -> list[str]:
        """Return the ways in which services behave otherwise by now than once they were warm, in
        words."""
        return [one for one in await self.crew.on_all(LookWhetherParted()) if one]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what there is to say of the workers, a sentence each."""
        lost = self.crew.lost
        if not lost:
            return ()
        were = "a worker was" if lost == 1 else f"{lost} workers were"
        return (f"{were} lost; what they had begun was executed again elsewhere",)


async def parted(worlds: Sequence[ServiceWorlds], elsewhere: Elsewhere | None) -> str:
    """Return in words how what was played once the services were warm goes another way by now;
    empty if it does not.

    All lanes play it at once. Raises what one of them raises, when all are through.
    """
    found = await asyncio.gather(*[each.parted() for each in worlds], return_exceptions=True)
    said = list[str]()
    for one in found:
        if isinstance(one, BaseException):
            raise one
        said.append(one)
    if elsewhere is not None:
        said += await elsewhere.parted()
    return next(filter(None, said), "")
