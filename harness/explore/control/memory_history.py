"""A history in memory: for executions that are judged at once and, mostly, forgotten."""

from __future__ import annotations

import time

from paidonce.harness.history import Event, Header, History


class Memory:
    """Records as a journal does, without a file. ``history`` is what was recorded so far."""

    def __init__(self, header: Header) -> None:
        self._origin = time.monotonic_ns()
        self.events: list[Event] = [header]

    def now(self) -> int:
        """Nanoseconds since this record began."""
        return time.monotonic_ns() - self._origin

    def record(self, event: Event) -> None:
        """Append one event."""
        self.events.append(event)

    @property
    def history(self) -> History:
        """Return what was recorded, as checkers take it."""
        return History(self.events)
