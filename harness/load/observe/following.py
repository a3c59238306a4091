"""Reads what the processes of a load run record, while they do.

Every operation is in a file the moment it happens (``recorder``), so whoever wants to watch needs
nothing from Locust and costs its processes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from paidonce.harness.history import Completed, Event, Invoked
from paidonce.harness.load.observe.background_watch import BackgroundWatch

INTERVAL_S = 0.2
"""Seconds between two looks."""

Tell = Callable[[Invoked, Completed | None], None]
"""Told of an operation when it begins, and again, with its completion, when it ends."""

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class Tail:
    """One growing history file. A line that is not whole yet is left for the next look."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self._file: BinaryIO = path.open("rb")
        self._tell = tell
        self._rest = b""
        self._open: dict[int, Invoked] = {}

    @property
    def open(self) -> tuple[Invoked, ...]:
        """The operations that have begun and have no completion."""
        return tuple(self._open.values())

    def read(self) -> None:
        """Tell of everything that was recorded since the last time.

        Raises ``msgspec.MsgspecError`` on a line that is no event.
        """
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for text in lines:
            event = _decoder.decode(text)
            if isinstance(event, Invoked):
                self._open[event.op] = event
                self._tell(event, None)
            elif isinstance(event, Completed):
                begun = self._open.pop(event.op, None)
                if begun is not None:
                    self._tell(begun, event)

    def close(self) -> None:
        """Close the file; it may be gone by now."""
        self._file.close()


class Follower(BackgroundWatch):
    """Follows the histories of one load run in ``folder`` on a thread of its own.

    Use as a context manager around the run. Files that are there already belong to an earlier one.
    Once left, everything that was recorded has been told; ``left`` are the operations without an
    end. An error met while reading is raised when it is left.
    """

    def __init__(self, folder: Path, tell: Tell) -> None:
        super().__init__("follower")
        self._folder = folder
        self._tell = tell
        self._known = set(self._there())
        self._tails: list[Tail] = []
        self.left: tuple[Invoked, ...] = ()

    def _there(self) -> list[Path]:
        return sorted(self._folder.glob("*.parts/*.jsonl"))

    def _watch(self, told: threading.Event) -> None:
        while not told.wait(INTERVAL_S):
            self._read()
        self._read()

    def _read(self) -> None:
        for path in self._there():
            if path not in self._known:
                self._known.add(path)
                self._tails.append(Tail(path, self._tell))
        for tail in self._tails:
            tail.read()

    def _let_go(self) -> None:
        self.left = tuple(begun for tail in self._tails for begun in tail.open)
        for tail in self._tails:
            tail.close()
