"""Reads a history file back, torn last line included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from paidonce.harness.bounded import decode_json
from paidonce.harness.errors import UsageError
from paidonce.harness.history.events import (
    FORMAT,
    UNNUMBERED,
    ChargeObserved,
    Completed,
    Ended,
    Event,
    Header,
    IntentObserved,
    Invoked,
    OrderCreated,
    OrderObserved,
)
from paidonce.harness.history.history import History
from paidonce.harness.history.lines import number_of

_READ = (UNNUMBERED, FORMAT)
_decoder = msgspec.json.Decoder(Event)
_SHARED: dict[type, tuple[str, ...]] = {
    Invoked: ("order", "attempt"),
    Completed: ("code",),
    OrderCreated: ("order", "currency"),
    OrderObserved: ("order", "currency", "payment_status", "payment_id"),
    IntentObserved: ("id", "order", "status", "currency"),
    ChargeObserved: ("intent", "order", "status", "currency"),
}
"""The fields whose texts many events have in common."""
_NOTHING: dict[str, Any] = {}
"""Instead of an empty one for each event; nobody changes what belongs to a frozen event."""


def read_history(path: Path) -> History:
    """The history recorded in ``path``.

    A last line without its newline is what a crash leaves: it is dropped and the history is
    marked ``truncated``; so is one in whose numbers there is a gap. Any other line that cannot be
    understood is an error, since silently dropping an event could turn an INVALID into a VALID.

    Raises ``UsageError`` naming the file, the line and what was expected.
    """
    events: list[Event] = []
    texts: dict[str, str] = {}
    tail, last, gap = b"", 0, False
    try:
        # Line by line: a long run's file is as large as what is made of it.
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    tail = line
                    break
                events.append(_shared(_event(path, number, line), texts))
                header = events[0]
                if isinstance(header, Header) and header.format != UNNUMBERED:
                    last, before = _number(path, number, line, last), last
                    gap = gap or last != before + 1
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"history file {path} cannot be read: {reason}") from error
    if not events:
        what = "holds no complete line" if tail else "is empty"
        raise UsageError(f"{path} {what}: a paidonce history starts with a header line")
    _check_end(path, events)
    _check_operations(path, events)
    return History(events, truncated=bool(tail) or gap)


def _number(path: Path, number: int, line: bytes, last: int) -> int:
    """The number that the ``number``-th line of the file has."""
    found = number_of(line)
    if found is None or found <= last:
        got = "none" if found is None else str(found)
        raise UsageError(
            f"{path}, line {number}: expected its number in the history, {last + 1}, got {got}"
        )
    return found


def _event(path: Path, number: int, line: bytes) -> Event:
    try:
        event: Event = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if number == 1:
            _check_format(path, line)
        raise UsageError(
            f"{path}, line {number}: not an event of a paidonce history ({error})"
        ) from error
    _check_place(path, number, event)
    return event


def _shared(event: Event, texts: dict[str, str]) -> Event:
    """``event`` with the texts that many events have kept once: a history of a million operations
    has as many times the name of each order as operations on it, and few codes and clients."""
    for name in _SHARED.get(type(event), ()):
        text = getattr(event, name)
        if text is not None:
            force_setattr(event, name, texts.setdefault(text, text))
    if isinstance(event, Invoked) and not event.args:
        force_setattr(event, "args", _NOTHING)
    elif isinstance(event, Completed):
        if not event.value:
            force_setattr(event, "value", _NOTHING)
        elif isinstance(payment := event.value.get("payment_id"), str):
            event.value["payment_id"] = texts.setdefault(payment, payment)
    return event


class _Format(msgspec.Struct):
    """The one thing of a header that every version of the format has."""

    format: int


def _check_format(path: Path, line: bytes) -> None:
    """Name the version if a first line that was not understood is a header of another one."""
    try:
        found = decode_json(line, _Format).format
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    if found not in _READ:
        raise UsageError(
            f"{path} has history format {found}; this version reads {UNNUMBERED} and {FORMAT}"
        )


def _check_place(path: Path, number: int, event: Event) -> None:
    if (number == 1) != isinstance(event, Header):
        raise UsageError(
            f"{path}, line {number}: a paidonce history has one header, on its first line"
        )
    if isinstance(event, Header) and event.format not in _READ:
        raise UsageError(
            f"{path} has history format {event.format}; this version reads {UNNUMBERED} "
            f"and {FORMAT}"
        )


def _check_end(path: Path, events: list[Event]) -> None:
    for number, event in enumerate(events[:-1], start=1):
        if isinstance(event, Ended):
            raise UsageError(f"{path}, line {number}: the end of the history is not its last line")


def _check_operations(path: Path, events: list[Event]) -> None:
    open_operations: set[int] = set()
    newest = 0
    seen: set[int] | None = None  # as long as numbers go up the last one says as much
    for number, event in enumerate(events, start=1):
        if isinstance(event, Invoked):
            if seen is None and event.op <= newest:
                seen = {before.op for before in events[: number - 1] if isinstance(before, Invoked)}
            if seen is not None:
                if event.op in seen:
                    raise UsageError(
                        f"{path}, line {number}: operation {event.op} is invoked twice"
                    )
                seen.add(event.op)
            newest = event.op
            open_operations.add(event.op)
        elif isinstance(event, Completed):
            if event.op not in open_operations:
                raise UsageError(
                    f"{path}, line {number}: operation {event.op} completes without being open"
                )
            open_operations.discard(event.op)
