"""Real concurrency: all attempts of a target at once, in real time, recorded and judged."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from paidonce.harness.checkers import judge
from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.explore.search.recorded_order import Recorded, recorded
from paidonce.harness.history import Journal, Note, read_history
from paidonce.harness.results.proof import Run
from paidonce.harness.service.script import (
    ClientState,
    LookedUp,
    NotAtRest,
    Performance,
    asked_until,
)
from paidonce.harness.targets.run.clients import TargetClients
from paidonce.harness.targets.run.script import TargetScript
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.execution import Execution, in_real_time, together
from paidonce.harness.verdict import Status, merge

_FOLLOWED = 5
"""How many bursts that broke are followed in a search."""

_ASK_AGAIN_S = 0.01
_BEFOREHAND = 2
"""As often as a search plays a service that does the same from the beginning."""


class RealTime:
    """A ``Pace`` at which nobody holds anybody: the attempts of these names go together."""

    gate = None

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    async def play(self, performance: Performance) -> None:
        """Play all attempts at once: their first requests are released together.

        Those of attempts that have to wait for the others' doing come as soon as they can.
        """
        begin = {name for name in self._names if await performance.may_begin(name)}
        burst = asyncio.Barrier(len(begin)) if begin else None
        released = None if burst is None else burst.wait
        await together(
            [
                asyncio.ensure_future(performance.play(name, released if name in begin else None))
                for name in self._names
            ]
        )

    def tell(self, attempt: str, progress: ClientState) -> None:
        """Nobody wants to know."""

    def delivers(self, attempt: str) -> None:
        """Nobody wants to know."""

    async def park(self, attempt: str, at_most_s: float) -> None:
        """A refused webhook is delivered again a little later, at Stripe's own pace."""
        await asyncio.sleep(at_most_s)

    async def not_yet(self, attempt: str, after_s: float) -> bool:
        """It is asked again a little later."""
        await asyncio.sleep(after_s)
        return True

    async def until(
        self, attempt: str, ready: Callable[[], Awaitable[bool]], hopeless: Callable[[], bool]
    ) -> bool:
        """Ask now and then; the last time when everybody else is through."""
        return await asked_until(ready, hopeless, _ASK_AGAIN_S)

    def looked(self, attempt: str, seen: LookedUp) -> None:
        """Nobody wants to know."""


class _RefusedAlone(Exception):
    """A webhook is refused that nobody else is there for to make it acceptable."""


class _Alone(RealTime):
    """``Surroundings`` of one attempt while no other is under way."""

    async def park(self, attempt: str, at_most_s: float) -> None:
        """Delivering again would change nothing."""
        raise _RefusedAlone

    async def until(
        self, attempt: str, ready: Callable[[], Awaitable[bool]], hopeless: Callable[[], bool]
    ) -> bool:
        """Return False: in a burst, what is not there yet does not come."""
        return await ready()


@asynccontextmanager
async def crowd(bench: Bench, script: TargetScript) -> AsyncIterator[TargetClients]:
    """The clients of a service that is warm: bursts meet what a search of it meets.

    Raises ``NotReady``, ``NoAnswer`` and ``UsageError`` as the clients do.
    """
    clients = bench.subject.clients(bench)
    assert isinstance(clients, TargetClients)
    try:
        for _ in range(_BEFOREHAND):
            await _one_after_the_other(clients, script)
        yield clients
    finally:
        await clients.close()


async def _one_after_the_other(clients: TargetClients, script: TargetScript) -> None:
    """Play the attempts alone, unrecorded; what comes of it is nobody's concern."""
    journal = Memory(clients.header(script, uuid.uuid4().hex[:12]))
    performance = await clients.begin(script, journal)
    await in_turn(performance, script)
    with suppress(NotAtRest):
        await performance.rest()


async def in_turn(performance: Performance, script: TargetScript) -> None:
    """Play the attempts one after the other; a webhook that is refused is not sent again.

    Raises ``NoAnswer`` where a client gets no connection.
    """
    await performance.join(_Alone(()))
    for attempt in script.clients:
        with suppress(_RefusedAlone):
            await performance.play(attempt.name)


async def burst(
    bench: Bench, clients: TargetClients, script: TargetScript, folder: Path, name: str
) -> Run:
    """Play all attempts at once and judge what came of it; its history is ``folder/name``.

    Raises ``NotReady``, ``NoAnswer`` and ``UsageError`` as the clients do.
    """
    began = time.monotonic()
    path = folder / name
    with Journal(path, clients.header(script, uuid.uuid4().hex[:12])) as journal:
        pace = RealTime([attempt.name for attempt in script.clients])
        try:
            await in_real_time(Execution(clients, script, journal), bench, pace)
        except NotAtRest as failure:
            # Without its end the history proves nothing that rests on absence.
            journal.record(Note(t=journal.now(), text=str(failure)))
    verdicts = await asyncio.to_thread(lambda: judge(read_history(path)))
    return Run(
        history=name,
        status=merge(verdict.status for verdict in verdicts),
        verdicts=verdicts,
        seconds=time.monotonic() - began,
        raced=True,
    )


def orders_of_the_broken(runs: Sequence[Run], folder: Path) -> tuple[Recorded, ...]:
    """In which order things came to the taps in the first few bursts that broke something."""
    broke = [run for run in runs if run.status is Status.INVALID][:_FOLLOWED]
    return tuple(recorded(read_history(folder / run.history)) for run in broke)
