"""A counterexample told in order: what happened at each step of the witness.

The witness knows the steps and who made them, the history what crossed the taps. Exactly one
attempt moves at a time, so an attempt's events in the history, in their order, belong to its
steps in theirs: a step is found again by its label, and whatever lies between two of them (a
BEGIN, an answer to the client) happened as part of the earlier one.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.attempts import At
from paidonce.harness.explore.naming.preparation import MAKER
from paidonce.harness.explore.search.world import ANSWER, BEGINS
from paidonce.harness.explore.witness.file import Witness, WitnessStep
from paidonce.harness.history import Completed, Effect, History, Invoked, read_history

START = "start"
DELIVERIES = (str(At.AGAIN.value), str(At.EVENT.value))
WITHOUT_A_UNIT = (START, ANSWER, BEGINS, *DELIVERIES)
"""Labels of steps at which nothing is let through a tap."""

_TAPS = ("postgres", "stripe", "redis")


class Kind(enum.StrEnum):
    """What can happen in a step."""

    ASKED = "asked"
    """The attempt's client sent a request to the service."""
    SENT = "sent"
    """A unit went on to its dependency."""
    ANSWERED = "answered"
    """The dependency's answer to a unit came back to the service."""
    TOLD = "told"
    """The client got its answer from the service."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an attempt; ``invoked`` is the request it is about, if any."""

    kind: Kind
    event: Invoked | Effect | Completed
    invoked: Invoked | None = None


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt went no further: for a lock in Postgres, or somewhere inside the service.

    ``until`` is who let it go on, None where the witness does not tell.
    """

    for_a_lock: bool
    until: str | None


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the witness and what happened in it, in order."""

    step: WitnessStep
    happened: tuple[Happening, ...] = ()
    wait: Wait | None = None


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A whole counterexample, step by step. ``taps`` are those that anything crossed."""

    witness: Witness
    history: History
    moments: tuple[Moment, ...]

    @property
    def taps(self) -> tuple[str, ...]:
        found = [
            happening.event.tap
            for moment in self.moments
            for happening in moment.happened
            if isinstance(happening.event, Effect)
        ]
        others = sorted(set(found) - set(_TAPS))
        return tuple(tap for tap in (*_TAPS, *others) if tap in found)


def history_of(witness: Witness, path: Path) -> History:
    """The history that lies beside the witness in ``path``. Raises ``UsageError``."""
    if not witness.history:
        raise UsageError(f"witness {path} names no history; explore again to get one")
    return read_history(path.with_name(witness.history))


def tell(witness: Witness, history: History) -> Story:
    """The story of ``witness`` by ``history``.

    Raises ``UsageError`` when a step is not to be found in the history: then it is that of
    another execution.
    """
    placed: dict[int, list[Happening]] = {step.number: [] for step in witness.steps}
    for actor in witness.attempts:
        steps = [step for step in witness.steps if step.actor == actor]
        for number, happening in _of_one(actor, steps, _events(actor, history), witness):
            placed[number].append(happening)
    moments = (
        Moment(step=step, happened=tuple(placed[step.number]), wait=_wait(step, witness))
        for step in witness.steps
    )
    return Story(witness=witness, history=history, moments=tuple(moments))


_Event = Invoked | Effect | Completed


def _events(actor: str, history: History) -> list[tuple[_Event, Invoked | None]]:
    """What the history holds of one attempt, each event with the request it is about."""
    found: list[tuple[_Event, Invoked | None]] = []
    requests: dict[int, Invoked] = {}
    for event in history.events:
        match event:
            case Invoked(attempt=attempt, op=op) if attempt == actor:
                requests[op] = event
                found.append((event, event))
            case Completed(op=op) if op in requests:
                found.append((event, requests[op]))
            case Effect(attempt=attempt) if attempt == actor:
                found.append((event, None))
            case _:
                pass
    return found


def _of_one(
    actor: str,
    steps: Sequence[WitnessStep],
    events: Sequence[tuple[_Event, Invoked | None]],
    witness: Witness,
) -> Iterator[tuple[int, Happening]]:
    """The happenings of one attempt in order, each with the number of its step."""
    if not steps:
        return
    units = _units(actor, steps, events, witness)
    place = 0
    for at, (event, invoked) in enumerate(events):
        if at in units:
            place = units[at]
            begun = steps[place - 1] if place else steps[place]
            sent = begun if begun.label == BEGINS else steps[place]
            yield sent.number, Happening(kind=Kind.SENT, event=event)
            if _is_next((ANSWER,), steps, place):
                place += 1
            yield steps[place].number, Happening(kind=Kind.ANSWERED, event=event)
            continue
        if isinstance(event, Invoked) and _is_next(DELIVERIES, steps, place):
            place += 1
        for happening in _said(event, invoked):
            yield steps[place].number, happening


def _is_next(labels: Collection[str], steps: Sequence[WitnessStep], place: int) -> bool:
    return place + 1 < len(steps) and steps[place + 1].label in labels


def _said(event: _Event, invoked: Invoked | None) -> tuple[Happening, ...]:
    match event:
        case Invoked():
            return (Happening(kind=Kind.ASKED, event=event, invoked=invoked),)
        case Completed():
            return (Happening(kind=Kind.TOLD, event=event, invoked=invoked),)
        case Effect():
            return (
                Happening(kind=Kind.SENT, event=event),
                Happening(kind=Kind.ANSWERED, event=event),
            )


def _units(
    actor: str,
    steps: Sequence[WitnessStep],
    events: Sequence[tuple[_Event, Invoked | None]],
    witness: Witness,
) -> dict[int, int]:
    """Which event is the unit of which step: positions in ``events`` to positions in ``steps``."""
    found: dict[int, int] = {}
    after = 0
    for place, step in enumerate(steps):
        if step.label in WITHOUT_A_UNIT:
            continue
        pattern = _pattern(step.label, witness.attempts)
        # Connections side by side may be answered in another order than they were let go in.
        candidates = [*range(after, len(events)), *range(after)]
        at = next((i for i in candidates if i not in found and _is(events[i][0], pattern)), None)
        if at is None:
            raise UsageError(
                f"the history does not belong to the witness: step {step.number}, {actor} "
                f"{step.label!r}, is not in it"
            )
        found[at] = place
        after = max(after, at + 1)
    return found


def _is(event: _Event, pattern: re.Pattern[str]) -> bool:
    return isinstance(event, Effect) and bool(pattern.fullmatch(f"{event.tap} {event.label}"))


def _pattern(label: str, attempts: Sequence[str]) -> re.Pattern[str]:
    """Matches the label as it was before generated values were replaced by their names."""
    actors = "|".join(re.escape(name) for name in (*attempts, MAKER))
    names = re.compile(rf"(?:{actors})[\#@]\d+|(?:intent of )?order \d+")
    parts = names.split(label)
    return re.compile(".+?".join(re.escape(part) for part in parts), re.DOTALL)


def _wait(step: WitnessStep, witness: Witness) -> Wait | None:
    if not step.blocked:
        return None
    later = witness.steps[step.number :]
    own = next((other for other in later if other.actor == step.actor), None)
    until = next((other.actor for other in later if step.actor in other.woken), None)
    return Wait(for_a_lock=own is not None and own.label == ANSWER, until=until)
