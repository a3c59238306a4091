"""A test bed under control: its taps, sessions, processes and clients, for one execution after
another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.controller import Control
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.lock_waits import LockWaits
from paidonce.harness.explore.control.process_activity import ProcessActivity
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.explore.control.readers import TAPS, TapKind
from paidonce.harness.explore.control.sql_sessions import SqlSessions, session_name
from paidonce.harness.explore.footprint.sql.sent import Sent
from paidonce.harness.explore.footprint.sql.serials import Serials, serials_of
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.process.threads import in_thread
from paidonce.harness.service.script import Clients, Performance
from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.taps.tap import Tap, TapSession
from paidonce.harness.testbed.bench import Bench

_SETTLED_WITHIN_S = 2.0
_IDLE_LOOKS = 3
_LOOK_AGAIN_S = 0.0005


@dataclass
class ControlledBench:
    """A bench under control; what is asked of the service once is known to all worlds on it."""

    bench: Bench
    patience: Patience
    under_way: set[asyncio.Future[Performance]] = field(default_factory=set)
    """Preparations that are not over yet."""
    _sessions: SqlSessions | None = None
    _clients: Clients | None = None
    _serials: Serials | None = None
    _activity: ProcessActivity | None = None

    def taps(self) -> Iterator[tuple[TapKind, Tap]]:
        """Return the taps of the bench, each with what is known of its kind."""
        for name, tap in self.bench.taps.items():
            yield TAPS[name], tap

    def listen(self, control: Control | None = None, reader: TapReader | None = None) -> None:
        """Have ``control`` told of what happens at the taps beyond the calls."""
        for name, tap in self.bench.taps.items():
            tap.on_change = None if control is None else control.stir
            tap.on_failure = None if control is None else control.fail
            tap.on_close = (
                _tell_of_ends(name, control, reader)
                if control is not None and reader is not None
                else None
            )

    @property
    def processes(self) -> ProcessActivity:
        """The activity of the service's processes."""
        if self._activity is None:
            postgres = self.postgres
            beside = self.bench.one_offs
            self._activity = ProcessActivity(
                self.bench.pids,
                lambda: postgres.connecting or beside.starting > 0,
                lambda: beside.pids,
            )
        return self._activity

    def sessions(self) -> SqlSessions:
        """Return the sessions at Postgres, as an execution begins with them."""
        if self._sessions is None:
            self._sessions = SqlSessions(self.bench.postgres_url, self._asked, self._set_so_far)
        self._sessions.begin()
        return self._sessions

    def _asked(self, session: str) -> Mapping[str, str]:
        """Return what a session asked for in its startup message."""
        for at_tap in self.postgres.sessions:
            if session_name(at_tap.id) == session:
                return at_tap.startup
        return {}

    def _set_so_far(self, session: str) -> Sequence[Sent]:
        """Return the statements by which a session has made settings so far."""
        for at_tap in self.postgres.sessions:
            if session_name(at_tap.id) == session:
                return at_tap.lasting.statements
        return ()

    @property
    def postgres(self) -> PostgresTap:
        """The tap before Postgres."""
        tap = self.bench.taps.get(PostgresTap.name)
        if not isinstance(tap, PostgresTap):
            raise PaidonceError(
                "exploration needs a bench under control, with taps before Postgres"
            )
        return tap

    @property
    def blocking(self) -> psycopg.AsyncConnection[tuple[int, list[int]]]:
        """Our own connection, on which Postgres says who waits for whom."""
        if self.bench.blocking is None:
            raise PaidonceError("exploration needs a bench under control")
        return self.bench.blocking

    async def settle(self, *, after_another: bool) -> None:
        """Wait until the last execution is over in all processes: its work must not spill over.

        ``after_another`` tells that there was one.

        Raises ``InvalidRun`` where a process that was killed in it does not come back.
        """
        await asyncio.gather(*self.under_way, return_exceptions=True)
        await self._come_back()
        await self.clients.settle()
        if not self.several or not after_another:
            return
        activity, deadline = self.processes, time.monotonic() + _SETTLED_WITHIN_S
        idle = 0
        while idle < _IDLE_LOOKS and time.monotonic() < deadline:
            await asyncio.sleep(self.patience.handover)
            idle = idle + 1 if activity.idle() else 0

    async def _come_back(self) -> None:
        """Wait for a process that an execution has killed and not waited for."""
        running = self.bench.running
        if running.up:
            return
        try:
            await in_thread(running.come_back)
        except (PaidonceError, OSError) as error:
            raise InvalidRun(f"the service does not come back after a crash: {error}") from error
        self.processes.begin(self.bench.pids)

    async def between_transactions(self) -> None:
        """Wait for a moment at which no session is in a transaction: of one whose beginning was
        not seen nothing would be known. One that stays in it is not waited for for long."""
        tap = self.postgres
        for _ in range(round(self.patience.tail / _LOOK_AGAIN_S)):
            if tap.between_transactions:
                break
            await asyncio.sleep(_LOOK_AGAIN_S)

    @property
    def serials(self) -> Serials:
        """The columns of serial numbers.

        Asked for before the first execution: what is there then is there in all of them.
        """
        if self._serials is None:
            self._serials = serials_of(self.sessions().catalog, self.bench.postgres_url)
        return self._serials

    @property
    def several(self) -> bool:
        """Return whether one process of the service may hand work to another."""
        return len(self.bench.pids) > 1

    @property
    def clients(self) -> Clients:
        """The clients of the attempts."""
        if self._clients is None:
            self._clients = self.bench.subject.clients(self.bench)
        return self._clients

    async def end_transactions(
        self, control: Control, reader: TapReader, idle_s: float = 0.0
    ) -> None:
        """End the transactions that an attempt has left open, and that nobody will end.

        They are given ``idle_s`` first: who is through ends it at once, and who has done nothing
        for that long never will.
        """
        if pids := _in_transactions(control, reader):
            if idle_s:
                await asyncio.sleep(idle_s)
            await LockWaits(self.blocking).end_idle(pids, idle_s * 0.8)

    async def close(self) -> None:
        """Close the clients' connections."""
        for beginning in self.under_way:
            beginning.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)
        if self._clients is not None:
            await self._clients.close()


def _tell_of_ends(tap: str, control: Control, reader: TapReader) -> Callable[[TapSession], None]:
    return lambda session: control.gone(reader.named(tap, session.id))


def _in_transactions(control: Control, reader: TapReader) -> list[int]:
    """Return the backends of the sessions on which an attempt has left a transaction open."""
    sessions = {s for name in control.players for s in reader.open_sessions(name)}
    return [control.pids[session] for session in sessions if session in control.pids]
