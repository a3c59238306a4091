"""Follows a schedule as closely as a changed service lets it, to the end.

A strict replay stops at the first difference, and a service that was repaired does differ. To ask
whether the race is gone, the same attempts have to meet in the same order as far as they still
can: a step is looked for by its label; units the witness does not know are passed on the way to
it, but never a write or a call to Stripe on the way to a read, since the order of those is what
the counterexample is about; a step that cannot be found is left out. What remains then runs to
its end, an attempt at a time.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import msgspec

from paidonce.harness.explore.search.execute import MAX_STEPS
from paidonce.harness.explore.search.replay import Divergence
from paidonce.harness.explore.search.types import Expected
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken, World, Worlds
from paidonce.harness.results.words import quoted

_READS = ("postgres select", "postgres with", "postgres table", "postgres values", "postgres show")


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """An execution near a schedule. ``departure`` is the first difference, None without one."""

    taken: tuple[Taken, ...]
    outcome: Hashable
    departure: Divergence | None


async def follow(
    worlds: Worlds, expected: Sequence[Expected], *, max_steps: int = MAX_STEPS
) -> Followed:
    """Make the steps ``expected`` in a fresh world as far as it has them, and all that is left.

    Raises ``InvalidRun`` when the world does, and after ``max_steps`` steps.
    """
    world = await worlds.fresh()
    try:
        return await _Follower(world, expected, max_steps).run()
    finally:
        await world.close()


class _Follower:
    def __init__(self, world: World, expected: Sequence[Expected], max_steps: int) -> None:
        self._world = world
        self._expected = expected
        self._max_steps = max_steps
        self._taken: list[Taken] = []
        self._departure: Divergence | None = None
        self._at = 0

    async def run(self) -> Followed:
        for step in self._expected:
            self._at += 1
            await self._towards(step)
        self._at += 1
        while pending := self._world.pending():
            self._departs("the end", _able(pending))
            last = self._taken[-1].actor if self._taken else None
            names = [choice.actor for choice in pending]
            await self._take(last if last in names else names[0])
        outcome = await self._world.finish()
        return Followed(taken=tuple(self._taken), outcome=outcome, departure=self._departure)

    async def _towards(self, step: Expected) -> None:
        """Make ``step``, after whatever comes before it now; or leave it out."""
        enabled = tuple(choice.actor for choice in self._world.pending())
        if step.enabled is not None and enabled != step.enabled:
            self._departs(f"that {', '.join(step.enabled)} can move", _able(self._world.pending()))
        coming = {
            expected.label
            for expected in self._expected[self._at :]
            if expected.actor == step.actor
        }
        while (label := self._label(step.actor)) is not None:
            if step.label is None or label == step.label:
                await self._take(step.actor)
                return
            self._departs(f"{step.actor} {quoted(step.label)}", quoted(label))
            if label in coming or not _may_pass(label, step.label):
                return
            await self._take(step.actor)
        self._departs(f"that {step.actor} can move", _able(self._world.pending()))

    async def _take(self, actor: str) -> None:
        if len(self._taken) >= self._max_steps:
            raise InvalidRun(f"the execution did not end within {self._max_steps} steps")
        self._taken.append(await self._world.step(actor))

    def _label(self, actor: str) -> str | None:
        """Return the label of the step that ``actor`` would make next; None when it cannot move."""
        pending = self._world.pending()
        return next((choice.label for choice in pending if choice.actor == actor), None)

    def _departs(self, expected: str, found: str) -> None:
        if self._departure is None:
            self._departure = Divergence(step=self._at, expected=expected, found=found)


def _may_pass(label: str, wanted: str) -> bool:
    """Return whether a unit that the witness does not know may go by on the way to the wanted
    one."""
    return _weight(label) <= _weight(wanted)


def _weight(label: str) -> int:
    """0 for what only looks, 1 for other work on the database or in Redis, 2 for Stripe."""
    words = label.lower()
    if words.startswith("stripe"):
        return 2
    if words.startswith(_READS):
        changes = any(f"{verb} " in words for verb in ("insert", "update", "delete", "merge"))
        return 1 if changes and " for update" not in words else 0
    return 1 if words.startswith(("postgres", "redis")) else 0


def _able(pending: tuple[Pending, ...]) -> str:
    if not pending:
        return "that nobody can"
    return "that these can: " + ", ".join(
        f"{choice.actor} {quoted(choice.label)}" for choice in pending
    )
