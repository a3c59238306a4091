"""Attempts that went different ways although they were answered the same.

What an attempt does next follows from what it did and was answered before, unless it looks at
something no tap sees: memory that attempts share, a file. So one and the same past with two
futures is a reason to suspect that: of one attempt in two executions, or of two attempts that do
the same. Those begin in one order only, so that the second may never meet what the first met.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from paidonce.harness.explore.search.types import Run
from paidonce.harness.explore.search.world import Worlds
from paidonce.harness.explore.validate.lab import Lab, Refutation
from paidonce.harness.explore.validate.stories import Chapter, Parting, Told, stories
from paidonce.harness.explore.validate.trial import Trial, in_order
from paidonce.harness.results.words import quoted

_END = "the end"
_Past = tuple[str, int]
"""The first of the attempts that do the same, and a digest of all that one of them did and was
answered."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """``actor`` went another way after ``after`` in ``other`` than ``before`` did in ``one``: the
    same attempt, or one that does the same."""

    actor: str
    after: str
    one: Run
    other: Run
    before: str


class Ways:
    """The steps that came after each past, in all executions so far.

    ``twins`` names for each attempt another that does the same.
    """

    def __init__(self, told: Told, twins: Mapping[str, str] | None = None) -> None:
        self._told = told
        self._twins = twins or {}
        self._next: dict[_Past, tuple[Hashable, Run, str]] = {}
        self.suspicion: Suspicion | None = None

    def add(self, run: Run) -> None:
        """Look at an execution; one that was left early says nothing of what it was left before."""
        if self.suspicion is not None:
            return
        for actor, story in stories(run.taken).items():
            first = self._first(actor)
            past, certain, after = hash(first), True, ""
            for chapter in story:
                self._follows((first, past), chapter.kind, run, actor, after)
                certain = certain and _certain(chapter)
                if not certain:
                    break
                past, after = hash((past, chapter)), chapter.kind
            else:
                if not run.pruned and certain:
                    end = (_END, self._told(run.outcome, actor))
                    self._follows((first, past), end, run, actor, after)

    def _first(self, actor: str) -> str:
        while actor in self._twins:
            actor = self._twins[actor]
        return actor

    def _follows(self, past: _Past, coming: Hashable, run: Run, actor: str, after: str) -> None:
        known, earlier, before = self._next.setdefault(past, (coming, run, actor))
        if known != coming and self.suspicion is None:
            self.suspicion = Suspicion(actor, after, earlier, run, before)


def _certain(chapter: Chapter) -> bool:
    return bool(chapter.heard.exactly)


async def confirmed(suspicion: Suspicion, lab: Lab) -> Refutation | None:
    """Make both executions again, the first one last: what depends on the schedule alone comes
    again, what depends on executions before it does not.

    None if there is no time, or nothing could be told.
    """
    for run, actor in (
        (suspicion.other, suspicion.actor),
        (suspicion.one, suspicion.before),
    ):
        if lab.spent:
            return None
        trial = await lab.make(lambda worlds, way=run: _again(worlds, way))  # type: ignore[misc]
        if trial is None:
            return None
        before, after = stories(run.taken), stories(trial.taken)
        mine, again = before[actor], after.get(actor, ())
        if [chapter.kind for chapter in mine] != [chapter.kind for chapter in again][: len(mine)]:
            return Refutation(
                unsteady=f"made again with the same choices, {actor} went another way "
                f"after {quoted(suspicion.after)}",
                found=lab.found,
            )
    return Refutation(
        memory=Parting(suspicion.actor, suspicion.after, unseen=True), found=lab.found
    )


async def _again(worlds: Worlds, run: Run) -> Trial:
    return await in_order(worlds, run.schedule)
