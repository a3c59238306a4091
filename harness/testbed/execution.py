"""One execution of a script: the same ways, whoever gates it.

::

    begin ──> join ──> attempts play under a gate ──> rest ──(asked again ──> rest)──> look ──> end
                                                      └─ or, where something went wrong: recovery

What differs is who lets the attempts move. A search lets one of them make a step at a time (see
``paidonce.harness.explore.control``). A choreography arranges the one order that a story is about,
and a burst releases all of them together: these two are a ``Pace``, and play ``in_real_time``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from paidonce.harness.history import Ended, Note, Recorder
from paidonce.harness.service.script import (
    Clients,
    NotAtRest,
    Over,
    Performance,
    Script,
    Surroundings,
)
from paidonce.harness.taps.gate import Gate
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.recovery import recover


@dataclass
class Execution:
    """An execution of ``script`` by ``clients``, recorded in ``journal``."""

    clients: Clients
    script: Script
    journal: Recorder
    failing: bool = False
    """True if something is made go wrong in it: recovery follows, whatever the script says."""
    sweeps_first: bool = False
    """True if clients ask again after the sweeps of a round of recovery, and not before."""
    performance: Performance = field(init=False)
    """The performance that is played, once it has begun."""

    @property
    def recovers(self) -> bool:
        """Return whether recovery follows once the attempts are through."""
        return self.failing or self.performance.recovery.bounds.always

    async def begin(self) -> Performance:
        """Take everything back to the beginning, and prepare.

        Raises ``NotReady``, ``UnexpectedAnswer`` and ``UsageError``.
        """
        self.performance = await self.clients.begin(self.script, self.journal)
        return self.performance

    async def end(self, over: Over, *, in_any_case: bool = False) -> None:
        """Once the attempts are through: wait for rest, look at what came of them, end the record.

        ``over`` is called when nothing more is to be recorded of the taps. Raises ``NotAtRest``,
        and leaves the record without its end; ``in_any_case`` it is noted there, and the checkers
        are to see that an order was still being worked on. Raises ``NotReady`` where recovery
        cannot be done as it is described.
        """
        performance = self.performance
        if self.recovers:
            over()
            over(asked=True)
            await recover(performance.recovery, self.journal, sweeps_first=self.sweeps_first)
            if performance.asks_again:
                await performance.ask_again()
                await performance.recovery.settle()
            over(stripe=True)
            await performance.look()
            self.journal.record(Ended(t=self.journal.now()))
            return
        await self._rest(over, in_any_case=in_any_case)
        if performance.asks_again:
            over(asked=True)
            await performance.ask_again()
            await self._rest(over, in_any_case=in_any_case)
        over(stripe=True)
        await performance.look()
        self.journal.record(Ended(t=self.journal.now()))

    async def _rest(self, over: Over, *, in_any_case: bool) -> None:
        try:
            await self.performance.rest(over)
        except NotAtRest as failure:
            if not in_any_case:
                raise
            self.journal.record(Note(t=self.journal.now(), text=str(failure)))


class Pace(Surroundings, Protocol):
    """Lets the attempts of an execution move in real time."""

    @property
    def gate(self) -> Gate | None:
        """The gate that the taps ask meanwhile; None where nothing is held."""
        ...

    async def play(self, performance: Performance) -> None:
        """Return when all attempts are through. Raises what the first one that fails does."""
        ...


async def in_real_time(
    execution: Execution, bench: Bench, pace: Pace, *, in_any_case: bool = False
) -> None:
    """Make ``execution`` at ``pace``; all taps of ``bench`` record to its end.

    Raises what beginning, joining, playing and ending do; ``in_any_case`` as in ``Execution.end``.
    """
    bench.bind(execution.journal, None)
    try:
        performance = await execution.begin()
        await performance.join(pace)
        if pace.gate is not None:
            bench.bind(execution.journal, pace.gate)
        await pace.play(performance)
        await execution.end(_records_to_the_end, in_any_case=in_any_case)
    finally:
        bench.bind(None, None)


def _records_to_the_end(*, stripe: bool = False, asked: bool = False) -> None:
    """There is nobody to be kept apart from."""


async def together(plays: list[asyncio.Future[None]]) -> None:
    """Wait for all ``plays``; where one fails, end the others and raise what it raised."""
    try:
        await asyncio.gather(*plays)
    except BaseException:
        for play in plays:
            play.cancel()
        await asyncio.gather(*plays, return_exceptions=True)
        raise
