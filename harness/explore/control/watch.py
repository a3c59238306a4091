"""A service that is watched while nobody moves: all passes, and is learnt as its own business."""

from __future__ import annotations

import asyncio

from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.controlled_bench import ControlledBench
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


async def pass_by(controlled: ControlledBench, gate: Watch, seconds: float) -> None:
    """Have all that a service does by itself go past ``gate`` for a while.

    Raises what a tap could not deal with.
    """
    await controlled.between_transactions()
    failures: list[Exception] = []
    for _, tap in controlled.taps():
        tap.on_failure = failures.append
    controlled.bench.bind(None, gate)
    await asyncio.sleep(seconds)
    controlled.bench.bind(None, None)
    if failures:
        raise failures[0]
