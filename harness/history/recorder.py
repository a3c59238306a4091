"""A recorder: a place to write to while something happens, be it a journal on disk or in memory."""

from __future__ import annotations

from typing import Protocol

from paidonce.harness.history.events import Event


class Recorder(Protocol):
    """Takes events with their times."""

    def now(self) -> int:
        """Nanoseconds since the run began: the clock of every event's ``t``."""
        ...

    def record(self, event: Event) -> None:
        """Append one event."""
        ...
