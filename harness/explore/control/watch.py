"""A service that is watched while nobody moves: all passes, and is learnt as its own business."""

from __future__ import annotations

from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.taps.gate import Call, Connection


class Watch:
    """The gate of all taps meanwhile."""

    def __init__(self, background: Background, reader: TapReader) -> None:
        self._background = background
        self._reader = reader

    async def request(self, call: Call, connection: Connection) -> None:
        if self._reader.watched(call, connection):
            self._background.learnt.add(f"{call.tap} {call.label}")

    async def answer(self, call: Call, connection: Connection) -> None:
        self._reader.passed(call, connection)
