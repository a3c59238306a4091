"""The stage of one run: who has started, who is held, and when nothing more can happen.

It is the gate of the Stripe tap while a scenario plays: calls that the scenario holds wait here
for the *event* the scenario names. Nothing is ordered by sleeping: conditions are looked at
whenever something changes at a client or a tap, and every few milliseconds for what only the
servers know (sessions waiting for a lock, leases that ran out, a connection that was closed).
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from paidonce.harness.errors import DeadlineExceeded, UsageError
from paidonce.harness.history import Fault, Note, Recorder
from paidonce.harness.scenario.model import (
    TOGETHER,
    Attempt,
    Hold,
    Scenario,
    Side,
    Start,
    StartWhen,
    Until,
)
from paidonce.harness.service.script import ClientState, Performance, asked_until
from paidonce.harness.taps.gate import Call, Connection
from paidonce.harness.testbed.execution import together

START_DEADLINE_S = 60.0
LATE_DEADLINE_S = 30.0
_LOOK_AGAIN_S = 0.004


@dataclass(eq=False)
class _Held:
    call: Call
    hold: Hold
    connection: Connection
    released: asyncio.Event = field(default_factory=asyncio.Event)


Count = Callable[[], Awaitable[int]]


class Stage:
    """Gate, start signals and the notion of quiet for one run of one scenario.

    ``lock_waiters`` counts database sessions of the service that wait for a lock;
    ``leases`` counts Redis keys that will expire.
    """

    def __init__(
        self, scenario: Scenario, journal: Recorder, *, lock_waiters: Count, leases: Count
    ) -> None:
        self._journal = journal
        self._name = scenario.name
        self._attempts = scenario.attempts
        self._holds = scenario.holds
        self._lock_waiters = lock_waiters
        self._leases = leases
        # Those of the burst need nobody to start: others may count on them from the beginning.
        self._progress = {
            attempt.name: ClientState.RUNNING if attempt.start == TOGETHER else ClientState.WAITING
            for attempt in scenario.attempts
        }
        self._held: list[_Held] = []
        self._taken = dict.fromkeys(scenario.holds, 0)
        self._hung_up = False
        self._over = False
        self._settled_count = 0
        self._changed = asyncio.Event()
        self.unexpected: list[str] = []

    # --- the pace -----------------------------------------------------------------------

    @property
    def gate(self) -> Stage:
        """The stage itself holds what the scenario says."""
        return self

    async def play(self, performance: Performance) -> None:
        """Let each attempt start at its moment, and return when all are through.

        Those that start together have their first requests written up to their last byte by then.
        Raises ``UsageError`` where none starts by itself, and what the attempts do.
        """
        first = sum(attempt.start == TOGETHER for attempt in self._attempts)
        if first == 0:
            raise UsageError(f"scenario {self._name}: no attempt starts by itself")
        burst = asyncio.Barrier(first)
        watch = asyncio.ensure_future(self.watch())
        try:
            await together(
                [
                    asyncio.ensure_future(self._play(attempt, performance, burst))
                    for attempt in self._attempts
                ]
            )
            await self._nobody_owed()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self.close()
            for text in self.unexpected:
                self._journal.record(Note(t=self._journal.now(), text=text))

    async def _play(
        self, attempt: Attempt, performance: Performance, burst: asyncio.Barrier
    ) -> None:
        if attempt.start == TOGETHER:
            await performance.play(attempt.name, burst.wait)
            return
        await self.may_start(attempt, START_DEADLINE_S)
        self.tell(attempt.name, ClientState.RUNNING)
        await performance.play(attempt.name)

    async def _nobody_owed(self) -> None:
        """Wait until clients that gave up have been answered after all, as long as may be."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATE_DEADLINE_S):
                while ClientState.ABANDONED in self._progress.values():  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_AGAIN_S)

    # --- what the attempts tell ---------------------------------------------------------

    def tell(self, attempt: str, progress: ClientState) -> None:
        """An attempt is now there."""
        self._progress[attempt] = progress
        self._settled_count += progress in (ClientState.DONE, ClientState.ABANDONED)
        self._changed.set()

    def delivers(self, attempt: str) -> None:
        """Nobody wants to know."""

    async def park(self, attempt: str, at_most_s: float) -> None:
        """Let ``attempt`` rest until another one is through or a held call is released.

        ``at_most_s`` bounds the wait: whoever is parked asks again in any case.
        """
        before = self._settled_count
        self.tell(attempt, ClientState.PARKED)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                while self._settled_count == before:  # noqa: ASYNC110 - many may wait
                    await asyncio.sleep(_LOOK_AGAIN_S)
        self.tell(attempt, ClientState.RUNNING)

    async def not_yet(self, attempt: str, after_s: float) -> bool:
        """It is asked again a little later."""
        await asyncio.sleep(after_s)
        return True

    async def until(
        self, attempt: str, ready: Callable[[], Awaitable[bool]], hopeless: Callable[[], bool]
    ) -> bool:
        """Ask until what ``attempt`` goes on with is there, or everybody else is through."""
        return await asked_until(ready, hopeless, _LOOK_AGAIN_S)

    def looked(self, attempt: str, seen: object) -> None:
        """Nothing to do: an order of events is arranged here, and none is left out."""

    async def may_start(self, attempt: Attempt, deadline_s: float) -> None:
        """Return at the moment the scenario lets ``attempt`` start.

        Where that moment can no longer come, because everybody else is done, it starts all the
        same and the history says so. Raises ``DeadlineExceeded`` naming what was waited for.
        """
        start = attempt.start
        if start.when is StartWhen.TOGETHER:
            return
        others = [name for name in self._progress if name != attempt.name]

        async def reached() -> bool:
            if await self._reached(start):
                return True
            if all(self._settled(name) for name in others):
                text = f"{attempt.name} starts although {_words(start)} never came"
                self._journal.record(Note(t=self._journal.now(), text=text))
                return True
            return False

        await self._until(reached, f"{attempt.name} to start, {_words(start)}", deadline_s)

    def _settled(self, name: str) -> bool:
        """Done, or waiting for a start that others have to bring about."""
        return self._progress[name] in (ClientState.DONE, ClientState.WAITING) and not self._held

    async def _reached(self, start: Start) -> bool:
        match start.when:
            case StartWhen.TOGETHER:
                return True
            case StartWhen.AFTER:
                return self._progress[start.attempt or ""] in (
                    ClientState.DONE,
                    ClientState.ABANDONED,
                )
            case StartWhen.HELD:
                return len(self._held) >= start.count
            case StartWhen.LEASES_OVER:
                return bool(self._held) and await self._leases() == 0
            case StartWhen.HUNG_UP:
                return self._hung_up

    # --- the gate ---------------------------------------------------------------------

    async def request(self, call: Call, connection: Connection) -> None:
        """Hold a request, if the scenario says so."""
        await self._pass(call, Side.REQUEST, connection)

    async def answer(self, call: Call, connection: Connection) -> None:
        """Hold an answer, if the scenario says so; it is always delivered in the end."""
        await self._pass(call, Side.ANSWER, connection)

    async def _pass(self, call: Call, side: Side, connection: Connection) -> None:
        hold = self._hold_for(call, side)
        if hold is None:
            return
        self._taken[hold] += 1
        held = _Held(call, hold, connection)
        with self._recorded(held):
            try:
                async with asyncio.timeout(hold.limit_s):
                    await held.released.wait()
            except TimeoutError:
                self.unexpected.append(
                    f"{call.label} was let go after {hold.limit_s:g} s without {hold.until.value}"
                )

    def close(self) -> None:
        """The run is over: let go whatever is held, and neither hold nor record any more."""
        for held in list(self._held):
            self._let_go(held, "the end of the run")
        self._over = True

    def _hold_for(self, call: Call, side: Side) -> Hold | None:
        if self._over:
            return None
        for hold in self._holds:
            full = hold.count is not None and self._taken[hold] >= hold.count
            if hold.at is side and not full and fnmatch.fnmatchcase(call.label, hold.calls):
                return hold
        return None

    @contextlib.contextmanager
    def _recorded(self, held: _Held) -> Iterator[None]:
        self._fault("hold", held, f"{held.hold.at.value} held until {held.hold.until.value}")
        self._held.append(held)
        self._changed.set()
        try:
            yield
        finally:
            if held in self._held:
                released = held.released.is_set()
                why = held.hold.until.value if released else "the limit of the hold"
                self._let_go(held, why)

    def _let_go(self, held: _Held, why: str) -> None:
        self._held.remove(held)
        held.released.set()
        self._settled_count += 1
        self._changed.set()
        self._fault("release", held, f"{held.hold.at.value} released: {why}")

    def _fault(self, kind: str, held: _Held, detail: str) -> None:
        self._journal.record(
            Fault(
                t=self._journal.now(),
                tap=held.call.tap,
                kind=kind,
                detail=f"{held.call.label}: {detail}",
                seq=held.call.seq,
            )
        )

    # --- releasing ----------------------------------------------------------------------

    async def watch(self) -> None:
        """Release what may be released, for as long as the run lasts (cancel it to end)."""
        while True:
            self._changed.clear()
            await self._release()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await self._changed.wait()

    async def _release(self) -> None:
        for held in self._held:
            if held.connection.hung_up():
                self._hung_up = True
                if held.hold.until is Until.HUNG_UP:
                    held.released.set()
        quiet = [held for held in self._held if held.hold.until is Until.QUIET]
        if quiet and await self._is_quiet():
            for held in quiet:
                held.released.set()

    async def _is_quiet(self) -> bool:
        if ClientState.WAITING in self._progress.values():
            return False
        busy = sum(
            p in (ClientState.RUNNING, ClientState.ABANDONED) for p in self._progress.values()
        )
        moving = busy - sum(not held.released.is_set() for held in self._held)
        return moving <= 0 or moving <= await self._lock_waiters()

    async def _until(
        self, condition: Callable[[], Awaitable[bool]], what: str, deadline_s: float
    ) -> None:
        try:
            async with asyncio.timeout(deadline_s):
                while not await condition():  # noqa: ASYNC110 - asks servers, no event tells
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise DeadlineExceeded(what, deadline_s) from None


def _words(start: Start) -> str:
    match start.when:
        case StartWhen.AFTER:
            return f"the end of {start.attempt}"
        case StartWhen.HELD:
            return f"{start.count} held call(s) to Stripe"
        case StartWhen.LEASES_OVER:
            return "the end of every Redis lease"
        case StartWhen.HUNG_UP:
            return "the service hanging up on Stripe"
        case StartWhen.TOGETHER:
            return "the burst"
