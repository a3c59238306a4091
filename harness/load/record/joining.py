"""The histories that Locust's processes left, put together: one history for each run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Ended, Event, Header, History, Note
from paidonce.harness.load.record.merge import (
    Merged,
    ProcessHistory,
    merge,
    on_one_clock,
    read_parts,
)
from paidonce.harness.load.record.recorder import MEASURED, ORIGIN, SESSION, WALL, WARMUP

MEASURED_FROM = "measured_from_ns"
MEASURED_TO = "measured_to_ns"
"""Header settings of a merged history: its measured window, on its own clock."""
PROCESSES = "processes"
MACHINES = "machines"


@dataclass(frozen=True)
class Joined:
    """One run: its ``header``, what all of its ``parts`` recorded, and on how many machines."""

    header: Header
    merged: Merged
    parts: tuple[ProcessHistory, ...]
    machines: int
    cut_off: tuple[str, ...]
    """The names of the processes' files that have no end: they were killed."""

    @property
    def began(self) -> float:
        """Return when it began (Unix time), as the machine of its first process says."""
        first = min(self.parts, key=lambda part: part.origin)
        return int(first.history.header.settings.get(WALL, "0")) / 1e9

    @cached_property
    def history(self) -> History:
        """As one history; cut off where a part is."""
        events: list[Event] = [self.header, *self.merged.events]
        if self.machines > 1:
            text = f"recorded on {self.machines} machines, put beside each other by their clocks"
            events.append(Note(t=_last(events), text=text))
        if self.merged.complete:
            events.append(Ended(t=_last(events)))
        return History(events)


def histories_in(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The files among ``paths``, and those in the folders among them, however deep.

    Raises ``UsageError`` where one is missing, or a folder has no history.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(path.rglob("*.jsonl"))
        if not inside:
            raise UsageError(f"{path} has no history: expected files named *.jsonl in it")
        found += inside
    return tuple(dict.fromkeys(found))


def parts_among(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those of ``paths`` that Locust processes left.

    One that was cut off within its first line does not tell what it is: it is taken for one of them
    if there are any.
    """
    lines = {path: _first_line(path) for path in paths}
    parts = [path for path, line in lines.items() if _is_parts(line)]
    if parts:
        parts += [path for path, line in lines.items() if line and not line.endswith(b"\n")]
    return tuple(parts)


def _first_line(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.readline()
    except OSError:
        return b""  # whoever reads it next says why


def _is_parts(line: bytes) -> bool:
    try:
        header = decode_json(line, Header)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return {ORIGIN, WARMUP, MEASURED} <= header.settings.keys()


def join(paths: Iterable[Path]) -> tuple[Joined, ...]:
    """The runs whose processes left these files, in the order in which they began.

    Files cut off before their header was whole hold no operation; they are taken for parts of
    the run if there is only one, and refused else. Raises ``UsageError`` naming a file that is
    not of a Locust process.
    """
    parts, empty = read_parts(paths)
    if not parts:
        raise UsageError(f"no history of a Locust process: {', '.join(empty) or 'no file'}")
    runs: dict[str, list[ProcessHistory]] = {}
    for part in parts:
        runs.setdefault(_session(part), []).append(part)
    if empty and len(runs) > 1:
        raise UsageError(
            f"{', '.join(empty)} was cut off at its very beginning, and does not say which of "
            f"{len(runs)} runs it belongs to: give the files of one run"
        )
    joined = [_joined(of_one, empty) for of_one in runs.values()]
    return tuple(sorted(joined, key=lambda run: run.header.started))


def _joined(parts: Sequence[ProcessHistory], empty: Sequence[str]) -> Joined:
    aligned, machines = on_one_clock(parts)
    merged = merge(aligned, empty)
    start, end = merged.window
    first = min(aligned, key=lambda part: part.origin).history.header
    kept = {n: v for n, v in first.settings.items() if n not in (WARMUP, MEASURED, "machine")}
    settings = kept | {
        ORIGIN: str(merged.origin),
        MEASURED_FROM: str(start),
        MEASURED_TO: str(end),
        PROCESSES: str(len(parts) + len(empty)),
        MACHINES: str(machines),
    }
    cut_off = [part.name for part in aligned if not part.history.complete] + list(empty)
    return Joined(
        header=msgspec.structs.replace(first, settings=settings),
        merged=merged,
        parts=aligned,
        machines=machines,
        cut_off=tuple(cut_off),
    )


def _session(part: ProcessHistory) -> str:
    """Return the session that parts of one run have in common; a file that does not say is a run of
    its own."""
    return part.history.header.settings.get(SESSION) or part.name


def _last(events: Sequence[Event]) -> int:
    last = events[-1]
    return 0 if isinstance(last, Header) else last.t
