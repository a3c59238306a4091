"""Messages that come again and again: a statement's text, its columns, the end of an answer.

The same bytes always mean the same, and messages are immutable; so what was understood once need
not be again.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from paidonce.harness.taps.postgres.frames import Frame

_MANY = 2048
_LONG = 4096

M = TypeVar("M")


class Remembered(Generic[M]):
    """Messages by their bytes, of the kinds that are worth it; no more than ``_MANY`` of them."""

    def __init__(self, kinds: str) -> None:
        self._kinds = frozenset(map(ord, kinds))
        self._known: dict[bytes, M] = {}

    def get(self, frame: Frame) -> M | None:
        """The message with all of the frame's bytes, if it was met before and is worth it."""
        return self._known.get(frame.raw) if frame.kind in self._kinds else None

    def keep(self, frame: Frame, message: M) -> M:
        """Remember ``message`` if it is worth it, and forget all others where there are too many;
        returns it."""
        if frame.kind in self._kinds and len(frame.raw) <= _LONG:
            if len(self._known) >= _MANY:
                self._known.clear()
            self._known[frame.raw] = message
        return message
