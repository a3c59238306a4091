"""Makes one execution in a fresh world, and trusts nothing that can be checked on the way.

Footprints are *widened* here: a step that conflicts with what somebody waits for touches all of
that. Of two who share a lock that a third waits for, the last to let go sets the third going,
whichever that is; so either may, and their order matters although neither keeps the other out.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search.alike import alike
from paidonce.harness.explore.search.types import (
    Expected,
    Nondeterministic,
    Plan,
    Run,
    ServedAnother,
)
from paidonce.harness.explore.search.unnamed import beyond, compared, words
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken, World, Worlds
from paidonce.harness.results.words import quoted

MAX_STEPS = 100_000
"""An execution longer than this is taken to be endless."""


async def execute(
    worlds: Worlds, plan: Plan, *, in_turn: bool = False, max_steps: int = MAX_STEPS
) -> Run:
    """Carry out ``plan``; the world is closed whatever happens.

    ``in_turn`` asks for an execution in which those who wait for one thing are served in turn.

    Raises ``InvalidRun`` when the world does, when the repeated part is not what it was, when
    the world contradicts itself, and after ``max_steps`` steps.
    """
    world = await worlds.fresh()
    try:
        return await _run(world, plan, max_steps, in_turn=in_turn)
    finally:
        await world.close()


async def _run(world: World, plan: Plan, max_steps: int, *, in_turn: bool) -> Run:
    taken: list[Taken] = []
    waiting = Waiting()
    several = False
    guide = plan.guide()
    while able := world.pending():
        enabled = tuple([choice.actor for choice in able])
        pending = tuple([choice for choice in able if not choice.deferred])
        choices = tuple([choice.actor for choice in pending])
        at = len(taken)
        if taken:
            check_persistence(at - 1, taken[-1], enabled)
        if at >= max_steps:
            raise InvalidRun(f"the execution did not end within {max_steps} steps")
        expected = plan.prefix[at] if at < len(plan.prefix) else None
        if expected is not None:
            try:
                check_ahead(at, expected, pending)
            except InvalidRun as error:
                raise (ServedAnother(str(error)) if several else error) from None
        actor = guide.choose(pending) if expected is None else expected.actor
        if actor is None:
            return Run(taken=tuple(taken), rest=choices, pruned=True)
        if actor not in choices:
            raise InvalidRun(f"step {at + 1}: {actor} cannot move; can: {_names(choices)}")
        several = waiting.several
        step = await world.step(actor)
        if step.actor != actor or step.enabled != enabled:
            raise InvalidRun(
                f"step {at + 1}: {actor} was let go while {_names(enabled)} could move, but "
                f"{step.actor} was reported to have moved while {_names(step.enabled)} could"
            )
        if in_turn and (passed := waiting.passed_over(step)):
            raise ServedAnother(f"step {at + 1}: {passed} waited longer than {_names(step.woken)}")
        step = waiting.widened(step)
        if choices != enabled:
            step = msgspec.structs.replace(step, choices=choices)
        if expected is not None:
            check_behind(at, expected, step)
        else:
            guide.took(step)
        taken.append(step)
    if len(taken) < len(plan.prefix):
        raise InvalidRun(
            f"step {len(taken) + 1}: expected {_said(plan.prefix[len(taken)])}, but nobody can move"
        )
    if taken:
        check_persistence(len(taken) - 1, taken[-1], ())
    return Run(taken=tuple(taken), outcome=await world.finish())


class Waiting:
    """The footprints that those who wait want, as their last steps told."""

    def __init__(self) -> None:
        self._wanted: dict[str, Footprint] = {}

    @property
    def several(self) -> bool:
        """Return whether more than one waits."""
        return len(self._wanted) > 1

    def passed_over(self, step: Taken) -> str | None:
        """Return who waited longer than somebody whom ``step`` set going, and for the same
        locks."""
        for woken in self._wanted.keys() & set(step.woken):
            for (
                actor,
                footprint,
            ) in self._wanted.items():  # in the order in which they began to wait
                if actor == woken:
                    break
                locks = self._wanted[woken].locks
                if actor not in step.woken and locks and _the_same(footprint.locks, locks):
                    return actor
        return None

    def widened(self, step: Taken) -> Taken:
        """``step`` with the footprints of all waiting steps it conflicts with or sets going.

        Remembers it if it has to wait. Raises ``InvalidRun`` if that step touches nothing: then
        nothing would be known to matter to it, although somebody has to set it going.
        """
        if step.blocked and step.footprint.empty:
            raise InvalidRun(
                f"{step.actor} waits after {quoted(step.label)}, which touches nothing"
            )
        footprint = step.footprint
        for actor, wanted in self._wanted.items():
            if actor in step.woken or step.footprint.conflicts(wanted):
                footprint = footprint.union(wanted)
        for actor in step.woken:
            self._wanted.pop(actor, None)
        if step.blocked:
            self._wanted[step.actor] = step.footprint
        if footprint == step.footprint:
            return step
        return msgspec.structs.replace(step, footprint=footprint)


def _the_same(some: frozenset[Resource], others: frozenset[Resource]) -> bool:
    """Return whether two wait for the same, of which their conditions may say more or less.

    ``WHERE id = 1`` and ``WHERE id = 1 AND status = 'unpaid'`` are about one row.
    """
    return some == others or all(
        any(resource.overlaps(other) for other in rest)
        for mine, rest in ((some, others), (others, some))
        for resource in mine
    )


def check_ahead(at: int, expected: Expected, pending: tuple[Pending, ...]) -> None:
    """Compare who can move with what was expected; ``at`` counts from 0."""
    enabled = tuple(choice.actor for choice in pending)
    if expected.actor not in enabled:
        raise InvalidRun(
            f"step {at + 1}: expected {_said(expected)}, found that only {_names(enabled)} can move"
        )
    if expected.enabled is not None and expected.enabled != enabled:
        raise InvalidRun(
            f"step {at + 1}: expected that {_names(expected.enabled)} can move, "
            f"found {_names(enabled)}"
        )


def check_behind(at: int, expected: Expected, step: Taken) -> None:
    """Compare a repeated step with what it was; ``at`` counts from 0.

    Its footprint may be smaller than the one recorded, which then still says too much. A larger
    one would mean that it was relied on in vain. Raises ``Nondeterministic``, ``Unnamed`` where
    only values differ, and ``InvalidRun``.
    """
    if expected.label is not None and not alike(expected.label, step.label):
        raise Nondeterministic(
            f"not deterministic: after the same choices, step {at + 1} was {_said(expected)} "
            f"and is now {quoted(step.label)}"
        )
    known, now = expected.footprint, step.footprint
    if known is None or known == now or known.union(now) == known:
        return
    said = f"step {at + 1}: {_said(expected)}"
    more = [
        *beyond(known.looks, now.looks),
        *beyond(known.locks, now.locks),
        *beyond(known.publishes, now.publishes),
    ]
    if more:
        compared(said, known, now)
        raise InvalidRun(
            f"{said} touched more than it did before after the same choices: {words(more[0])}. "
            "Something decides that which is no step: a random value, the clock, or what an "
            "earlier execution has left behind ([reset], snapshot = true)"
        )


def check_persistence(at: int, step: Taken, enabled: Container[str]) -> None:
    """Nobody but an actor itself may make it unable to move.

    Waiting starts with a step of one's own (a statement that has to wait for a lock), so an
    actor that could move still can after a step of another. The reductions rely on it.
    """
    gone = [actor for actor in step.enabled if actor != step.actor and actor not in enabled]
    if gone:
        raise InvalidRun(
            f"step {at + 1}: {_names(tuple(gone))} could move and no longer can after "
            f"{step.actor} moved ({quoted(step.label)})"
        )


def _names(actors: tuple[str, ...]) -> str:
    return ", ".join(actors) if actors else "nobody"


def _said(expected: Expected) -> str:
    return (
        expected.actor if expected.label is None else f"{expected.actor} {quoted(expected.label)}"
    )
