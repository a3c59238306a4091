"""Happens-before within one execution, and its races.

Two steps are ordered if they are of one actor, if their footprints conflict, or if the first
made the actor of the second able to move (woke it, or brought it into being); and by
transitivity. Executions that agree in this order are linearizations of one Mazurkiewicz trace:
they have the same steps and the same outcome. Vector clocks: Mattern, *Virtual time and global
states of distributed systems*, 1989.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.search.world import Tenure

_DEPTH = 2
_NEVER: Mapping[str, int] = {}


class Footprints:
    """Numbers footprints and knows which conflict; a search compares few, very often.

    A new one is compared with those only that touch something in the same place in a way that
    can conflict: of the hundreds of rows a long execution reads, none with another.
    """

    def __init__(self) -> None:
        self._numbers: dict[Footprint, int] = {}
        self._all: list[Footprint] = []
        self._against: list[set[int]] = []
        self._touching = _Places()
        self._changing = _Places()

    def number(self, footprint: Footprint) -> int:
        found = self._numbers.get(footprint)
        if found is None:
            found = self._numbers[footprint] = len(self._all)
            self._all.append(footprint)
            self._compare(found, footprint)
        return found

    def __getitem__(self, number: int) -> Footprint:
        return self._all[number]

    def empty(self, number: int) -> bool:
        return self._all[number].empty

    def conflict(self, one: int, other: int) -> bool:
        return other in self._against[one]

    def against(self, number: int) -> Set[int]:
        """All that conflict with it, as far as they have a number by now."""
        return self._against[number]

    def _compare(self, number: int, footprint: Footprint) -> None:
        changes = footprint.locks | footprint.publishes
        self._touching.add(number, footprint.looks | changes)
        self._changing.add(number, changes)
        self._against.append(set())
        # What both only look at is no conflict.
        candidates = self._changing.near(footprint.looks) | self._touching.near(changes)
        for other in candidates:
            if footprint.conflicts(self._all[other]):
                self._against[number].add(other)
                self._against[other].add(number)


class _Places:
    """Which footprints touch something in which place, roughly: by the place's first two parts."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, ...], set[int]] = {}
        self._wide: set[int] = set()
        self._everyone: set[int] = set()

    def add(self, number: int, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self._everyone.add(number)
            if len(resource.place) < _DEPTH:
                self._wide.add(number)
            else:
                self._by_place.setdefault(resource.place[:_DEPTH], set()).add(number)

    def near(self, resources: Collection[Resource]) -> set[int]:
        """Those of which some place includes one of ``resources``, or is included in it."""
        found: set[int] = set()
        for resource in resources:
            if len(resource.place) < _DEPTH:
                return set(self._everyone)
            found |= self._by_place.get(resource.place[:_DEPTH], set())
        return found | self._wide if resources else found


class OrderedStep(NamedTuple):
    """A step as happens-before needs it: its footprint by number, who could be chosen, and when
    it would have been deferred."""

    actor: str
    footprint: int
    enabled: tuple[str, ...]
    tenures: tuple[Tenure, ...] = ()
    follows: int | None = None


class Race(NamedTuple):
    """Steps ``first`` < ``second`` (indexes) of two actors that conflict with nothing ordered
    between them, where the second could have come first.

    Where the second was deferred for as long as the first's actor held something, ``first`` is
    the step by which it got that: before it the second could have come, or not until the end.
    ``through`` are then the steps that the second depends on besides those of the holder.
    """

    first: int
    second: int
    through: tuple[int, ...] | None = None


class Order:
    """Happens-before of an execution; steps are told by their index."""

    def __init__(self, footprints: Footprints, steps: Sequence[OrderedStep]) -> None:
        self.steps = steps
        self._footprints = footprints
        self._numbers: dict[str, int] = {}
        self._positions: dict[str, list[int]] = {}
        self._clocks: list[list[int]] = []
        self._rank: list[int] = []
        self._latest: dict[int, dict[str, int]] = {}
        self.races: list[Race] = []
        wakers: dict[str, int] = {}
        for index, step in enumerate(steps):
            if index:
                before = steps[index - 1]
                for actor in step.enabled:
                    if actor not in before.enabled and actor != before.actor:
                        wakers[actor] = index - 1
            self._add(index, step, wakers.pop(step.actor, None))

    def _add(self, index: int, step: OrderedStep, waker: int | None) -> None:
        actor = step.actor
        own = self._positions.setdefault(actor, [])
        self._numbers.setdefault(actor, len(self._numbers))
        conflicting = self._conflicting(step)
        direct = set(conflicting)
        if own:
            direct.add(own[-1])
        fixed = {one for one in (waker, step.follows) if one is not None}
        direct |= fixed
        clock: list[int] = [0] * len(self._numbers)
        for earlier in direct:
            theirs = self._clocks[earlier]
            for number, count in enumerate(theirs):
                if count > clock[number]:
                    clock[number] = count
        own.append(index)
        clock[self._numbers[actor]] = len(own)
        self._clocks.append(clock)
        self._rank.append(len(own))
        self._latest.setdefault(step.footprint, {})[actor] = index
        for first in sorted(conflicting):
            if (tenure := self._tenure(step, first)) is not None:
                through = [
                    one for one in direct if one == step.follows or not self._within(tenure, one)
                ]
                if step.follows != tenure.first and not any(
                    self.before(tenure.first, one) for one in through
                ):
                    self.races.append(Race(tenure.first, index, tuple(sorted(through))))
                continue
            covered = any(first != other and self.before(first, other) for other in direct)
            if first not in fixed and not covered:
                self.races.append(Race(first, index))

    def _tenure(self, step: OrderedStep, index: int) -> Tenure | None:
        """The tenure that step ``index`` is part of, during which ``step`` was deferred."""
        return next((tenure for tenure in step.tenures if self._within(tenure, index)), None)

    def _within(self, tenure: Tenure, index: int) -> bool:
        actor = self.steps[index].actor
        return actor == tenure.actor and tenure.first <= index <= tenure.last

    def _conflicting(self, step: OrderedStep) -> set[int]:
        """The last conflicting step of every other actor: its earlier ones come before that."""
        if self._footprints.empty(step.footprint):
            return set()
        last: dict[str, int] = {}
        for footprint in self._footprints.against(step.footprint):
            for actor, index in self._latest.get(footprint, _NEVER).items():
                if actor != step.actor and index > last.get(actor, -1):
                    last[actor] = index
        return set(last.values())

    def before(self, one: int, other: int) -> bool:
        """Return whether step ``one`` happens before step ``other``."""
        if one >= other:
            return False
        number = self._numbers[self.steps[one].actor]
        clock = self._clocks[other]
        return number < len(clock) and clock[number] >= self._rank[one]

    def firsts(self, index: int) -> dict[str, int]:
        """The first step of every actor after position ``index``."""
        found: dict[str, int] = {}
        for actor, positions in self._positions.items():
            at = bisect_right(positions, index)
            if at < len(positions):
                found[actor] = positions[at]
        return found

    def initials(
        self, index: int, target: int, through: tuple[int, ...] | None = None
    ) -> list[int]:
        """Return the steps that could be made first at position ``index``, on the way to ``target``
        without step ``index``.

        Takes the steps after ``index`` that happen before ``target`` (or are in ``through``, or
        happen before one that is), and ``target``, none of which but ``target`` may depend on
        step ``index``; gives those that depend on no other.
        """
        if through is not None:
            firsts = list(
                {
                    self.steps[one].actor: one for one in reversed(self.way(index, target, through))
                }.values()
            )
            if len(firsts) > 1:  # all others are on the way to it
                firsts = [one for one in firsts if one != target]
            return sorted(
                one for one in firsts if not any(self.before(other, one) for other in firsts)
            )
        firsts = [
            one for one in self.firsts(index).values() if one == target or self.before(one, target)
        ]
        return [one for one in firsts if not any(self.before(other, one) for other in firsts)]

    def way(self, index: int, target: int, through: tuple[int, ...] | None = None) -> list[int]:
        """The steps after ``index`` that ``initials`` takes, in order, ``target`` the last."""
        ends = (target,) if through is None else through
        between = range(index + 1, target)
        return [
            one for one in between if any(one == end or self.before(one, end) for end in ends)
        ] + [target]
