"""Fresh executions of a scenario on one bench, each from the same initial state."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import psycopg

from paidonce.harness.bounded import decode_json
from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.alarms import SILENT, Alarms
from paidonce.harness.explore.control.attempts import Player
from paidonce.harness.explore.control.attribution_learnt import Habits
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.clock_values import Times
from paidonce.harness.explore.control.controller import Control
from paidonce.harness.explore.control.crashes import ServiceCrashes
from paidonce.harness.explore.control.database_timeouts import Timeouts
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.deferral import DeferralTracker
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.failing import Failing, Offers
from paidonce.harness.explore.control.hidden_locks import HiddenLocks
from paidonce.harness.explore.control.leases import Leases
from paidonce.harness.explore.control.lock_waits import LockWaits
from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.new_rows import NewRows, tables_of
from paidonce.harness.explore.control.one_key import OneKey
from paidonce.harness.explore.control.polling import Polls
from paidonce.harness.explore.control.process_activity import ProcessActivity
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.explore.control.readers import TAPS, TapKind
from paidonce.harness.explore.control.readers.base import Reading
from paidonce.harness.explore.control.row_facts import RowFacts
from paidonce.harness.explore.control.side_by_side import SideBySide
from paidonce.harness.explore.control.splitting import Splitting
from paidonce.harness.explore.control.sql_sessions import SqlSessions, session_name
from paidonce.harness.explore.control.time_keys import TimeKeys
from paidonce.harness.explore.control.timed_answers import TimedAnswers
from paidonce.harness.explore.control.warm_up import Cold, Warmth
from paidonce.harness.explore.control.watch import Watch
from paidonce.harness.explore.control.watched import watched_by
from paidonce.harness.explore.footprint.expiry import CATCHING_UP, expiring
from paidonce.harness.explore.footprint.sql.row_order import is_of_a_set
from paidonce.harness.explore.footprint.sql.serials import Serials, serials_of
from paidonce.harness.explore.footprint.stripe_told import ToldByStripe
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.naming.preparation import Preparing
from paidonce.harness.explore.search.symmetry import twins
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.process.threads import in_thread
from paidonce.harness.service.passing import Passing
from paidonce.harness.service.script import (
    Clients,
    NotReady,
    Performance,
    Script,
    ScriptAttempt,
    clients_among,
)
from paidonce.harness.taps.faults import Crash
from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.taps.tap import Tap, TapSession
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.execution import Execution
from paidonce.harness.verdict import Status

GIVES_UP = "gives up, and asks again"
"""The label of the step in which a client gives up."""
_SETTLED_WITHIN_S = 2.0
_IDLE_LOOKS = 3
_DUE = "/v1/events?type=payment_intent.processing&limit=1"
_LOOK_AGAIN_S = 0.0005


@dataclass
class ServiceWorlds:
    """``Worlds`` (see ``paidonce.harness.explore.search.world``) for one script on one bench under
    control.
    """

    scenario: Script
    bench: Bench
    patience: Patience = field(default_factory=Patience)
    background: Background = field(default_factory=Background)
    """The units that the service sends by itself."""
    mode: Mode = field(default_factory=Mode)
    """The claims that executions rely on."""
    alarms: Alarms = SILENT
    """Whom they tell that they must not."""
    merged: set[str] = field(default_factory=set)
    """Labels of steps of which several tries were made in one step, in any execution so far."""
    alone: Mapping[str, int] = field(default_factory=dict)
    """How many of its requests succeeded when an attempt was alone, of those that were then told
    that they succeeded. Empty where that was not looked at: the reference service's scenarios say
    by a checker that somebody has to succeed."""
    last: ServiceWorld | None = None
    """The world made last; a search that found something reads its history here."""
    surprise: str = ""
    """The units that came while nobody moved, in any execution so far; others then wait longer."""
    warmth: Warmth = field(default_factory=Warmth)
    """The warm-up the service has been through; of all worlds on the same bench."""
    leases: Leases = field(default_factory=Leases)
    """The leases that attempts were seen to take; of all worlds on the same bench."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """The time-outs that waiting for a lock could have met; of all worlds on the same bench."""
    offers: Offers = field(default_factory=Offers)
    """The failures that were possible in the executions since a search began."""
    timed_answers: TimedAnswers = field(default_factory=TimedAnswers)
    """The answers that attempts got, and how they went on; of all worlds on the same bench."""
    _under_way: set[asyncio.Future[Performance]] = field(default_factory=set)
    """Preparations that are not over yet; of all worlds on the same bench."""
    _hashes_tried: dict[str, int] = field(default_factory=dict)
    _sessions: SqlSessions | None = None
    _clients: Clients | None = None
    _serials: Serials | None = None
    _activity: ProcessActivity | None = None
    _habits: Habits | None = None
    _hidden_locks: HiddenLocks | None = None

    async def fresh(self) -> ServiceWorld:
        """A world at the script's beginning, on a service that is warm.

        Raises ``InvalidRun`` when the preparation does not succeed.
        """
        await self.warm()
        return await self._fresh()

    def cold(self) -> ServiceWorlds:
        """The same worlds without warming up, for what is to meet the service as it was started."""
        return replace(self, warmth=Cold())

    async def warm(self) -> None:
        """Let the service go through all that is done once, before anything counts.

        Raises ``InvalidRun`` when the preparation does not succeed.
        """
        whole = self.scenario.whole
        kinds = frozenset(repr(attempt.steps) for attempt in whole.attempts)
        if self.warmth.covers(kinds, len(whole.attempts)):
            return
        told = self.telling(whole)
        self._serial_columns()
        beforehand = replace(
            told,
            background=Background(
                self.background.patterns,
                learnt=self.background.learnt,
                at_once=self.background.at_once,
            ),
            mode=replace(
                told.mode,
                in_turn=True,
                late_locks=False,
                late_answers=False,
                hold_all=False,
                put_back=False,
                failures=frozenset(),
            ),
            alarms=Alarms(overtaken=told.alarms.overtaken),
            _serials=self._serials,
            _sessions=self._sessions,
        )
        await self.warmth.warm(beforehand._fresh, kinds, len(whole.attempts))
        await self._players_clients().mark()
        self.last = self.last or beforehand.last

    async def parted(self) -> str:
        """How what warming up came to goes another way by now, in words; empty if it does not."""
        if self.mode.put_back:
            self._players_clients().put_back = True
        return await self.warmth.parted()

    async def _fresh(self) -> ServiceWorld:
        began = time.time()
        blocking, clients = self._blocking(), self._players_clients()
        serials = self._serial_columns()
        memory = Memory(clients.header(self.scenario, uuid.uuid4().hex[:12]))
        preparing = Preparing()
        clients.on_prepare = preparing.begin
        for kind, tap in self._taps():
            tap.bind(memory if kind.throughout else None, preparing if kind.prepares else None)
        self._listen()
        try:
            await self._settle(clients)
            if self.bench.replica is not None:
                await in_thread(self.bench.replica.follow)
            execution = Execution(clients, self.scenario, memory)
            performance = await self._begun(execution)
        except NotReady as failure:
            raise InvalidRun(str(failure)) from failure
        rows = self._new_rows()
        facts = RowFacts(self._sql_sessions().catalog, self.mode.lists)
        watched = watched_by(self.scenario.watched.values(), self._sql_sessions())
        names = Names(performance.known, serials, self.mode.unnamed, rows.apart, facts.of)
        players = [self._player(attempt) for attempt in self.scenario.attempts]
        reading = self._reading(names, began, rows, facts)
        reading.due = await self._anything_due()
        reader = TapReader(reading, players, self._known())
        preparing.tell(names, reader.made)
        if not rows.everything:
            await facts.read(self.bench.eyes, serials, names.known)
        control = Control(
            players,
            reader,
            LockWaits(blocking),
            self._processes(),
            self.patience,
            thorough=bool(self.surprise),
            left=performance.left,
            several=self._several,
            late_answers=self.mode.late_answers,
            raised=any(player.delivers_raised for player in players),
            splitting=Splitting(reading.sessions, self.mode.apart, self.mode.hold_all, watched),
            at_once=self.background.at_once,
            crashes=ServiceCrashes(self.bench, memory, self._processes()),
        )
        world = ServiceWorld(
            script=self.scenario,
            bench=self.bench,
            memory=memory,
            execution=execution,
            control=control,
            reader=reader,
            failing=Failing(
                reader,
                self.mode.failures,
                self.offers,
                self.mode.every_crash,
            ),
            side_by_side=SideBySide(self.background.at_once),
            end_recording=self._end_recording,
            mode=self.mode,
            alarms=self.alarms,
            watched=watched,
            polls=Polls(self.mode.endless, self.merged, self.mode.each_try),
            twins=self.twins if self.mode.in_turn else {},
            on_close=self._closed,
            stayed=self.leases.stayed,
            end_waits=self._end_waits,
        )
        if self.bench.replica is not None:
            await in_thread(self.bench.replica.hold)
        await performance.join(world)
        for player in players:
            player.absent = True
        await world.look_ahead()
        await self._between_transactions()
        self.bench.bind(memory, control)
        self._listen(control, reader)
        self.last = world
        return world

    async def _anything_due(self) -> bool:
        """Return whether time that passes may settle a payment that the preparation has made."""
        if self.bench.advance is None or not self.besides:
            return False
        answer = await self.bench.stripe.ask("GET", _DUE, b"", {})
        return answer.status != HTTPStatus.OK or bool(decode_json(answer.body)["data"])

    def _player(self, attempt: ScriptAttempt) -> Player:
        passing = attempt.passing
        if passing is None:
            begins = GIVES_UP if attempt.again else Player.begins
            return Player(attempt.name, delivers_raised=attempt.delivers_raised, begins=begins)
        touches = expiring(
            passing.seconds,
            redis=self.bench.redis is not None,
            stripe=self.bench.advance is not None,
        )
        if passing.catches_up:
            touches = touches.union(CATCHING_UP)
        return Player(attempt.name, begins=passing.label, ours=touches)

    def _new_rows(self) -> NewRows:
        """Return what is known of the order in which rows are made, for another execution."""
        sessions, queries = self._sql_sessions(), self.scenario.looked_through
        if queries is None or self.mode.failures:
            return NewRows(sessions.catalog)
        looks = [look for sql in queries if not is_of_a_set(sql) for look in sessions.looks(sql)]
        ordered = self.mode.lists | tables_of(looks, sessions.catalog)
        return NewRows(sessions.catalog, ordered, everything=False)

    def _reading(
        self,
        names: Names,
        began: float,
        new_rows: NewRows | None = None,
        facts: RowFacts | None = None,
    ) -> Reading:
        """Return what those who read the calls of one execution share; it ``began`` then."""
        sessions = self._sql_sessions()
        if self._hidden_locks is None:
            self._hidden_locks = HiddenLocks(self._blocking(), sessions.catalog)
        tells = self.bench.stripe_tap.tells
        self.leases.wanted = not self.bench.subject.leases_hold
        return Reading(
            names=names,
            background=self.background,
            times=Times(began, self.background, names.beforehand),
            sessions=sessions,
            late=DeferralTracker(sessions),
            one_key=OneKey(self.mode.split),
            leases=self.leases,
            timeouts=self.timeouts,
            hidden_locks=self._hidden_locks,
            new_rows=new_rows or NewRows(sessions.catalog),
            facts=facts,
            told=ToldByStripe(names.known, names.call, self.mode.lists) if tells else None,
            time_keys=TimeKeys(sessions.catalog, frozenset(names.beforehand), self._hashes_tried),
            timed_answers=self.timed_answers,
        )

    async def _begun(self, execution: Execution) -> Performance:
        """The script's beginning. If nobody waits for it any more it is brought about all the same:
        what the service is still doing for it must not be taken for its own doing."""
        execution.clients.put_back = execution.clients.put_back or self.mode.put_back
        beginning = asyncio.ensure_future(execution.begin())
        self._under_way.add(beginning)
        beginning.add_done_callback(self._under_way.discard)
        return await asyncio.shield(beginning)

    def telling(self, scenario: Script) -> ServiceWorlds:
        """Worlds of another script on the same bench, which differs in its attempts alone.

        They share what is known of the service; use one of the two at a time.
        """
        self._players_clients()
        return replace(self, scenario=scenario, last=None, _habits=None)

    def lapse(self, lapse: Passing | None) -> None:
        """Have that time pass in every execution from now on, so that leases are over."""
        if lapse != self.mode.lapse:
            self.scenario = self.scenario.lapsing(lapse)
            self.mode = replace(self.mode, lapse=lapse)
            self._habits = None

    async def watch(self, seconds: float) -> bool:
        """Learn what the service does by itself, while nobody asks it for anything.

        Returns whether anything was new.
        """
        before = len(self.background.learnt)
        self.bench.bind(None, None)
        await self._settle(self._players_clients())
        if self.last is not None and self.last.abandoned:
            return False  # it may be at work for an attempt still
        reading = self._reading(Names({}, self._serial_columns()), time.time())
        gate = Watch(self.background, TapReader(reading))
        await self._between_transactions()
        failures: list[Exception] = []
        for _, tap in self._taps():
            tap.on_failure = failures.append
        self.bench.bind(None, gate)
        await asyncio.sleep(seconds)
        self.bench.bind(None, None)
        if failures:
            raise failures[0]
        if len(self.background.learnt) == before:
            return False
        # Beats of a timer that nobody knew may have passed for steps of the attempts meanwhile.
        self.warmth.forget()
        self.background.nothing_at_once()
        self._players_clients().put_back = True
        return True

    async def close(self) -> None:
        """Close the clients' connections."""
        for beginning in self._under_way:
            beginning.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._clients is not None:
            await self._clients.close()

    async def _settle(self, clients: Clients) -> None:
        """Wait until the last execution is over in all processes: its work must not spill over.

        Raises ``InvalidRun`` where a process that was killed in it does not come back.
        """
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._come_back()
        await clients.settle()
        if not self._several or self.last is None:
            return
        activity, deadline = self._processes(), time.monotonic() + _SETTLED_WITHIN_S
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
        self._processes().begin(self.bench.pids)

    async def _between_transactions(self) -> None:
        """Wait for a moment at which no session is in a transaction: of one whose beginning was
        not seen nothing would be known. One that stays in it is not waited for for long."""
        tap = self._postgres
        for _ in range(round(self.patience.tail / _LOOK_AGAIN_S)):
            if tap.between_transactions:
                break
            await asyncio.sleep(_LOOK_AGAIN_S)

    def _serial_columns(self) -> Serials:
        """Asked for before the first execution: what is there then is there in all of them."""
        if self._serials is None:
            self._serials = serials_of(self._sql_sessions().catalog, self.bench.postgres_url)
        return self._serials

    @property
    def _several(self) -> bool:
        """Return whether one process of the service may hand work to another."""
        return len(self.bench.pids) > 1

    def _players_clients(self) -> Clients:
        if self._clients is None:
            self._clients = self.bench.subject.clients(self.bench)
        return self._clients

    async def _closed(self) -> None:
        """An execution was left: take stock, and end the transactions that nobody will end."""
        assert self.last is not None
        control, reader = self.last.control, self.last.reader
        self.surprise = self.surprise or control.surprised
        if self.last.judged is not None and self.last.judged.came.status is Status.INVALID:
            # What it left behind may be in the way of the next one, which is to begin like it.
            self._players_clients().put_back = True
        if any(isinstance(failure.fault, Crash) for failure in self.last.failing.happened):
            self.warmth.cooled()
        self.background.settle()
        reader.settle()
        if pids := _in_transactions(control, reader):
            # Who is through ends it at once; who has done nothing for that long never will.
            await asyncio.sleep(self.patience.tail)
            await LockWaits(self._blocking()).end_idle(pids, self.patience.tail * 0.8)

    async def _end_waits(self) -> None:
        assert self.last is not None
        pids = _in_transactions(self.last.control, self.last.reader)
        await LockWaits(self._blocking()).end_idle(pids, 0.0)

    def _taps(self) -> Iterator[tuple[TapKind, Tap]]:
        """The taps of the bench, each with what is known of its kind."""
        for name, tap in self.bench.taps.items():
            yield TAPS[name], tap

    def _listen(self, control: Control | None = None, reader: TapReader | None = None) -> None:
        """Have ``control`` told of what happens at the taps beyond the calls."""
        for name, tap in self.bench.taps.items():
            tap.on_change = None if control is None else control.stir
            tap.on_failure = None if control is None else control.fail
            tap.on_close = (
                _tell_of_ends(name, control, reader)
                if control is not None and reader is not None
                else None
            )

    def _processes(self) -> ProcessActivity:
        if self._activity is None:
            postgres = self._postgres
            beside = self.bench.one_offs
            self._activity = ProcessActivity(
                self.bench.pids,
                lambda: postgres.connecting or beside.starting > 0,
                lambda: beside.pids,
            )
        return self._activity

    @property
    def besides(self) -> tuple[str, ...]:
        """Return the names of those who are no attempts: time that passes, and clients that ask
        again."""
        clients = clients_among(self.scenario.attempts)
        return tuple(one.name for one in self.scenario.attempts if one not in clients)

    @property
    def twins(self) -> dict[str, str]:
        """For each attempt one that does the same, as far as there is one."""
        failures = self.mode.failures
        return twins(
            {
                attempt.name: (
                    attempt.likeness,
                    frozenset(
                        (one.step, one.fault, one.place)
                        for one in failures
                        if one.attempt == attempt.name
                    ),
                )
                for attempt in self.scenario.attempts
            }
        )

    def _known(self) -> Habits:
        if self._habits is None:
            kinds = {attempt.name: attempt.steps for attempt in self.scenario.attempts}
            self._habits = Habits(kinds)
        return self._habits

    def _end_recording(self, *, stripe: bool = False, asked: bool = False) -> None:
        if asked and self.last is not None:
            self.last.control.over = False  # else it would seem to go on by itself
        for kind, tap in self._taps():
            if stripe or not kind.throughout:
                tap.bind(None, None)

    def _sql_sessions(self) -> SqlSessions:
        if self._sessions is None:
            self._sessions = SqlSessions(self.bench.postgres_url, self._asked)
        self._sessions.begin()
        self._sessions.held_apart = self.mode.apart
        return self._sessions

    def _asked(self, session: str) -> Mapping[str, str]:
        """Return what a session asked for in its startup message."""
        for one in self._postgres.sessions:
            if session_name(one.id) == session:
                return one.startup
        return {}

    @property
    def _postgres(self) -> PostgresTap:
        tap = self.bench.taps.get(PostgresTap.name)
        if not isinstance(tap, PostgresTap):
            raise PaidonceError(
                "exploration needs a bench under control, with taps before Postgres"
            )
        return tap

    def _blocking(self) -> psycopg.AsyncConnection[tuple[int, list[int]]]:
        if self.bench.blocking is None:
            raise PaidonceError("exploration needs a bench under control")
        return self.bench.blocking


def _tell_of_ends(tap: str, control: Control, reader: TapReader) -> Callable[[TapSession], None]:
    return lambda session: control.gone(reader.named(tap, session.id))


def _in_transactions(control: Control, reader: TapReader) -> list[int]:
    """The backends of the sessions on which an attempt has left a transaction open."""
    sessions = {s for name in control.players for s in reader.open_sessions(name)}
    return [control.pids[session] for session in sessions if session in control.pids]
