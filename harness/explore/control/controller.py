"""The gate of an execution under control: exactly one attempt moves at a time.

Whatever arrives at a tap is held until the search lets its attempt make a step. Since only one
attempt moves, what arrives belongs to it; no help of the service is needed. Exceptions are
settled by what is known of the connection (a transaction belongs to whoever began it) and by
elimination; where neither decides, the execution is invalid and says so.

Where answers may come *late*, one that has come is held as well, until its attempt is let go
again: what the service does with it is a step of its own, before or after what the others do.

After each step the control waits for *rest*: the attempt that moved is at a tap again, or has
its answer, or waits for a lock that somebody at rest holds (which Postgres is asked), or waits
inside the service. Nothing is concluded from the time something takes, but for the last.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.attribution import Attribution
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.failures import Place, Possible
from paidonce.harness.explore.control.faults_made import FaultsMade
from paidonce.harness.explore.control.interfaces import Activity, Crashes, Reader, Waits
from paidonce.harness.explore.control.killing import Killing
from paidonce.harness.explore.control.quiescence import Quiescence
from paidonce.harness.explore.control.rest import Rest
from paidonce.harness.explore.control.shared_connections import Turns, overtaking
from paidonce.harness.explore.control.side_by_side import AtOnce
from paidonce.harness.explore.control.splitting import Splitting
from paidonce.harness.explore.control.standstill import Wait, standstill
from paidonce.harness.explore.control.under_way import StepUnderWay
from paidonce.harness.explore.control.waiting import (
    LOOK_AGAIN_AT_MOST_S,
    LOOK_AGAIN_S,
    WaitingAttempts,
)
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.service.script import Left
from paidonce.harness.taps.faults import AtTap
from paidonce.harness.taps.gate import Call, Connection
from paidonce.harness.taps.postgres import Statement
from paidonce.harness.taps.postgres.session import Session


class Control:
    """Gate of all taps for one execution."""

    def __init__(
        self,
        players: Iterable[Player],
        reader: Reader,
        blocking: Waits,
        activity: Activity,
        patience: Patience,
        *,
        thorough: bool = False,
        left: Left | None = None,
        several: bool = False,
        late_answers: bool = False,
        raised: bool = False,
        splitting: Splitting | None = None,
        at_once: AtOnce | None = None,
        crashes: Crashes | None = None,
    ) -> None:
        """``left`` asks whether a worker has yet to do what it was told: then an attempt that has
        its answer may still go on. ``late_answers``: see the module. ``raised``: the answers of
        calls that may raise events are held as well, whatever else is."""
        self.players: Mapping[str, Player] = {player.name: player for player in players}
        self._all = tuple(self.players.values())
        self._reader = reader
        self._whose = Attribution(self.players, reader)
        self._blocking = blocking
        self._patience = patience
        self._several = several
        self._late_answers = late_answers
        self._raised = raised
        self._splitting = splitting
        self._at_once = at_once or AtOnce()
        self._killing = Killing(crashes, several=several)
        self._by_call: dict[tuple[str, int], Arrival] = {}
        self._quiet = Quiescence(activity, patience)
        self._cut: set[str] = set()
        """The sessions that a fault ends, and that have not ended yet."""
        self.change: Callable[[], None] = self._quiet.change
        """Something happened: whoever waits for rest looks again."""
        self.stir: Callable[[], None] = self._quiet.stir
        """A tap moved something on. What comes to the gate of it is told to ``request`` and
        ``answer``: until then nobody need look again."""
        self.free = False
        """Let everything through, as a tap without a gate would."""
        self.over = False
        """Every attempt is through."""
        self._failure: Exception | None = None
        self._mover: Player | None = None
        self._moving = False
        self.pids: dict[str, int] = {}
        """The Postgres backend behind each session that was used."""
        self._turns = Turns(self.players, reader)
        self._faults = FaultsMade(self._all, reader, self._killing, self._cut, self.change)
        self._waiting = WaitingAttempts(
            self._all, reader, blocking, self._quiet, patience, several=several
        )
        self._rest = Rest(
            self._all,
            reader,
            blocking,
            self._quiet,
            patience,
            self._killing,
            self._at_once,
            self._cut,
            thorough=thorough,
            left=left,
            several=several,
        )
        self._under_way = StepUnderWay(
            self._all,
            reader,
            self._whose,
            self._rest,
            self._at_once,
            late_answers=late_answers,
        )

    # --- the gate -------------------------------------------------------------------------

    async def request(self, call: Call, connection: Connection) -> AtTap | None:
        """Hold a unit until its attempt's turn; what goes wrong with it then."""
        if self.free:
            if self.over:
                self._reader.after_the_end(call, connection)
            return None
        session, pid = self._reader.session(call, connection)
        arrival = Arrival(call, session, pid, unasked=not self._moving, hung_up=connection.hung_up)
        arrival.crashes = lambda: self._killing.of(call, connection)
        self._by_call[call.tap, call.seq] = arrival
        if pid is not None:
            self.pids[session] = pid
        if self._killing.starts(call, connection):
            self._starts(arrival)
            return None
        if self._reader.background(arrival):
            arrival.back.set()
            return None
        self._under_way.arrived.append(arrival)
        self.change()
        await arrival.go.wait()
        if arrival.failing is None or arrival.failing.place is Place.ANSWER:
            return None
        return await self._faults.happens(arrival.failing, session, self._mover)

    def queued(self, call: Call, connection: Connection) -> None:
        """Note that a unit has come that waits behind another one of its connection."""
        if self.free or not self._moving or self._mover is None:
            return
        senders = self._whose.foresee(call, self._mover)
        session, _ = self._reader.session(call, connection)
        held = [a.owner for a in self._by_call.values() if a.session == session and a.owner]
        if any(overtaking(ahead, sender, self.players) for ahead in held for sender in senders):
            self._reader.shares(call)
        self.change()

    def commits_apart(self, session: Session, statements: Sequence[Statement]) -> bool:
        """Return whether statements are carried out in one step and committed in another."""
        splitting = self._splitting
        return splitting is not None and splitting.commits_apart(session, statements)

    def checks_first(self, session: Session, statements: Sequence[Statement]) -> bool:
        """Return whether what is put off until the commit is carried out in a step before it."""
        splitting = self._splitting
        return splitting is not None and splitting.checks_first(session, statements)

    def lost(self, call: Call) -> None:
        """Note that a unit which waited behind another one will never come."""
        self._whose.forget(call)
        self.change()

    async def answer(self, call: Call, connection: Connection) -> AtTap | None:
        """Hold an answer while another attempt is moving; what goes wrong with it then."""
        arrival = self._by_call.pop((call.tap, call.seq), None)
        if arrival is None:
            return None
        touched = self._reader.answered(arrival)
        touched = touched.union(await self._reader.hidden(arrival))
        arrival.answered = True
        owner = arrival.owner
        if owner is not None:
            owner.touched = arrival.told(owner.touched, touched)
            if owner.at is At.MOVING and not self._withholds(arrival):
                owner.flying.remove(arrival)
                if owner.held or owner.told:
                    self.change()
                else:
                    self.stir()  # it goes on: there is nothing to look at yet
                return await self._faults.of_answer(arrival, self._mover)
        self.change()
        if not self.free:
            await arrival.back.wait()
        return None if self.free else await self._faults.of_answer(arrival, self._mover)

    def _starts(self, arrival: Arrival) -> None:
        """Let pass what the service does as it starts again: it is part of the crash."""
        arrival.itself = True
        arrival.go.set()
        arrival.back.set()
        if self._mover is not None:
            touched = self._reader.starts(arrival)
            self._mover.touched = self._mover.touched.union(touched)

    def gone(self, session: str) -> None:
        """Note that a connection has ended, and that the server lets go of what it held."""
        self._cut.discard(session)
        owner, let_go = self._reader.closed(session)
        pid = self.pids.pop(session, None)
        player = self.players.get(owner or "") or self._mover
        if player is not None and not let_go.empty:
            player.touched = player.touched.union(let_go)
            if pid is not None:
                self._rest.ending.add(pid)
        self.change()

    def anybody(self, at: At) -> bool:
        """Return whether any attempt is there."""
        for player in self._all:  # noqa: SIM110 - asked in every turn, a generator takes longer
            if player.at is at:
                return True
        return False

    @property
    def surprised(self) -> str:
        """Return what came while nobody was moving; empty if nothing did."""
        return self._whose.surprised

    def open(self) -> None:
        """Let everything that is held go, and all that comes."""
        self.free = True
        for arrival in [*self._by_call.values(), *self._under_way.arrived]:
            arrival.go.set()
            arrival.back.set()
        for player in self.players.values():
            for arrival in [*player.held, *player.flying]:
                arrival.go.set()
                arrival.back.set()
            player.again.set()

    async def leave(self) -> None:
        """Let everything go, and wait for no process that starts again."""
        self.open()
        await self._killing.call_off()

    def fail(self, failure: Exception) -> None:
        """Note that a call could not be dealt with, so that its connection was ended.

        What the service does after that says nothing about it.
        """
        self._failure = self._failure or failure
        self.change()

    def complain_if_failed(self) -> None:
        """Raise the first that was noted of what must not have happened, if anything was."""
        if self._failure is not None:
            raise self._failure

    # --- steps ------------------------------------------------------------------------------

    def let_go(self, player: Player, failing: Possible | None = None) -> None:
        """Begin ``player``'s next step: what it is held at is let through, or is ``failing``."""
        player.touched = Footprint()
        player.failing = failing
        self._turns.handing_over = None
        match player.at:
            case At.TAP:
                unit = player.held.pop(0)
                player.idle = True
                player.backs_off = failing is not None or self._reader.backs_off(unit)
                unit.failing = failing
                if not self._late_answers:
                    self._turns.hand_over(player, unit)
                self._under_way.pass_on(player, unit)
            case At.ANSWER:
                if self._late_answers:
                    self._turns.hand_over(player, player.flying[0])
                for arrival in player.flying:
                    if arrival.answered:
                        arrival.withheld = False
                        arrival.back.set()
                player.flying = [arrival for arrival in player.flying if not arrival.answered]
            case At.AGAIN | At.EVENT:
                player.again.set()
                player.idle = False
            case _:
                player.idle = False
        # Where answers may come late it is with an answer that the service moves.
        player.moves += not (self._late_answers and player.at is At.TAP)
        player.at = At.MOVING
        self._mover, self._moving = player, True
        self.change()

    async def rest(self, mover: Player) -> tuple[str, ...]:
        """Wait until all is at rest; returns who was woken by the step.

        Raises ``InvalidRun`` naming what did not come to rest, or was ambiguous.
        """
        woken: list[str] = []
        under_way = self._under_way
        inside = [p for p in self.players.values() if p.at is At.INSIDE and p is not mover]
        deadline = time.monotonic() + self._patience.step
        first = self._waiting.first_pause(mover)
        pause = first
        self.change()
        while True:
            self._quiet.changed = False
            self.complain_if_failed()
            under_way.take_arrivals(mover)
            woken += under_way.take_answers() + self._killing.took_away()
            under_way.take_endings()
            moving = under_way.arrived or self.anybody(At.MOVING)
            if not moving and await self._rest.reached(mover):
                self._moving = False
                for player in self.players.values():
                    self._at_once.order(player.held)
                awake = [player for player in inside if player.at is not At.INSIDE]
                woken += [player.name for player in awake]
                self._turns.handed_over(awake)
                return tuple(sorted(set(woken)))
            if self._killing.broken:
                raise InvalidRun(self._killing.broken)
            if time.monotonic() > deadline:
                raise InvalidRun(self._not_at_rest(mover))
            if await self._quiet.change_within(pause):
                pause = LOOK_AGAIN_S if self._cut or self._rest.ending else first
                continue
            self._quiet.looked()
            if not self._killing.restarting:
                await self._waiting.look(under_way.arrived)
            pause = min(pause * 1.5, LOOK_AGAIN_AT_MOST_S)
            if under_way.arrived and not under_way.carried() and await self._quiet.still():
                raise InvalidRun(self._not_at_rest(mover))

    async def standstill(self) -> tuple[Wait, ...]:
        """Return who waits for whom, where nobody can move and nobody ever will."""
        if not any(player.at is At.LOCK for player in self.players.values()):
            return ()
        waits: tuple[Wait, ...] = ()
        for _ in range(2):  # what ends by itself after all is given some time to
            waits = await standstill(self.players.values(), self.pids, self._reader, self._blocking)
            if not waits:
                return ()
            await asyncio.sleep(self._patience.tail)
        return waits

    # --- helpers ----------------------------------------------------------------------------------

    def _not_at_rest(self, mover: Player) -> str:
        if self._under_way.arrived:
            return self._whose.ambiguous(self._under_way.arrived, self._turns.handing_over)
        where = "; ".join(f"{p.name} {p.at.value}" for p in self.players.values())
        if self._cut:
            where += f"; {', '.join(sorted(self._cut))} not ended by a fault"
        return f"{mover.name} did not come to rest within {self._patience.step:g} s ({where})"

    def _withholds(self, arrival: Arrival) -> bool:
        """Return whether the answer that has come is delivered in a step of its own.

        What the tap has asked for, what a driver waits for only to send the rest, and what is
        answered to time that passes, sets nothing going in the service.
        """
        if self.free:
            return False
        if self._late_answers:
            ours = arrival.owner is not None and arrival.owner.ours is not None
            return not ours and self._reader.told(arrival.call)
        arrival.withheld = self._raised and self._reader.raises(arrival.call)
        return arrival.withheld
