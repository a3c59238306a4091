"""Which steps do not commute although their footprints say so: what trying them has shown.

Steps are told by their *kind*: what they are called, whoever makes them. Two kinds that were found
not to commute meet in a place of their own from then on, in what is expected of a step and in what
it is said to have touched.
"""

from __future__ import annotations

from collections.abc import Hashable

import msgspec

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search.world import Pending, Taken, World, Worlds

Pair = tuple[str, str]
"""Two kinds of steps, the lesser first; both may be the same."""


def kind(actor: str, label: str) -> str:
    """The kind of a step of ``actor``: its label, with its own values by their numbers alone."""
    return label.replace(f"{actor}#", "#")


def pair(one: str, other: str) -> Pair:
    return (one, other) if one <= other else (other, one)


class Learning:
    """``worlds`` in which ``pairs`` of kinds do not commute."""

    def __init__(self, worlds: Worlds, pairs: frozenset[Pair]) -> None:
        self._worlds = worlds
        self._meeting: dict[str, Footprint] = {}
        for number, kinds in enumerate(sorted(pairs)):
            place = frozenset({Resource(("learnt", str(number)))})
            for one in kinds:
                known = self._meeting.get(one, Footprint())
                self._meeting[one] = known.union(Footprint(publishes=place))

    async def fresh(self) -> World:
        world = await self._worlds.fresh()
        return _Learning(world, self._meeting) if self._meeting else world


class _Learning:
    def __init__(self, world: World, meeting: dict[str, Footprint]) -> None:
        self._world = world
        self._meeting = meeting

    def pending(self) -> tuple[Pending, ...]:
        return tuple(
            choice
            if (more := self._meeting.get(kind(choice.actor, choice.label))) is None
            else msgspec.structs.replace(choice, footprint=choice.footprint.union(more))
            for choice in self._world.pending()
        )

    async def step(self, actor: str) -> Taken:
        step = await self._world.step(actor)
        more = self._meeting.get(kind(step.actor, step.label))
        if more is None:
            return step
        return msgspec.structs.replace(step, footprint=step.footprint.union(more))

    async def finish(self) -> Hashable:
        return await self._world.finish()

    async def close(self) -> None:
        await self._world.close()
