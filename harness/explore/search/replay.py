"""Follows a schedule exactly, and says where an execution first departs from it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.explore.search.alike import alike
from paidonce.harness.explore.search.execute import MAX_STEPS
from paidonce.harness.explore.search.types import SERVINGS, Expected, Run, Schedule
from paidonce.harness.explore.search.world import (
    ASKS_AGAIN,
    REDELIVERY,
    Pending,
    Taken,
    World,
    Worlds,
)
from paidonce.harness.results.words import quoted


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """The first difference, at ``step`` (from 1)."""

    step: int
    expected: str
    found: str

    def __str__(self) -> str:
        return f"step {self.step}: expected {self.expected}, found {self.found}"


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """``run`` ends where the replay did; it has an outcome only without a divergence.

    ``served_another`` if that came right after several had waited: the server chooses which of
    them goes on, and no schedule does (see ``ServedAnother``).
    """

    run: Run
    divergence: Divergence | None = None
    served_another: bool = False


def expectations(taken: Sequence[Taken]) -> tuple[Expected, ...]:
    """Return the labels, and who could move, with which a replay of these steps is to be
    compared."""
    return tuple(
        Expected(actor=step.actor, label=step.label, enabled=step.enabled) for step in taken
    )


def bare(schedule: Schedule) -> tuple[Expected, ...]:
    """The same for a schedule of which nothing but the actors is known."""
    return tuple(Expected(actor=actor) for actor in schedule)


async def replay(
    worlds: Worlds, expected: Sequence[Expected], *, max_steps: int = MAX_STEPS
) -> Replayed:
    """Make exactly the steps ``expected`` in a fresh world, which has to be over then.

    It is made again where the server served another than it did then, as a search does.

    Raises ``InvalidRun`` when the world does. A divergence is no error: it is in the answer.
    """
    for _ in range(SERVINGS):
        replayed = await _once(worlds, expected[:max_steps])
        if not replayed.served_another:
            return replayed
    return await _once(worlds, expected[:max_steps])


async def _once(worlds: Worlds, expected: Sequence[Expected]) -> Replayed:
    world = await worlds.fresh()
    try:
        return await _follow(world, expected)
    finally:
        await world.close()


async def _follow(world: World, expected: Sequence[Expected]) -> Replayed:
    taken: list[Taken] = []
    waiting: set[str] = set()
    several = False
    for at, step in enumerate(expected):
        pending = world.pending()
        divergence = _ahead(at, step, pending)
        another = several and divergence is not None
        if divergence is None:
            several = len(waiting) > 1
            made = await world.step(step.actor)
            taken.append(made)
            waiting -= {*made.woken}
            waiting |= {made.actor} if made.blocked else set()
            divergence = _behind(at, step, made)
        if divergence is not None:
            rest = tuple(choice.actor for choice in world.pending())
            run = Run(taken=tuple(taken), rest=rest)
            return Replayed(run=run, divergence=divergence, served_another=another)
    pending = world.pending()
    if pending:
        return Replayed(
            run=Run(taken=tuple(taken), rest=tuple(choice.actor for choice in pending)),
            divergence=Divergence(step=len(taken) + 1, expected="the end", found=_able(pending)),
        )
    return Replayed(run=Run(taken=tuple(taken), outcome=await world.finish()))


def _ahead(at: int, expected: Expected, pending: tuple[Pending, ...]) -> Divergence | None:
    enabled = tuple(choice.actor for choice in pending)
    labels = {choice.actor: choice.label for choice in pending}
    if expected.enabled is not None:
        # An older witness does not count who could have delivered a refused webhook again.
        again = (REDELIVERY, ASKS_AGAIN)
        enabled = tuple(a for a in enabled if a in expected.enabled or labels[a] not in again)
    if expected.enabled is not None and expected.enabled != enabled:
        wanted = f"that {', '.join(expected.enabled) or 'nobody'} can move"
    elif expected.actor not in enabled:
        wanted = f"that {expected.actor} can move"
    elif expected.label is not None and not alike(expected.label, labels[expected.actor]):
        wanted = f"{expected.actor} {quoted(expected.label)}"
        return Divergence(step=at + 1, expected=wanted, found=quoted(labels[expected.actor]))
    else:
        return None
    return Divergence(step=at + 1, expected=wanted, found=_able(pending))


def _behind(at: int, expected: Expected, made: Taken) -> Divergence | None:
    if expected.label is None or alike(expected.label, made.label):
        return None
    wanted = f"{expected.actor} {quoted(expected.label)}"
    return Divergence(step=at + 1, expected=wanted, found=repr(made.label))


def _able(pending: tuple[Pending, ...]) -> str:
    if not pending:
        return "that nobody can"
    return "that these can: " + ", ".join(
        f"{choice.actor} {quoted(choice.label)}" for choice in pending
    )
