"""A latch: something that is waited for until it is set."""

from __future__ import annotations

import asyncio


class Latch:
    """An ``asyncio.Event`` in a third of its time: a unit at a gate waits for three of them."""

    __slots__ = ("_set", "_waiting")

    def __init__(self) -> None:
        self._set = False
        self._waiting: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        """Return whether nobody has to wait."""
        return self._set

    def set(self) -> None:
        """Let those who wait go on, and all who come."""
        self._set = True
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():  # who waited may have been cancelled
                future.set_result(None)

    def clear(self) -> None:
        """Have those who come wait again."""
        self._set = False

    async def wait(self) -> None:
        """Wait until it is set."""
        if not self._set:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
