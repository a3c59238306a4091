"""Joins a witness to its history: what happened at each step of it.

The witness knows the steps and who made them, the history what crossed the taps. Exactly one
attempt moves at a time, so an attempt's events in the history, in their order, belong to its
steps in theirs: a step says which event is its unit (in older files it is found by its label),
and whatever lies between two of them (a BEGIN, an answer to the client) happened as part of the
earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.attempts import At
from paidonce.harness.explore.control.failing import FAILS
from paidonce.harness.explore.search.world import ANSWER, ASKS_AGAIN, BEGINS, LOST
from paidonce.harness.explore.witness.file import Lock, Witness, WitnessStep
from paidonce.harness.explore.witness.narrative.labels import labelled
from paidonce.harness.explore.witness.narrative.model import (
    Act,
    Asked,
    Exchange,
    Moment,
    Narrative,
    Reply,
    Wait,
)
from paidonce.harness.explore.witness.narrative.row_access import accesses
from paidonce.harness.history import (
    Completed,
    Effect,
    Event,
    History,
    Invoked,
    Recovering,
    read_history,
)
from paidonce.harness.results.words import quoted

START = "start"
DELIVERIES = (str(At.AGAIN.value), str(At.EVENT.value), ASKS_AGAIN)
WITHOUT_A_UNIT = (START, ANSWER, BEGINS, LOST, *DELIVERIES)
"""Labels of steps at which nothing is let through a tap."""


def history_of(witness: Witness, path: Path) -> History:
    """Return the history that lies beside the witness in ``path``. Raises ``UsageError``."""
    if not witness.history:
        raise UsageError(f"witness {path} names no history; explore again to get one")
    return read_history(path.with_name(witness.history))


def narrate(witness: Witness, history: History) -> Narrative:
    """Return the narrative of ``witness`` by ``history``.

    Raises ``UsageError`` when a step is not to be found in the history: then it is that of
    another execution.
    """
    placed: dict[int, list[Act]] = {step.number: [] for step in witness.steps}
    for actor in witness.attempts:
        steps = [step for step in witness.steps if step.actor == actor]
        for number, act in _acts_of(actor, steps, _events(actor, history), (witness, history)):
            placed[number].append(act)
    moments: list[Moment] = []
    held: frozenset[Lock] = frozenset()
    for step in witness.steps:
        now = frozenset(step.locks)
        moments.append(
            Moment(
                step=step,
                acts=tuple(placed[step.number]),
                wait=_wait(step, witness),
                released=_sorted(held - now),
                gained=_sorted(now - held),
            )
        )
        held = now
    return Narrative(witness=witness, history=history, moments=tuple(moments))


def _sorted(locks: Collection[Lock]) -> tuple[Lock, ...]:
    return tuple(sorted(locks, key=lambda lock: (lock.actor, lock.what)))


_Event = Invoked | Effect | Completed


def _events(actor: str, history: History) -> list[tuple[_Event, Invoked | None]]:
    """Return the events of one attempt, each with the request it is about; what it did in recovery
    is no part of its steps."""
    events: list[tuple[_Event, Invoked | None]] = []
    requests: dict[int, Invoked] = {}
    for event in history.events:
        match event:
            case Recovering():
                break
            case Invoked(attempt=attempt, op=op) if attempt == actor:
                requests[op] = event
                events.append((event, event))
            case Completed(op=op) if op in requests:
                events.append((event, requests[op]))
            case Effect(attempt=attempt) if attempt == actor:
                events.append((event, None))
            case _:
                pass
    return events


def _acts_of(
    actor: str,
    steps: Sequence[WitnessStep],
    events: Sequence[tuple[_Event, Invoked | None]],
    narrated: tuple[Witness, History],
) -> Iterator[tuple[int, Act]]:
    """Yield the acts of one attempt in order, each with the number of its step."""
    if not steps:
        return
    units = _units(actor, steps, events, narrated)
    place = 0
    for at, (event, invoked) in enumerate(events):
        match event:
            case Effect() if at in units:
                place = units[at]
                begun = steps[place - 1] if place else steps[place]
                sent = begun if begun.label == BEGINS else steps[place]
                if _is_next((ANSWER,), steps, place):
                    place += 1
                yield from _exchanged(event, sent.number, steps[place].number)
            case Effect():
                yield from _exchanged(event, steps[place].number, steps[place].number)
            case Invoked():
                if _is_next(DELIVERIES, steps, place):
                    place += 1
                yield steps[place].number, Asked(event=event)
            case Completed():
                assert invoked is not None
                yield steps[place].number, Reply(event=event, invoked=invoked)


def _exchanged(effect: Effect, sent: int, answered: int) -> Iterator[tuple[int, Act]]:
    """Yield the exchange, or its two halves where the answer came in a later step."""
    rows = accesses(effect) if effect.tap == "postgres" else ()
    if sent == answered:
        yield sent, Exchange(event=effect, sent=True, answered=True, rows=rows)
        return
    yield sent, Exchange(event=effect, sent=True, answered=False, rows=rows)
    yield answered, Exchange(event=effect, sent=False, answered=True, rows=rows)


def _is_next(labels: Collection[str], steps: Sequence[WitnessStep], place: int) -> bool:
    return place + 1 < len(steps) and _is_at(labels, steps[place + 1])


def _is_at(labels: Collection[str], step: WitnessStep) -> bool:
    """Tell whether a step has one of these labels, also where a failure is named after it."""
    label = step.label if step.fault is None else step.label.split(FAILS, 1)[0]
    return label in labels


def _units(
    actor: str,
    steps: Sequence[WitnessStep],
    events: Sequence[tuple[_Event, Invoked | None]],
    narrated: tuple[Witness, History],
) -> dict[int, int]:
    """Return which event is the unit of which step, by positions in ``events`` and ``steps``."""
    witness, history = narrated
    units: dict[int, int] = {}
    after = 0
    for place, step in enumerate(steps):
        if place == 0 or _is_at(WITHOUT_A_UNIT, step):
            continue  # the first is a beginning, whatever it is called
        is_unit = _test(step, witness, history)
        # Connections side by side may be answered in another order than they were let go in.
        candidates = [*range(after, len(events)), *range(after)]
        at = next((i for i in candidates if i not in units and is_unit(events[i][0])), None)
        if at is None:
            raise UsageError(
                f"the history does not belong to the witness: step {step.number}, {actor} "
                f"{quoted(step.label)}, is not in it"
            )
        units[at] = place
        after = max(after, at + 1)
    return units


def _test(step: WitnessStep, witness: Witness, history: History) -> Callable[[Event], bool]:
    """Return a test whether an event may be the unit of ``step``."""
    if step.event is None:
        return labelled(step.label, witness.attempts)
    own = history.events[step.event] if 0 <= step.event < len(history.events) else None
    return lambda event: event is own


def _wait(step: WitnessStep, witness: Witness) -> Wait | None:
    if not step.blocked:
        return None
    later = witness.steps[step.number :]
    own = next((other for other in later if other.actor == step.actor), None)
    until = next((other for other in later if step.actor in other.woken), None)
    lock = next((waiting for waiting in step.waits if waiting.actor == step.actor), None)
    return Wait(
        for_a_lock=lock is not None or (own is not None and own.label == ANSWER),
        what="" if lock is None else lock.what,
        on=() if lock is None else lock.on,
        until=None if until is None else until.actor,
        until_step=None if until is None else until.number,
    )
