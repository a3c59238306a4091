"""Reads a history file back, torn last line included."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.errors import UsageError
from harness.history.events import FORMAT, Completed, Ended, Event, Header, Invoked
from harness.history.history import History

_decoder = msgspec.json.Decoder(Event)


def read_history(path: Path) -> History:
    """The history recorded in ``path``.

    A last line without its newline is what a crash leaves: it is dropped and the history is
    marked ``truncated``. Any other line that cannot be understood is an error, since silently
    dropping an event could turn an INVALID into a VALID.

    Raises ``UsageError`` naming the file, the line and what was expected.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"history file {path} cannot be read: {reason}") from error
    *lines, tail = data.split(b"\n")
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        try:
            event = _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            if number == 1:
                _check_format(path, line)
            raise UsageError(
                f"{path}, line {number}: not an event of a paidonce history ({error})"
            ) from error
        _check_place(path, number, event)
        events.append(event)
    if not events:
        what = "holds no complete line" if tail else "is empty"
        raise UsageError(f"{path} {what}: a paidonce history starts with a header line")
    _check_end(path, events)
    _check_operations(path, events)
    return History(events, truncated=bool(tail))


class _Format(msgspec.Struct):
    """The one thing of a header that every version of the format has."""

    format: int


def _check_format(path: Path, line: bytes) -> None:
    """Name the version if a first line that was not understood is a header of another one."""
    try:
        found = msgspec.json.decode(line, type=_Format).format
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if found != FORMAT:
        raise UsageError(f"{path} has history format {found}; this version reads format {FORMAT}")


def _check_place(path: Path, number: int, event: Event) -> None:
    if (number == 1) != isinstance(event, Header):
        raise UsageError(
            f"{path}, line {number}: a paidonce history has one header, on its first line"
        )
    if isinstance(event, Header) and event.format != FORMAT:
        raise UsageError(
            f"{path} has history format {event.format}; this version reads format {FORMAT}"
        )


def _check_end(path: Path, events: list[Event]) -> None:
    for number, event in enumerate(events[:-1], start=1):
        if isinstance(event, Ended):
            raise UsageError(f"{path}, line {number}: the end of the history is not its last line")


def _check_operations(path: Path, events: list[Event]) -> None:
    open_operations: set[int] = set()
    seen: set[int] = set()
    for number, event in enumerate(events, start=1):
        if isinstance(event, Invoked):
            if event.op in seen:
                raise UsageError(f"{path}, line {number}: operation {event.op} is invoked twice")
            seen.add(event.op)
            open_operations.add(event.op)
        elif isinstance(event, Completed):
            if event.op not in open_operations:
                raise UsageError(
                    f"{path}, line {number}: operation {event.op} completes without being open"
                )
            open_operations.discard(event.op)
