"""Messages that come again and again: a statement's text, its columns, the end of an answer.

The same bytes always mean the same, and messages are immutable; so what was understood once need
not be again.
"""

from __future__ import annotations

from typing import Generic, TypeVar

_MANY = 2048
_LONG = 4096

M = TypeVar("M")


class Remembered(Generic[M]):
    """Messages by their bytes, of the kinds that are worth it; no more than ``_MANY`` of them."""

    def __init__(self, kinds: str) -> None:
        self.kinds = frozenset(map(ord, kinds))
        self._known: dict[bytes, M] = {}

    def get(self, raw: bytes) -> M | None:
        """The message with all of these bytes, if it was met before."""
        return self._known.get(raw)

    def keep(self, raw: bytes, message: M) -> M:
        """Remember ``message``, and forget all others where there are too many; returns it."""
        if len(raw) <= _LONG:
            if len(self._known) >= _MANY:
                self._known.clear()
            self._known[raw] = message
        return message
