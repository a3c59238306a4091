"""Fresh executions of a scenario on one bench, each from the same initial state."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from paidonce.harness.bounded import decode_json
from paidonce.harness.explore.control.alarms import SILENT, Alarms
from paidonce.harness.explore.control.attribution_learnt import Habits
from paidonce.harness.explore.control.background import Background
from paidonce.harness.explore.control.clock_values import Times
from paidonce.harness.explore.control.controlled_bench import ControlledBench
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
from paidonce.harness.explore.control.players import player_of, twins_of
from paidonce.harness.explore.control.polling import Polls
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.explore.control.readers.base import Reading
from paidonce.harness.explore.control.row_facts import RowFacts
from paidonce.harness.explore.control.side_by_side import SideBySide
from paidonce.harness.explore.control.splitting import Splitting
from paidonce.harness.explore.control.sql_sessions import SqlSessions
from paidonce.harness.explore.control.time_keys import TimeKeys
from paidonce.harness.explore.control.timed_answers import TimedAnswers
from paidonce.harness.explore.control.warm_up import Cold, Warmth
from paidonce.harness.explore.control.watch import Watch, pass_by
from paidonce.harness.explore.control.watched import watched_by
from paidonce.harness.explore.footprint.sql.row_order import is_of_a_set
from paidonce.harness.explore.footprint.stripe_told import ToldByStripe
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.explore.naming.preparation import Preparing
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.process.threads import in_thread
from paidonce.harness.service.passing import Passing
from paidonce.harness.service.script import NotReady, Performance, Script, clients_among
from paidonce.harness.taps.faults import Crash
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.execution import Execution
from paidonce.harness.verdict import Status

_DUE = "/v1/events?type=payment_intent.processing&limit=1"


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
    _controlled: ControlledBench | None = None
    _hashes_tried: dict[str, int] = field(default_factory=dict)
    _habits: Habits | None = None
    _hidden_locks: HiddenLocks | None = None

    def __post_init__(self) -> None:
        self._controlled = self._controlled or ControlledBench(self.bench, self.patience)

    @property
    def controlled(self) -> ControlledBench:
        """The bench under control, which all worlds on it share."""
        assert self._controlled is not None
        return self._controlled

    async def fresh(self) -> ServiceWorld:
        """Return a world at the script's beginning, on a service that is warm.

        Raises ``InvalidRun`` when the preparation does not succeed.
        """
        await self.warm()
        return await self._fresh()

    def cold(self) -> ServiceWorlds:
        """Return the same worlds without warming up: the service is met as it was started."""
        return replace(self, warmth=Cold())

    async def warm(self) -> None:
        """Let the service go through all that is done once, before anything counts.

        Raises ``InvalidRun`` when the preparation does not succeed.
        """
        whole = self.scenario.whole
        kinds = frozenset(repr(attempt.steps) for attempt in whole.attempts)
        if self.warmth.covers(kinds, len(whole.attempts)):
            return
        worlds = self.telling(whole)
        beforehand = replace(
            worlds,
            background=Background(
                self.background.patterns,
                learnt=self.background.learnt,
                at_once=self.background.at_once,
            ),
            mode=replace(
                worlds.mode,
                in_turn=True,
                late_locks=False,
                late_answers=False,
                hold_all=False,
                put_back=False,
                failures=frozenset(),
            ),
            alarms=Alarms(overtaken=worlds.alarms.overtaken),
            # What could go wrong for attempts that are not in the search is not planned in it.
            offers=Offers(wanted=False),
        )
        await self.warmth.warm(beforehand._fresh, kinds, len(whole.attempts))
        await self.controlled.clients.mark()
        self.last = self.last or beforehand.last

    async def parted(self) -> str:
        """Return in words how the warm-up goes another way by now; nothing if it does not."""
        if self.mode.put_back:
            self.controlled.clients.put_back = True
        return await self.warmth.parted()

    async def _fresh(self) -> ServiceWorld:
        began = time.time()
        blocking, clients = self.controlled.blocking, self.controlled.clients
        serials = self.controlled.serials
        memory = Memory(clients.header(self.scenario, uuid.uuid4().hex[:12]))
        preparing = Preparing()
        clients.on_prepare = preparing.begin
        for kind, tap in self.controlled.taps():
            tap.bind(memory if kind.throughout else None, preparing if kind.prepares else None)
        self.controlled.listen()
        try:
            await self.controlled.settle(after_another=self.last is not None)
            if self.bench.replica is not None:
                await in_thread(self.bench.replica.follow)
            execution = Execution(clients, self.scenario, memory)
            performance = await self._begun(execution)
        except NotReady as failure:
            raise InvalidRun(str(failure)) from failure
        rows = self._new_rows()
        facts = RowFacts(self._sessions().catalog, self.mode.lists)
        watched = watched_by(self.scenario.watched.values(), self._sessions())
        names = Names(performance.known, serials, self.mode.unnamed, rows.apart, facts.of)
        lags = self.mode.search_lags
        players = [player_of(attempt, self.bench, lags=lags) for attempt in self.scenario.attempts]
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
            self.controlled.processes,
            self.patience,
            thorough=bool(self.surprise),
            left=performance.left,
            several=self.controlled.several,
            late_answers=self.mode.late_answers,
            raised=any(player.delivers_raised for player in players),
            splitting=Splitting(
                reading.sessions, names.unit, self.mode.apart, self.mode.hold_all, watched
            ),
            at_once=self.background.at_once,
            crashes=ServiceCrashes(self.bench, memory, self.controlled.processes),
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
                serials.places,
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
        if lags and self.bench.hold_search is not None:
            await self.bench.hold_search(True)
        await performance.join(world.surroundings)
        for player in players:
            player.absent = True
        await world.surroundings.look_ahead()
        await self.controlled.between_transactions()
        self.bench.bind(memory, control)
        self.controlled.listen(control, reader)
        self.last = world
        return world

    async def _anything_due(self) -> bool:
        """Return whether time that passes may settle a payment that the preparation has made."""
        if self.bench.advance is None or not self.besides:
            return False
        answer = await self.bench.stripe.ask("GET", _DUE, b"", {})
        return answer.status != HTTPStatus.OK or bool(decode_json(answer.body)["data"])

    def _new_rows(self) -> NewRows:
        """Return what is known of the order in which rows are made, for another execution."""
        sessions, queries = self._sessions(), self.scenario.looked_through
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
        sessions = self._sessions()
        if self._hidden_locks is None:
            self._hidden_locks = HiddenLocks(self.controlled.blocking, sessions.catalog)
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
        """Bring about the script's beginning, also if nobody waits for it any more.

        Else what the service is still doing for it would be taken for its own doing.
        """
        execution.clients.put_back = execution.clients.put_back or self.mode.put_back
        beginning = asyncio.ensure_future(execution.begin())
        self.controlled.under_way.add(beginning)
        beginning.add_done_callback(self.controlled.under_way.discard)
        return await asyncio.shield(beginning)

    def telling(self, scenario: Script) -> ServiceWorlds:
        """Return worlds of another script on the same bench, which differs in its attempts alone.

        They share what is known of the service; use one of the two at a time.
        """
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
        await self.controlled.settle(after_another=self.last is not None)
        if self.last is not None and self.last.abandoned:
            return False  # it may be at work for an attempt still
        reading = self._reading(Names({}, self.controlled.serials), time.time())
        await pass_by(self.controlled, Watch(self.background, TapReader(reading)), seconds)
        if len(self.background.learnt) == before:
            return False
        # Beats of a timer that nobody knew may have passed for steps of the attempts meanwhile.
        self.warmth.forget()
        self.background.nothing_at_once()
        self.controlled.clients.put_back = True
        return True

    async def close(self) -> None:
        """Close the clients' connections."""
        await self.controlled.close()

    async def _closed(self) -> None:
        """Take stock of an execution that was left, and end transactions that nobody will end."""
        assert self.last is not None
        control, reader = self.last.control, self.last.reader
        self.surprise = self.surprise or control.surprised
        if self.last.judged is not None and self.last.judged.came.status is Status.INVALID:
            # What it left behind may be in the way of the next one, which is to begin like it.
            self.controlled.clients.put_back = True
        if any(isinstance(failure.fault, Crash) for failure in self.last.failing.happened):
            self.warmth.cooled()
        self.background.settle()
        reader.settle()
        await self.controlled.end_transactions(control, reader, self.patience.tail)

    async def _end_waits(self) -> None:
        assert self.last is not None
        await self.controlled.end_transactions(self.last.control, self.last.reader)

    @property
    def besides(self) -> tuple[str, ...]:
        """Return the names of those who are no attempts: time that passes, and clients that ask
        again."""
        clients = clients_among(self.scenario.attempts)
        return tuple(attempt.name for attempt in self.scenario.attempts if attempt not in clients)

    @property
    def twins(self) -> dict[str, str]:
        """For each attempt one that does the same, as far as there is one."""
        return twins_of(self.scenario.attempts, self.mode.failures)

    def _known(self) -> Habits:
        if self._habits is None:
            kinds = {attempt.name: attempt.steps for attempt in self.scenario.attempts}
            self._habits = Habits(kinds)
        return self._habits

    def _end_recording(self, *, stripe: bool = False, asked: bool = False) -> None:
        if asked and self.last is not None:
            self.last.control.over = False  # else it would seem to go on by itself
        for kind, tap in self.controlled.taps():
            if stripe or not kind.throughout:
                tap.bind(None, None)

    def _sessions(self) -> SqlSessions:
        sessions = self.controlled.sessions()
        sessions.held_apart = self.mode.apart
        return sessions
