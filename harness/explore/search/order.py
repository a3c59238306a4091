"""Happens-before within one execution, and its races.

Two steps are ordered if they are of one actor, if their footprints conflict, or if the first
made the actor of the second able to move (woke it, or brought it into being); and by
transitivity. Executions that agree in this order are linearizations of one Mazurkiewicz trace:
they have the same steps and the same outcome. Vector clocks: Mattern, *Virtual time and global
states of distributed systems*, 1989.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from harness.explore.footprint import Footprint


class Footprints:
    """Numbers footprints and remembers which conflict; a search compares few, very often."""

    def __init__(self) -> None:
        self._numbers: dict[Footprint, int] = {}
        self._all: list[Footprint] = []
        self._known: dict[tuple[int, int], bool] = {}

    def number(self, footprint: Footprint) -> int:
        found = self._numbers.get(footprint)
        if found is None:
            found = self._numbers[footprint] = len(self._all)
            self._all.append(footprint)
        return found

    def __getitem__(self, number: int) -> Footprint:
        return self._all[number]

    def empty(self, number: int) -> bool:
        return self._all[number].empty

    def conflict(self, one: int, other: int) -> bool:
        pair = (one, other) if one <= other else (other, one)
        known = self._known.get(pair)
        if known is None:
            known = self._all[one].conflicts(self._all[other])
            self._known[pair] = known
        return known


class Made(NamedTuple):
    """A step as happens-before needs it: its footprint by number, and who could move."""

    actor: str
    footprint: int
    enabled: tuple[str, ...]


class Race(NamedTuple):
    """Steps ``first`` < ``second`` (indexes) of two actors that conflict with nothing ordered
    between them, where the second could have come first."""

    first: int
    second: int


class Order:
    """Happens-before of an execution; steps are told by their index."""

    def __init__(self, footprints: Footprints, steps: Sequence[Made]) -> None:
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

    def _add(self, index: int, step: Made, waker: int | None) -> None:
        actor = step.actor
        own = self._positions.setdefault(actor, [])
        self._numbers.setdefault(actor, len(self._numbers))
        conflicting = self._conflicting(step)
        direct = set(conflicting)
        if own:
            direct.add(own[-1])
        if waker is not None:
            direct.add(waker)
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
            covered = any(first != other and self.before(first, other) for other in direct)
            if first != waker and not covered:
                self.races.append(Race(first, index))

    def _conflicting(self, step: Made) -> set[int]:
        """The last conflicting step of every other actor: its earlier ones come before that."""
        if self._footprints.empty(step.footprint):
            return set()
        last: dict[str, int] = {}
        for footprint, actors in self._latest.items():
            if self._footprints.conflict(footprint, step.footprint):
                for actor, index in actors.items():
                    if actor != step.actor and index > last.get(actor, -1):
                        last[actor] = index
        return set(last.values())

    def before(self, one: int, other: int) -> bool:
        """Whether step ``one`` happens before step ``other``."""
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

    def initials(self, index: int, target: int) -> list[int]:
        """What could be made first at position ``index`` on the way to ``target`` without it.

        Takes the steps after ``index`` that happen before ``target``, and ``target``, none of
        which but ``target`` may depend on step ``index``; gives those that depend on no other.
        """
        firsts = [
            one for one in self.firsts(index).values() if one == target or self.before(one, target)
        ]
        return [one for one in firsts if not any(self.before(other, one) for other in firsts)]

    def way(self, index: int, target: int) -> list[int]:
        """The steps after ``index`` that ``initials`` takes, in order, ``target`` the last."""
        return [one for one in range(index + 1, target) if self.before(one, target)] + [target]
