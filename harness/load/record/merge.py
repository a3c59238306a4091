"""Puts the histories of several Locust processes onto one clock. Pure but for reading files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.history import (
    Completed,
    Effect,
    Ended,
    Event,
    Header,
    History,
    Invoked,
    Note,
    OrderCreated,
    read_history,
)
from paidonce.harness.load.record.recorder import MACHINE, MEASURED, ORIGIN, STOPPED, WALL, WARMUP


@dataclass(frozen=True)
class ProcessHistory:
    """One process's history. ``origin``: the moment (ns) at which its times count from 0, by the
    machine's monotonic clock; of parts of several machines (``on_one_clock``), by the wall's.
    """

    name: str
    history: History
    origin: int

    @property
    def planned(self) -> tuple[int, int]:
        """The planned window on the machine's monotonic clock (ns)."""
        start = self.origin + _setting(self, WARMUP)
        return start, start + _setting(self, MEASURED)

    @property
    def stopped(self) -> tuple[int, str]:
        """The moment (machine's monotonic clock) from which it was not meant to send load, and why.

        Of a process that was killed, the moment of its last event.
        """
        for _, note in self.history.of(Note):
            if note.text.startswith(STOPPED):
                return self.origin + note.t, note.text.removeprefix(STOPPED)
        events = self.history.events
        last = 0 if len(events) == 1 else _t(events[-1])
        return self.origin + last, f"{self.name} was cut off"


@dataclass(frozen=True)
class Merged:
    """Several histories as one, without header and end.

    ``origin`` is the monotonic time (ns) of ``t`` = 0, the earliest of the parts'. Operations
    are numbered anew in the order of their invocations. ``window`` is the measured part of the
    run on this clock: planned by all, and stopped by none; it is empty (or its end before its
    start) when the load stopped first. ``stopped`` says why the first process stopped.
    ``complete`` says that every process said it had recorded everything.
    """

    origin: int
    events: tuple[Event, ...]
    window: tuple[int, int]
    stopped: str
    complete: bool

    @property
    def orders(self) -> tuple[str, ...]:
        """The ids of all orders that were created, in order of creation."""
        return tuple(event.order for event in self.events if isinstance(event, OrderCreated))


def read_parts(paths: Iterable[Path]) -> tuple[tuple[ProcessHistory, ...], tuple[str, ...]]:
    """The parts in these files, and the names of the files cut off before their header was whole.

    Such a file holds no operation: the header is written before anything is sent. Raises
    ``UsageError`` on a file that is no history, or not one of a load run.
    """
    parts, empty = [], []
    for path in sorted(paths):
        if b"\n" not in path.read_bytes():
            empty.append(path.name)
        else:
            history = read_history(path)
            parts.append(ProcessHistory(path.name, history, _origin(path, history.header)))
    return tuple(parts), tuple(empty)


def on_one_clock(parts: Sequence[ProcessHistory]) -> tuple[tuple[ProcessHistory, ...], int]:
    """``parts``, with origins on one clock, and how many machines they were recorded on.

    Those of one machine are put on its monotonic clock, to the nanosecond. Machines are put beside
    each other by what their clocks say, so only roughly; that changes no verdict, since no order
    is used by two processes. Raises ``UsageError`` where one is used on two machines after all, or
    a part of several does not tell its machine.
    """
    machines = {part.history.header.settings.get(MACHINE, "") for part in parts}
    if len(machines) <= 1:
        return tuple(parts), len(machines)
    shift: dict[str, int] = {}
    users: dict[str, ProcessHistory] = {}
    moved = []
    for part in parts:
        name = part.history.header.settings.get(MACHINE, "")
        if not name:
            raise UsageError(f"{part.name}: its header does not say which machine it was made on")
        shift.setdefault(name, _setting(part, WALL) - part.origin)
        for event in part.history.events:
            if isinstance(event, Invoked | OrderCreated):
                first = users.setdefault(event.order, part)
                if first.history.header.settings[MACHINE] != name:
                    raise UsageError(
                        f"order {event.order} is used on two machines ({first.name}, {part.name}), "
                        "whose clocks do not agree well enough to judge it"
                    )
        moved.append(replace(part, origin=part.origin + shift[name]))
    return tuple(moved), len(machines)


def merge(parts: Sequence[ProcessHistory], cut_off: Sequence[str] = ()) -> Merged:
    """The events of all parts on one clock, in order of time.

    Where two processes recorded the very same nanosecond, invocations go before completions:
    that makes the operations concurrent, which claims less about their order than the
    alternative would. ``cut_off`` are names of files of which nothing could be read.

    Raises ``ValueError`` when there are no parts.
    """
    if not parts:
        raise ValueError("no histories to merge")
    origin = min(part.origin for part in parts)
    timed = [
        (_t(event) + part.origin - origin, _rank(event), number, event)
        for number, part in enumerate(parts)
        for event in part.history.events[1:]
        if not isinstance(event, Ended)
    ]
    timed.sort(key=lambda item: item[:3])  # stable: a part's own order is kept among equals
    operations: dict[tuple[int, int], int] = {}
    events: list[Event] = []
    for t, _, number, event in timed:
        if isinstance(event, Invoked):
            operations[number, event.op] = len(operations) + 1
        events.append(_moved(event, t, operations, number))
    torn = [part.name for part in parts if not part.history.complete] + list(cut_off)
    if torn:
        end = max((t for t, *_ in timed), default=0)
        events.append(Note(t=end, text=f"cut off while recording: {', '.join(torn)}"))
    starts, ends = zip(*(part.planned for part in parts), strict=True)
    stopped, reason = min(part.stopped for part in parts)
    end = min(*ends, stopped)
    return Merged(
        origin=origin,
        events=tuple(events),
        window=(max(starts) - origin, end - origin),
        stopped=reason,
        complete=not torn,
    )


def _moved(event: Event, t: int, operations: dict[tuple[int, int], int], part: int) -> Event:
    if isinstance(event, Invoked | Completed):
        return msgspec.structs.replace(event, t=t, op=operations[part, event.op])
    if isinstance(event, Effect):
        return msgspec.structs.replace(event, t=t, began=event.began + t - event.t)
    return msgspec.structs.replace(event, t=t)


def _t(event: Event) -> int:
    assert not isinstance(event, Header), "a header has no time"
    return event.t


def _rank(event: Event) -> int:
    return 2 if isinstance(event, Completed) else 1 if isinstance(event, Invoked) else 0


def _origin(path: Path, header: Header) -> int:
    try:
        return int(header.settings[ORIGIN])
    except (KeyError, ValueError):
        raise UsageError(
            f"{path}: expected a history of load, whose header has the setting {ORIGIN!r}"
        ) from None


def _setting(part: ProcessHistory, name: str) -> int:
    try:
        return int(part.history.header.settings[name])
    except (KeyError, ValueError):
        raise UsageError(
            f"{part.name}: expected what one Locust process recorded, whose header has the number "
            f"{name!r}; a run of `paidonce load` is merged already"
        ) from None
