"""Failures as a search plans them: which attempt, at which of its steps, and what goes wrong there.

A *failure* is made at an attempt's n-th step at a tap, counted by the attempt's own steps whatever
the others do. So what an attempt does under a set of failures is a function of what it has read, as
it is without, and every scheduler, replay and reduction works on it unchanged. A failure that
cannot be at that step (another statement is there, or the execution ends before) does not happen.

What a statement commits by itself in a step of its own is part of the statement's step here: that
depends on what a search has learnt, and the numbers must not.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from paidonce.harness.taps.faults import AtTap, Crash, ErrorAnswer, Faults, FromOutside

TERMINATED = "57P01"
"""The one error with which Postgres ends a session (manual, appendix A)."""


class Place(enum.StrEnum):
    """Where in a step a failure is."""

    REQUEST = "request"
    """Before what is held there goes on: the dependency does nothing of it."""
    COMMIT = "commit"
    """After a statement, before the commit that is a step of its own."""
    ANSWER = "answer"
    """Once the dependency has done it, before the service is told."""


class Possible(msgspec.Struct, frozen=True):
    """A fault that a step can have, and where in it."""

    fault: AtTap | FromOutside
    place: Place = Place.REQUEST
    usual: bool = True
    """False for one that is made only if it is asked for."""

    @property
    def undone(self) -> bool:
        """Return whether the dependency is left as it was: what it is to keep of a failure is kept
        there."""
        if self.place is Place.ANSWER:
            return False
        return not (isinstance(self.fault, ErrorAnswer) and "_saved" in self.fault.error)

    @property
    def label(self) -> str:
        """Its words, beside the label of the step."""
        if isinstance(self.fault, Crash):
            when = {Place.ANSWER: "after it", Place.COMMIT: "before its commit"}
            return f"{self.fault.label} {when.get(self.place, 'before it')}"
        if isinstance(self.fault, ErrorAnswer) and self.place is Place.ANSWER:
            return f"{self.fault.label}, though it is done"
        return self.fault.label


class PlannedFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A fault at the ``step``-th step (from 1) that ``attempt`` makes at a tap."""

    attempt: str
    step: int
    fault: AtTap | FromOutside
    place: Place = Place.REQUEST
    on: str = ""
    """The tap at which it is; empty for what happens to a process, whichever call is held then."""

    @property
    def possible(self) -> Possible:
        """The fault, and where in the step it is."""
        return Possible(self.fault, self.place)

    @property
    def label(self) -> str:
        """Its words: the attempt, the step and the fault."""
        return f"{self.attempt}, step {self.step}: {self.possible.label}"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that was possible in an execution: ``label`` is its step's."""

    failure: PlannedFailure
    label: str
    usual: bool


def cuts(fault: AtTap) -> bool:
    """Return whether a fault ends the connection."""
    return not isinstance(fault, ErrorAnswer) or fault.error == TERMINATED


def of_tap(
    known: Faults, usual: Collection[AtTap], possible: Callable[[str], bool] = lambda error: True
) -> Iterator[Possible]:
    """The faults a tap can carry out at a call: those ``usual`` there, and all others.

    ``possible`` tells of the errors which can be answered to that call.
    """
    for place, faults in ((Place.REQUEST, known.request), (Place.ANSWER, known.answer)):
        for fault in faults:
            if isinstance(fault, ErrorAnswer) and not possible(fault.error):
                continue
            yield Possible(fault, place, usual=fault in usual)


def planned(
    failures: Iterable[PlannedFailure],
    attempt: str,
    step: int,
    possible: Iterable[Possible],
    tap: str,
) -> Possible | None:
    """Return what goes wrong at that step of ``attempt``, which is at ``tap``, of what is
    ``possible`` there: nothing where the step was planned to be at another tap."""
    here = [
        failure
        for failure in failures
        if failure.attempt == attempt and failure.step == step and failure.on in ("", tap)
    ]
    if not here:
        return None
    known = {(failure.fault, failure.place): failure for failure in possible}
    for failure in here:
        if found := known.get((failure.fault, failure.place)):
            return found
    return None
