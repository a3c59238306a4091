"""One execution in an order of our choice, to its end wherever it leads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from paidonce.harness.explore.search.execute import MAX_STEPS, Waiting
from paidonce.harness.explore.search.types import Run
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken, Worlds

Choice = Callable[[tuple[Pending, ...], Sequence[Taken]], str]
"""Who moves, of those who can, after the steps that were made."""


@dataclass(frozen=True, slots=True)
class Trial:
    """``departed`` is the step (from 0) at which the actor that was to move could not, None if
    each could: from there on it went as it liked."""

    taken: tuple[Taken, ...]
    outcome: Hashable
    departed: int | None = None

    @property
    def run(self) -> Run:
        return Run(taken=self.taken, outcome=self.outcome)


async def in_order(worlds: Worlds, schedule: Sequence[str]) -> Trial:
    """An execution in which the actors move in this order, as long as they can.

    Raises ``InvalidRun`` as worlds do.
    """
    departed: int | None = None

    def choose(pending: tuple[Pending, ...], taken: Sequence[Taken]) -> str:
        nonlocal departed
        at, able = len(taken), [choice.actor for choice in pending]
        if departed is None:
            if at < len(schedule) and schedule[at] in able:
                return schedule[at]
            departed = at
        return going_on([choice.actor for choice in pending if not choice.deferred] or able, taken)

    taken, outcome = await chosen(worlds, choose)
    if departed is None and len(taken) < len(schedule):
        departed = len(taken)
    return Trial(taken, outcome, departed)


async def chosen(worlds: Worlds, choose: Choice) -> tuple[tuple[Taken, ...], Hashable]:
    """The steps and the outcome of an execution with these choices.

    Raises ``InvalidRun`` as worlds do, and where it does not end.
    """
    world = await worlds.fresh()
    try:
        taken: list[Taken] = []
        waiting = Waiting()
        while pending := world.pending():
            if len(taken) >= MAX_STEPS:
                raise InvalidRun(f"the execution did not end within {MAX_STEPS} steps")
            taken.append(waiting.widened(await world.step(choose(pending, taken))))
        return tuple(taken), await world.finish()
    finally:
        await world.close()


def going_on(able: Sequence[str], taken: Sequence[Taken]) -> str:
    """Whoever moved last, if that can go on."""
    mover = taken[-1].actor if taken else None
    return mover if mover is not None and mover in able else able[0]
