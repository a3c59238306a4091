"""The failures of one execution: those that are planned for it, and those that were possible."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.failures import (
    Offer,
    Place,
    PlannedFailure,
    Possible,
    planned,
)
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.sql.effects import SEQUENCES
from paidonce.harness.taps.faults import Crash

PROCESS = frozenset({Resource(("process",))})
"""The processes of the service: in which of them an attempt is, is known at its steps alone."""

FAILS = " · "
"""Stands between a step's label and the failure that is made at it."""


@dataclass
class Offers:
    """The failures that were possible in the executions of a search, once all that was planned had
    happened."""

    offers: dict[PlannedFailure, Offer] = field(default_factory=dict)
    changing: set[tuple[str, int]] = field(default_factory=set)
    """Steps, by attempt and number, that published or locked anything in any execution."""
    publishing: set[tuple[str, int]] = field(default_factory=set)
    """Those of them of which something stays however their transaction ends."""
    last: set[tuple[str, int]] = field(default_factory=set)
    """Steps, by attempt and number, that were the last of their attempt in any execution."""
    known: set[tuple[str, int, str, str, tuple[Possible, ...]]] = field(default_factory=set)
    """Steps as they were offered: the attempt, which of its steps, the tap, the label, the faults.
    Most steps come again in every execution."""
    wanted: bool = True
    """False if no search under failures comes after this one: then none is noted."""
    happened: int = 0
    """In how many executions all that was planned went wrong."""

    def add(self, others: Offers) -> None:
        """Take in those of other executions of the same search."""
        self.offers.update(others.offers)
        self.changing |= others.changing
        self.publishing |= others.publishing
        self.last |= others.last
        self.happened += others.happened


@dataclass
class Failing:
    """The failures of one execution, whose calls are read by ``reader``."""

    reader: TapReader
    failures: frozenset[PlannedFailure] = frozenset()
    could: Offers = field(default_factory=Offers)
    every_crash: bool = False
    numbered: Collection[tuple[str, ...]] = ()
    """The places of tables with columns that a sequence fills."""
    happened: list[PlannedFailure] = field(default_factory=list)
    """The planned failures that have happened, in their order."""

    def at(self, player: Player) -> Possible | None:
        """Return what goes wrong with the step that ``player`` would make next."""
        if not self.failures or not self._at_tap(player):
            return None
        step = self._number(player)
        if not any(
            failure.attempt == player.name and failure.step == step for failure in self.failures
        ):
            return None
        possible, tap = self._possible(player), player.held[0].call.tap
        return planned(self.failures, player.name, step, possible, tap)

    def awaited(self, player: Player) -> Possible | None:
        """Return what goes wrong with an answer that ``player`` is about to be told."""
        if not self.failures:
            return None
        failing = (arrival.failing for arrival in player.flying if arrival.answered)
        return next(
            (failure for failure in failing if failure and failure.place is Place.ANSWER), None
        )

    def expected(self, player: Player) -> Footprint | None:
        """Return what the step that ``player`` would make next touches; None if nothing fails."""
        if not self.failures:
            return None
        if player.at is At.ANSWER and self.awaited(player) is not None:
            touched = LOCAL
            for arrival in player.flying:
                touched = touched.union(self.reader.ends(arrival))
            return touched
        if (failing := self.at(player)) is None:
            return None
        ends = self.reader.ends(player.held[0])
        return ends if failing.undone else ends.union(self.reader.expected(player.held[0]))

    def label(self, player: Player) -> str:
        """Return what the label of the step that ``player`` would make next has besides."""
        if not self.failures:
            return ""
        failing = self.awaited(player) if player.at is At.ANSWER else self.at(player)
        return "" if failing is None else f"{FAILS}{failing.label}"

    def lets_go(self, player: Player) -> Possible | None:
        """``player`` makes its next step at a tap; returns what goes wrong with it."""
        if not self._at_tap(player):
            return None
        failing, step = self.at(player), self._number(player)
        if self.could.wanted and len(self.happened) == len(self.failures):
            self._offers(player, step)
        player.at_taps = step
        if failing is not None:
            self.happened.append(_failure(player, step, failing))
            if len(self.happened) == len(self.failures):
                self.could.happened += 1
        return failing

    def made(self, player: Player, touched: Footprint) -> None:
        """``player`` has made a step that touched this."""
        if not self.could.wanted:
            return
        step = (player.name, player.at_taps)
        stays = bool(touched.publishes) or self._counts_on(touched)
        if stays or touched.locks:
            self.could.changing.add(step)
        if stays:
            self.could.publishing.add(step)

    def ended(self, players: Iterable[Player]) -> None:
        """All ``players`` are through: note which step at a tap was the last of each."""
        if self.could.wanted and len(self.happened) == len(self.failures):
            self.could.last.update((player.name, player.at_taps) for player in players)

    def _counts_on(self, touched: Footprint) -> bool:
        """Return whether a sequence may have been asked for a number: no rollback takes it back
        (manual, 9.17)."""
        if any(look.place[:1] == (SEQUENCES,) for look in touched.looks):
            return True
        return any(lock.place[:2] in self.numbered for lock in touched.locks)

    def _offers(self, player: Player, step: int) -> None:
        unit = player.held[0]
        possible = self._possible(player)
        key = (player.name, step, unit.call.tap, unit.label, possible)
        if key in self.could.known:
            return
        self.could.known.add(key)
        for one in possible:
            failure = _failure(player, step, one)
            known = self.could.offers.get(failure)
            if known is None or (one.usual and not known.usual):
                self.could.offers[failure] = Offer(
                    failure=failure, label=unit.label, usual=one.usual
                )

    def _possible(self, player: Player) -> tuple[Possible, ...]:
        unit = player.held[0]
        crashes = _crashes(unit.crashes(), self.reader.crash_places(unit))
        return (*self.reader.faults(unit), *crashes)

    def crash(self, player: Player) -> bool:
        """Return whether a process is killed in the step that ``player`` would make next."""
        if not self.failures:
            return False
        failing = self.awaited(player) if player.at is At.ANSWER else self.at(player)
        return failing is not None and isinstance(failing.fault, Crash)

    def crashed(self, players: Iterable[Player]) -> Footprint:
        """Return what a crash touches, in which all ``players`` in the process lose what they have.

        The locks that end by it are nobody's business: who waited for them is gone as well, and
        who begins later comes after the crash anyway. Where anything was under way it is carried
        out, and time that passes is no part of the process: then they count.
        """
        touched, counts = LOCAL, self.every_crash
        for player in players:
            touched = touched.union(player.touched)
            counts |= player.ours is not None or player.orphaned
        return touched if counts else Footprint(publishes=touched.publishes)

    def around(self, step: Footprint, *, crash: bool, lost: bool) -> Footprint:
        """``step`` with what a crash has to do with it: it ends all that is in the process.

        Whose process is killed has looked at things for nobody, and what it locked it has locked
        for nobody: killed before or after such a step comes to the same. It does not where a step
        publishes something, where a client is told, or where steps meet in memory (which publish,
        too).
        """
        if crash:
            return step.union(Footprint(publishes=PROCESS))
        if not self.failures or not any(
            isinstance(failure.fault, Crash) for failure in self.failures
        ):
            return step
        if lost or step.publishes or self.every_crash:
            return step.union(Footprint(looks=PROCESS))
        return step

    def _number(self, player: Player) -> int:
        return player.at_taps + self.reader.counts(player.held[0])

    def _at_tap(self, player: Player) -> bool:
        # What lets time pass is ours: nothing of the service's goes wrong with it.
        return (
            player.ours is None and player.at is At.TAP and not self.reader.begins(player.held[0])
        )


@functools.lru_cache(maxsize=64)
def _crashes(crashes: tuple[Crash, ...], places: tuple[Place, ...]) -> tuple[Possible, ...]:
    return tuple(Possible(crash, place) for crash in crashes for place in places)


def _failure(player: Player, step: int, possible: Possible) -> PlannedFailure:
    return PlannedFailure(
        attempt=player.name,
        step=step,
        fault=possible.fault,
        place=possible.place,
        on="" if isinstance(possible.fault, Crash) else player.held[0].call.tap,
    )
