"""An execution as each attempt saw it, and where two executions part.

Executions that differ in the order of independent steps only are the same to every attempt: it
makes the same steps and gets the same answers. An attempt that goes another way although all that
it was answered at the taps was the same has looked at something else: at memory of its process, a
file, a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest
from paidonce.harness.explore.search.world import ANSWER, BEGINS, Taken
from paidonce.harness.explore.validate.learnt import kind

Told = Callable[[Hashable, str], Hashable]
"""The part of an outcome that one attempt's client was told."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A step of an attempt, with its answer, whenever that came."""

    kind: str
    heard: AnswerDigest


Story = tuple[Chapter, ...]


def stories(taken: Sequence[Taken]) -> Mapping[str, Story]:
    """Return what each attempt did and was answered, in the order of their first steps."""
    found: dict[str, list[Chapter]] = {}
    for step in taken:
        story = found.setdefault(step.actor, [])
        if step.label == BEGINS:
            continue  # it does nothing by which anybody goes on
        if step.label == ANSWER and story:
            last = story.pop()
            story.append(Chapter(last.kind, last.heard.then(step.heard)))
        else:
            story.append(Chapter(kind(step.actor, step.label), step.heard))
    return {actor: tuple(story) for actor, story in found.items()}


@dataclass(frozen=True, slots=True)
class Parting:
    """Where an attempt's story is another one: after ``after`` (empty: from the start).

    ``unseen`` tells that nothing it was answered at the taps explains it.
    """

    actor: str
    after: str
    unseen: bool
    answered: bool = False
    """True if it made the same step and was answered something else."""


def parting(
    one: Mapping[str, Story],
    other: Mapping[str, Story],
    blurred: Collection[str] = (),
    *,
    told: Callable[[str], bool] | None = None,
) -> Parting | None:
    """The first parting of an attempt for which there is no reason; else any; else None.

    Answers to steps of the kinds ``blurred`` differ from execution to execution for no reason.
    ``told`` says of an attempt whether its client was answered the same in both.
    """
    partings = [
        parted
        for actor in dict.fromkeys((*one, *other))
        if (
            parted := _parting(
                actor,
                one.get(actor, ()),
                other.get(actor, ()),
                blurred,
                ends_alike=told is None or told(actor),
            )
        )
    ]
    return next((each for each in partings if each.unseen), partings[0] if partings else None)


def _parting(
    actor: str, one: Story, other: Story, blurred: Collection[str], *, ends_alike: bool
) -> Parting | None:
    after, known = "", True
    for mine, theirs in zip_longest(one, other):
        if mine is None or theirs is None or mine.kind != theirs.kind:
            return Parting(actor, after, known)
        after = mine.kind
        if after in blurred:
            known = False
            continue
        if mine.heard.said != theirs.heard.said:
            return Parting(actor, after, unseen=False, answered=True)
        known = known and _alike(mine.heard, theirs.heard)
    return None if ends_alike else Parting(actor, after, known)


def _alike(one: AnswerDigest, other: AnswerDigest) -> bool:
    """Return whether two answers are certain to be the same."""
    return one == other and (bool(one.exactly) or one == NOTHING)
