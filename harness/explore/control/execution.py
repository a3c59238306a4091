"""One execution of a scenario on a real service whose dependencies are behind taps."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field

import msgspec

from paidonce.harness.checkers import judge
from paidonce.harness.errors import DeadlineExceeded
from paidonce.harness.explore.control.alarms import SILENT, Alarms
from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.controller import Control
from paidonce.harness.explore.control.deliveries import MEETS, Deliveries
from paidonce.harness.explore.control.failing import Failing
from paidonce.harness.explore.control.failures import Place
from paidonce.harness.explore.control.lessons import MustNotDefer
from paidonce.harness.explore.control.memory_history import Memory
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.next_steps import AT_THE_SERVICE, RAISED, NextSteps
from paidonce.harness.explore.control.outcome import Judged, judged
from paidonce.harness.explore.control.polling import Persistence, Polls, Try, touched_by
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.explore.control.repeated_steps import RepeatedSteps
from paidonce.harness.explore.control.side_by_side import SideBySide
from paidonce.harness.explore.control.standstill import Wait, unanswered, verdict_on
from paidonce.harness.explore.control.stuck import complain_if_stuck
from paidonce.harness.explore.control.surroundings import ControlledSurroundings
from paidonce.harness.explore.control.watched import NOTHING_WATCHED, Watched
from paidonce.harness.explore.footprint.model import LOCAL, Footprint
from paidonce.harness.explore.search.world import BEGINS, InvalidRun, Pending, Taken, Tenure
from paidonce.harness.history import Note
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.process.threads import in_thread
from paidonce.harness.results.words import quoted
from paidonce.harness.service.script import NotAtRest, NotReady, Over, Performance, Script
from paidonce.harness.taps.faults import Crash
from paidonce.harness.testbed.bench import Bench
from paidonce.harness.testbed.execution import Execution

_GIVE_UP_S = 5.0


@dataclass
class ServiceWorld:
    """A ``World`` (see ``paidonce.harness.explore.search.world``) over a running service."""

    script: Script
    bench: Bench
    memory: Memory
    execution: Execution
    control: Control
    reader: TapReader
    failing: Failing
    """The failures that are planned for it."""
    end_recording: Over
    """Called when all attempts are through: looking at what came of them is no part of the
    history."""
    mode: Mode = field(default_factory=Mode)
    """The claims that the search relies on."""
    alarms: Alarms = SILENT
    """Whom to tell that it must not."""
    side_by_side: SideBySide = field(default_factory=SideBySide)
    """The steps so far, and which of them might have come in another order."""
    watched: Watched = NOTHING_WATCHED
    """The tables that are looked at after each step which publishes anything there."""
    polls: Polls = field(default_factory=Polls)
    """Who tries for something over and over."""
    twins: Mapping[str, str] = field(default_factory=dict)
    """Attempts that need not begin before another one that does the same has begun."""
    on_close: Callable[[], Awaitable[None]] | None = None
    end_waits: Callable[[], Awaitable[None]] | None = None
    """Ends the transactions that nobody will ever end."""
    judged: Judged | None = None
    stayed: set[str] = field(default_factory=set)
    """The columns whose times stayed what they were, though all leases were to be over."""
    steps: int = 0
    abandoned: bool = False
    """True if it was left while an attempt had no answer yet."""
    _lives: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _failures: list[BaseException] = field(default_factory=list)
    _begun: dict[str, int] = field(default_factory=dict)

    @functools.cached_property
    def deliveries(self) -> Deliveries:
        """The rules by which refused webhooks are delivered again."""
        return Deliveries(self.control.players, self.mode.shared_memory or not self.mode.in_turn)

    @functools.cached_property
    def surroundings(self) -> ControlledSurroundings:
        """The attempts' side: what they wait for while others are under way."""
        return ControlledSurroundings(self.control, self.reader, self.execution)

    @functools.cached_property
    def _next(self) -> NextSteps:
        return NextSteps(self.control, self.reader, self.failing, self.mode, self.watched)

    @functools.cached_property
    def _repeated(self) -> RepeatedSteps:
        return RepeatedSteps(self.control, self.failing, self.polls, self._next)

    @property
    def performance(self) -> Performance:
        """The performance that is played."""
        return self.execution.performance

    # --- the search's side ---------------------------------------------------------------

    def pending(self) -> tuple[Pending, ...]:
        """Return who can move, in the order of the script's attempts."""
        players = self.control.players.values()
        choices = tuple(
            [
                Pending(
                    actor=player.name,
                    label=self._next.label(player),
                    footprint=self._next.expected(player),
                    deferred=self._deferred(player),
                )
                for player in players
                if player.able and not self._repeated.polling(player)
            ]
        )
        if choices and all(choice.deferred for choice in choices):
            raise MustNotDefer("nobody else can move")
        return choices

    async def step(self, actor: str) -> Taken:
        """Let one attempt make its next step and wait until all is at rest."""
        player = self.control.players[actor]
        if not player.able or self._repeated.polling(player):
            raise InvalidRun(f"diverged: {actor} cannot move; it is {player.at.value}")
        trying = self._repeated.trying(player)
        taken = await self._once(player)
        return await self._tried_on(player, taken) if trying else taken

    async def _once(self, player: Player) -> Taken:
        """Let an attempt that can move go until all is at rest."""
        actor, players = player.name, self.control.players.values()
        polling = [p for p in players if self._repeated.polling(p)]
        enabled = tuple([p.name for p in players if p.able and p not in polling])
        label, begins, inside = self._next.label(player), player.at is At.START, self._inside()
        meets, lost = player.at in MEETS and player.ours is None, player.at is At.LOST
        carried = self.mode.late_answers and player.at is At.TAP
        answers = self._next.is_withheld(player)
        follows = self._begun.get(self.twins.get(actor, "")) if begins else None
        self.deliveries.begin(player)
        tenures: tuple[Tenure, ...] = ()
        failing = self.failing.lets_go(player) or self.failing.awaited(player)
        undone = failing is not None and failing.undone
        if self.mode.defers and player.at is At.TAP and not undone:
            tenures = self.reader.past(player.held[0], actor)
        self.reader.late.at = self.steps
        beside = player.held[1].label if player.at is At.TAP and len(player.held) > 1 else ""
        moment = player.at is At.TAP and player.held[0].moment and not undone
        if begins:
            self._begun[actor] = self.steps
        self.steps += 1
        if player.at is At.TAP and self.reader.begins(player.held[0]):
            return self._begins_a_call(player, enabled)
        if player.at is At.TAP:
            self.reader.let_go(player.held[0])
        if player.ours is not None and player.at is At.TAP:
            await self.performance.let_go(actor)
        self.control.let_go(player, failing)
        if begins:
            self._lives[actor] = asyncio.ensure_future(self._live(player))
        woken = await self.control.rest(player)
        self.stayed |= self.performance.stayed
        if self._failures:
            raise self._failures[0]
        if self.alarms.listed is not None and (listed := self.reader.listed - self.mode.lists):
            self.alarms.listed(listed)
        if self.alarms.twice is not None and (twice := self.reader.one_key.twice - self.mode.split):
            self.alarms.twice(frozenset(twice))
        if self.mode.defers and self.reader.late.unsafe is not None:
            raise MustNotDefer(self.reader.late.unsafe)
        if self.alarms.overtaken is not None and (overtaken := self.reader.overtaken):
            self.alarms.overtaken(overtaken)
        for arrival in player.flying if player.at is At.LOCK else ():
            # What waits may fail, and then lets go of all that its attempt has locked.
            player.touched = player.touched.union(self.reader.expected(arrival))
        touched = player.touched
        if answers:
            touched = touched.union(Footprint(publishes=RAISED))
        if player.delivers_raised and (meets or player.at in (At.DONE, At.AGAIN, At.EVENT)):
            touched = touched.union(Footprint(looks=RAISED))
        if begins and player.ours is not None:
            touched = touched.union(self._next.passing(player.ours))
        for name in woken:
            touched = touched.union(self.control.players[name].touched)
        crash = failing is not None and isinstance(failing.fault, Crash)
        if crash:
            done = player.touched if failing is not None and not failing.undone else LOCAL
            touched = self.failing.crashed(players).union(done)
        self.deliveries.leave_behind(player, touched)
        self.failing.made(player, touched)
        if player.at is At.LOCK:
            for arrival in player.flying:
                self.reader.waits(arrival)
        inside = inside or self._inside()
        if inside and self.alarms.inside is not None and not self.mode.shared_memory:
            self.alarms.inside()
        was_told = player.at in (At.DONE, At.AGAIN, At.EVENT)
        was_told = was_told and player.ours is None and not lost
        # Who is held with its answer, or waits for it, has done nothing within the service.
        carried = (carried and player.at in (At.ANSWER, At.LOCK)) or player.ours is not None
        if meets or inside or was_told or (self.mode.shared_memory and not carried):
            touched = touched.union(AT_THE_SERVICE)
        if player.ours is None:
            touched = self.failing.around(touched, crash=crash, lost=lost)
        if self.watched.tables:
            touched = await self._look_between(player, woken, touched)
        await self.surroundings.look_ahead()
        footprint, heard = self.reader.names.footprint(actor, touched), player.listened()
        self.side_by_side.made(actor, label, footprint, beside)
        self.polls.made(actor, Try(label, footprint, heard, idle=player.idle))
        woken = (*woken, *[p.name for p in polling if not self._repeated.polling(p)])
        waits_for = touched_by(self._repeated.polling(player))
        return Taken(
            actor=actor,
            label=label,
            footprint=footprint.union(waits_for),
            enabled=enabled,
            blocked=not waits_for.empty or player.at in (At.LOCK, At.INSIDE),
            at_lock=player.at is At.LOCK,
            woken=woken,
            tenures=tenures,
            follows=follows,
            heard=heard,
            moment=moment,
            fault=None if failing is None else failing.fault,
            done=failing is not None and failing.place is Place.ANSWER,
        )

    async def _look_between(
        self, player: Player, woken: tuple[str, ...], touched: Footprint
    ) -> Footprint:
        """See what must hold always, if the step has published anything of it; what it touched
        together with that look."""
        if not self.watched.shows(touched):
            return touched
        movers = {player.name, *woken}
        through = [n for n in movers if self.watched.shows(self.control.players[n].touched)]
        if len(through) > 1:
            self.reader.passed_over(" and ".join(sorted(through)))
        try:
            await self.performance.look_between(self.steps)
        except DeadlineExceeded as failure:
            raise InvalidRun(f"what must hold always could not be looked at: {failure}") from None
        self.reader.looked_between(self.watched.tables)
        return self.watched.around(touched)

    def _begins_a_call(self, player: Player, enabled: tuple[str, ...]) -> Taken:
        """Make the step by which a call that is held at the tap is under way from now on; nobody
        notices."""
        expected = self._next.expected(player)
        self.reader.let_go(player.held[0])
        return Taken(actor=player.name, label=BEGINS, footprint=expected, enabled=enabled)

    async def finish(self) -> Hashable:
        """Let the world come to rest, look at it, and judge the history."""
        if waits := await self.control.standstill():
            return await self._stand_still(waits)
        self.complain_if_stuck()
        self.failing.ended(self.control.players.values())
        self.reader.through({attempt.name: attempt.likeness for attempt in self.script.attempts})
        if minded := self.side_by_side.learn():
            if self.alarms.minded is not None:
                self.alarms.minded(minded)
            raise InvalidRun(f"{quoted(min(minded))} is to go after what is sent at once with it")
        for actor, one, other in self.side_by_side.untried():
            self.reader.sent_at_once(actor, one, other)
        self.surroundings.ended = True
        self.control.over = True
        self.control.open()
        if self.bench.replica is not None:
            await in_thread(self.bench.replica.follow)
        if self.mode.search_lags and self.bench.hold_search is not None:
            await self.bench.hold_search(False)
        try:
            self.execution.failing = bool(self.failing.happened)
            self.execution.sweeps_first = self.mode.sweeps_first
            await self.execution.end(self.end_recording)
        except (NotAtRest, NotReady) as failure:
            raise InvalidRun(str(failure)) from failure
        self.control.complain_if_failed()
        history = self.memory.history
        self.judged = judged(history, judge(history))
        return self.judged.came

    async def _stand_still(self, waits: tuple[Wait, ...]) -> Hashable:
        """Judge an execution that will never end: nothing more is looked at in it."""
        self.surroundings.ended = True
        verdict = verdict_on(waits)
        now = self.memory.now()
        for effect in unanswered(self.control.players.values(), now):
            self.memory.record(effect)
        self.memory.record(Note(t=now, text=verdict.reason))
        history = self.memory.history
        others = [other for other in judge(history) if other.checker != verdict.checker]
        self.judged = judged(history, (verdict, *others))
        if self.end_waits is not None:
            await self.end_waits()
        return self.judged.came

    async def close(self) -> None:
        """Let everything through and wait until no attempt is under way any more."""
        self.surroundings.ended = True
        await self.control.leave()
        if self._lives:
            done, pending = await asyncio.wait(self._lives.values(), timeout=_GIVE_UP_S)
            self.abandoned = bool(pending)
            for life in pending:
                life.cancel()
            await asyncio.gather(*done, *pending, return_exceptions=True)
        if self.on_close is not None:
            await self.on_close()

    async def _live(self, player: Player) -> None:
        try:
            await self.performance.play(player.name)
        except (NoAnswer, InvalidRun) as failure:
            self._failures.append(InvalidRun(f"{player.name}: {failure}"))
        except Exception as failure:
            self._failures.append(failure)
        finally:
            player.told = True
            self.control.change()

    # --- helpers --------------------------------------------------------------------------------

    async def _tried_on(self, player: Player, taken: Taken) -> Taken:
        """Let an attempt that has repeated a step go on, until it does something else."""
        first, lasting = taken.label, Persistence()
        while player.idle and not self._inside() and self._repeated.trying(player):
            if lasting.endless:
                if self.alarms.endless is not None:
                    self.alarms.endless(first)
                raise InvalidRun(f"{player.name} tries {quoted(first)} without end")
            lasting.tries += 1
            self.steps -= 1
            number = player.at_taps
            more = await self._once(player)
            player.at_taps = number
            taken = msgspec.structs.replace(
                taken,
                footprint=taken.footprint.union(more.footprint),
                blocked=more.blocked,
                woken=tuple(sorted({*taken.woken, *more.woken})),
                heard=more.heard,
            )
        if lasting.tries:
            self.polls.merged.add(first)
        return taken

    def _deferred(self, player: Player) -> bool:
        """Return whether nothing is lost if this attempt does not move now."""
        if player.at is At.AGAIN:
            return self.deliveries.left_for_later(player)
        if player.at is At.START:
            twin = self.twins.get(player.name)
            return twin is not None and self.control.players[twin].at is At.START
        if not self.mode.defers or player.at is not At.TAP or player.flying or len(player.held) > 1:
            return False
        failing = self.failing.at(player)
        if failing is not None and failing.undone:
            return False
        if not self.reader.deferred(player.held[0], player.name):
            return False
        self.reader.waits(player.held[0])
        return True

    def _inside(self) -> bool:
        return self.control.anybody(At.INSIDE)

    def complain_if_stuck(self) -> None:
        """Check that all attempts are through. Raises ``InvalidRun``."""
        complain_if_stuck(self.control.players, self.reader.open_sessions, self._repeated.polling)
