"""A pace at which attempts go one after the other, and one call of theirs fails as it is told."""

from __future__ import annotations

import asyncio

from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.scenario.performance import ScenarioClients
from paidonce.harness.taps.faults import Crash, NoContact
from paidonce.harness.testbed.execution import Execution, in_real_time
from paidonce.harness.testbed.outside import Outside


class Failing:
    """A ``Pace`` whose gate has ``fault`` happen once: at the ``nth`` call that ``label`` begins,
    in the place of its request or of its answer. ``happened`` says whether it did.
    """

    def __init__(self, bench, journal, label, fault, *, side="request", nth=1):
        self._outside, self._journal = Outside(bench), journal
        self._label, self._fault, self._side, self._left = label, fault, side, nth
        self.gate = self
        self._over = asyncio.Event()
        self._over.set()
        self.happened = False

    async def request(self, call, connection):
        return await self._at("request", call)

    async def answer(self, call, connection):
        return await self._at("answer", call)

    async def _at(self, side, call):
        if self.happened or side != self._side or not call.label.startswith(self._label):
            return None
        self._left -= 1
        if self._left:
            return None
        self.happened = True
        if isinstance(self._fault, Crash):
            self._over.clear()
            await self._outside.happen(self._fault, self._journal)
            self._over.set()
            return NoContact() if side == "request" else None
        return self._fault

    async def play(self, performance):
        for attempt in performance.scenario.attempts:
            await performance.play(attempt.name)
            await self._over.wait()

    def tell(self, attempt, progress):
        pass

    def delivers(self, attempt):
        pass

    async def park(self, attempt, at_most_s):
        raise AssertionError("nobody else is under way")

    def looked(self, attempt, seen):
        pass


async def failing_once(bench, story, label, fault, **where):
    """The history of ``story`` with one failure, and whether it happened."""
    clients = ScenarioClients(bench, run="x")
    journal = Memory(clients.header(story, "x"))
    pace = Failing(bench, journal, label, fault, **where)
    try:
        await in_real_time(Execution(clients, story, journal, failing=True), bench, pace)
    finally:
        await clients.close()
    return journal.history, pace.happened
