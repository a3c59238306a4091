"""Appends events to a file as they happen, so that a crash leaves a readable history."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Self

import msgspec

from paidonce.harness.errors import UsageError
from paidonce.harness.history.events import FORMAT, Event, Header
from paidonce.harness.history.lines import encoded, numbered


class Journal:
    """Append-only writer of one history file; safe to call from several threads.

    The file must not exist yet (a recorded history is never overwritten). Every event is one
    line, handed to the operating system before ``record`` returns, so it outlives this process;
    ``close`` makes it outlive the machine as well. Only what is given to ``keep`` waits for the
    next line. ``origin_ns`` is the moment (of
    ``time.monotonic_ns``) from which times count; by default, now.

    Raises ``UsageError`` when the file exists or cannot be created.
    """

    def __init__(self, path: Path, header: Header, *, origin_ns: int | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._origin = time.monotonic_ns() if origin_ns is None else origin_ns
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
            self._size = 0
            self._lines = 0
            self._kept = b""
        except OSError as error:
            if path.exists():
                raise UsageError(f"history file {path} exists already; name another file") from None
            reason = error.strerror or str(error)
            raise UsageError(f"history file {path} cannot be created: {reason}") from error
        # One that was read from an older file is written in this format from here on.
        self.record(msgspec.structs.replace(header, format=FORMAT))

    def now(self) -> int:
        """Nanoseconds since this run began, the clock of every event's ``t``."""
        return time.monotonic_ns() - self._origin

    def record(self, event: Event) -> None:
        """Append one event.

        Raises ``ValueError`` once the journal is closed, ``UsageError`` when the file cannot take
        it (a full disk); nothing of the event is left in the file then.
        """
        line = encoded(event)
        with self._lock:
            self._check_open(event)
            self._write(self._kept + numbered(self._lines + 1, line))
            self._lines += 1

    def keep(self, event: Event) -> None:
        """Append one event with the next that is recorded, or on ``flush`` or ``close``.

        Half as many calls of the operating system, for who flushes before it waits for anything.
        Raises ``ValueError`` once the journal is closed.
        """
        line = encoded(event)
        with self._lock:
            self._check_open(event)
            self._lines += 1
            self._kept += numbered(self._lines, line)

    def flush(self) -> None:
        """Append what was kept. Raises ``UsageError`` when the file cannot take it."""
        with self._lock:
            if self._kept and not self._file.closed:
                self._write(self._kept)

    def _check_open(self, event: Event) -> None:
        if self._file.closed:
            raise ValueError(f"history {self.path} is closed; {type(event).__name__} came late")

    def _write(self, line: bytes) -> None:
        # An unbuffered write may take only part of a line (a full disk, a signal). What cannot
        # be completed is taken back, or the next event would turn it into a broken line.
        try:
            written = self._file.write(line)
            while written < len(line):
                written += self._file.write(line[written:])
        except OSError as error:
            self._file.truncate(self._size)
            self._file.seek(self._size)
            reason = error.strerror or str(error)
            raise UsageError(f"history file {self.path} cannot be written: {reason}") from error
        self._size += len(line)
        self._kept = b""

    def close(self) -> None:
        """Flush to the disk and close; closing twice is harmless."""
        with self._lock:
            if not self._file.closed:
                if self._kept:
                    self._write(self._kept)
                os.fsync(self._file.fileno())
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
