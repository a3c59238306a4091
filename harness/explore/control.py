"""The gate of an execution under control: exactly one attempt moves at a time.

Whatever arrives at a tap is held until the search lets its attempt make a step. Since only one
attempt moves, what arrives belongs to it; no help of the service is needed. Exceptions are
settled by what is known of the connection (a transaction belongs to whoever began it) and by
elimination; where neither decides, the execution is invalid and says so.

After each step the control waits for *rest*: the attempt that moved is at a tap again, or has
its answer, or waits for a lock that somebody at rest holds (which Postgres is asked), or waits
inside the service. Nothing is concluded from the time something takes, but for the last.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.explore.blocking import Blocking, in_a_cycle
from harness.explore.footprint import Footprint
from harness.explore.players import Arrival, At, Player
from harness.explore.world import InvalidRun
from harness.taps.gate import Call, Connection, Passage

_LOOK_AGAIN_S = 0.0015
_SLOW_S = 0.003
"""Most statements are answered sooner; only of others Postgres is asked what they wait for."""


class Reader(Protocol):
    """Reads what arrives: whose connection it is, what it touches, what it is called."""

    def session(self, call: Call, connection: Connection) -> tuple[str, int | None]:
        """The connection's name and, for Postgres, the pid of its backend."""

    def owner(self, session: str) -> str | None:
        """The attempt whose transaction is open on the session."""

    def holds_locks(self, session: str) -> bool:
        """Whether the transaction on the session has locked anything yet."""

    def open_sessions(self, owner: str) -> tuple[str, ...]:
        """The sessions with a transaction of that attempt open on them."""

    def read(self, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        """The unit's normalised label, and what it touches when ``owner`` sends it."""

    def expected(self, arrival: Arrival) -> Footprint:
        """What the unit touches, as it is known by now."""

    def answered(self, arrival: Arrival) -> Footprint:
        """What the unit, now answered, did touch."""

    def tolerated(self, call: Call) -> bool:
        """Whether this is known noise of the service, such as a health check."""


class Activity(Protocol):
    """Whether the service is working on anything, by the processor time it takes."""

    def idle(self) -> bool:
        """Whether it took none since this was last asked."""


@dataclass(frozen=True)
class Patience:
    """How long the control waits for what; seconds.

    ``step``: for a step to come to rest. ``inside``: without any sign of life before an attempt
    is taken to wait inside the service. ``tail``: after its answer, for a service that goes on
    working. ``deadlock_gap``: how long a waiting session is left alone so that its own deadlock
    check is behind it; must exceed the server's ``deadlock_timeout``.
    """

    step: float = 10.0
    inside: float = 0.12
    tail: float = 0.25
    deadlock_gap: float = 0.015


class Control:
    """Gate of all taps for one execution."""

    def __init__(
        self,
        players: Iterable[Player],
        reader: Reader,
        blocking: Blocking,
        activity: Activity,
        patience: Patience,
    ) -> None:
        self.players: Mapping[str, Player] = {player.name: player for player in players}
        self._reader = reader
        self._blocking = blocking
        self._activity = activity
        self._patience = patience
        self._arrived: list[Arrival] = []
        self._by_call: dict[tuple[str, int], Arrival] = {}
        self._changed = asyncio.Event()
        self._last_change = 0.0
        self.free = False
        """Let everything through, as a tap without a gate would."""
        self.noise: list[str] = []
        """Labels of tolerated units that passed."""

    # --- the gate -------------------------------------------------------------------------

    async def request(self, call: Call, connection: Connection) -> None:
        """Hold a unit until its attempt's turn."""
        if self.free:
            return
        if self._reader.tolerated(call):
            self.noise.append(call.label)
            return
        session, pid = self._reader.session(call, connection)
        arrival = Arrival(call, session, pid)
        self._by_call[call.tap, call.seq] = arrival
        self._arrived.append(arrival)
        self.change()
        await arrival.go.wait()

    async def answer(self, call: Call, connection: Connection) -> Passage:
        """Hold an answer while another attempt is moving."""
        arrival = self._by_call.pop((call.tap, call.seq), None)
        if arrival is None:
            return Passage.DELIVER
        arrival.answered = True
        touched = self._reader.answered(arrival)
        if arrival.owner is not None:
            arrival.owner.touched = arrival.owner.touched.union(touched)
        self.change()
        if not self.free:
            await arrival.back.wait()
        return Passage.DELIVER

    def change(self) -> None:
        """Something happened: whoever waits for rest looks again."""
        self._last_change = time.monotonic()
        self._changed.set()

    def open(self) -> None:
        """Let everything that is held go, and all that comes."""
        self.free = True
        for arrival in [*self._by_call.values(), *self._arrived]:
            arrival.go.set()
            arrival.back.set()
        for player in self.players.values():
            for arrival in [*player.held, *player.flying]:
                arrival.go.set()
                arrival.back.set()
            player.again.set()

    # --- steps ------------------------------------------------------------------------------

    def let_go(self, player: Player) -> None:
        """Begin ``player``'s next step: what it is held at is let through."""
        player.touched, player.labels = Footprint(), []
        match player.at:
            case At.TAP:
                self._pass(player, player.held.pop(0))
            case At.ANSWER:
                for arrival in player.flying:
                    if arrival.answered:
                        arrival.back.set()
                player.flying = [found for found in player.flying if not found.answered]
            case At.AGAIN:
                player.again.set()
            case _:
                pass
        player.at = At.MOVING
        self.change()

    async def rest(self, mover: Player) -> tuple[str, ...]:
        """Wait until all is at rest; returns who was woken by the step.

        Raises ``InvalidRun`` naming what did not come to rest, or was ambiguous.
        """
        woken: list[str] = []
        deadline = time.monotonic() + self._patience.step
        self.change()
        while True:
            self._changed.clear()
            self._take_arrivals(mover)
            woken += self._take_answers()
            self._take_endings()
            if await self._all_at_rest(mover):
                return tuple(sorted(set(woken)))
            if time.monotonic() > deadline:
                raise InvalidRun(self._not_at_rest(mover))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await self._changed.wait()
                    continue
            await self._look(mover)

    # --- what happened ------------------------------------------------------------------------

    def _take_arrivals(self, mover: Player) -> None:
        waiting, self._arrived = self._arrived, []
        for arrival in waiting:
            owner = self._owner(arrival, mover)
            if owner is None:
                self._arrived.append(arrival)
                continue
            arrival.owner = owner
            arrival.label, arrival.footprint = self._reader.read(arrival, owner)
            if arrival.footprint.empty:
                self._pass(owner, arrival)
                if owner.at is not At.MOVING:
                    owner.at = At.MOVING
            else:
                owner.held.append(arrival)

    def _owner(self, arrival: Arrival, mover: Player) -> Player | None:
        """Whose unit this is; None as long as that cannot be told."""
        named = self._reader.owner(arrival.session)
        if named is not None:
            return self.players[named]
        candidates = [p for p in self.players.values() if p.at in (At.MOVING, At.INSIDE)]
        undecided = [p for p in candidates if not p.held and not p.told]
        if len(undecided) == 1:
            return undecided[0]
        if not undecided and len(candidates) == 1:
            return candidates[0]
        if not candidates:
            return mover  # what comes after its answer belongs to the last that moved
        return None

    def _take_answers(self) -> list[str]:
        woken = []
        for player in self.players.values():
            answered = [arrival for arrival in player.flying if arrival.answered]
            if not answered:
                continue
            if player.at is At.MOVING:
                for arrival in answered:
                    arrival.back.set()
                    player.flying.remove(arrival)
            elif player.at is At.LOCK:
                player.at = At.ANSWER
                woken.append(player.name)
        return woken

    def _take_endings(self) -> None:
        for player in self.players.values():
            if player.at not in (At.MOVING, At.INSIDE) or player.flying:
                continue
            if player.held:
                player.at = At.TAP
            elif player.told and not self._goes_on(player):
                player.at = At.DONE

    def _goes_on(self, player: Player) -> bool:
        """Whether the service may still be at work for an attempt that has its answer."""
        if not self._reader.open_sessions(player.name):
            return False
        return time.monotonic() - self._last_change < self._patience.tail

    # --- rest -----------------------------------------------------------------------------------

    async def _all_at_rest(self, mover: Player) -> bool:
        if self._arrived or any(player.at is At.MOVING for player in self.players.values()):
            return False
        inside = [p for p in self.players.values() if p.at is At.INSIDE and p is not mover]
        if inside and not self._still():
            return False
        waiting = [p for p in self.players.values() if p.at is At.LOCK and p is not mover]
        if not waiting:
            return True
        blockers = await self._blocking.blockers(pid for p in waiting for pid in p.pids)
        if self._changed.is_set():
            return False
        return all(blockers.get(pid) for player in waiting for pid in player.pids)

    def _still(self) -> bool:
        """No sign of life for long enough, neither at a tap nor of the service's processor.

        The processor is asked about only after a silence, and has to be idle over another one.
        """
        if time.monotonic() - self._last_change < self._patience.inside:
            return False
        if not self._activity.idle():
            self.change()
            return False
        return True

    async def _look(self, mover: Player) -> None:
        """Nothing happened for a moment: see what those that move are waiting for."""
        for player in self.players.values():
            if player.at is not At.MOVING:
                continue
            if any(arrival.in_flight for arrival in player.flying):
                slow = time.monotonic() - self._last_change > _SLOW_S
                if slow and player.pids and await self._waits_for_a_lock(player):
                    player.at = At.LOCK
            elif not player.told and self._still():
                player.at = At.INSIDE

    async def _waits_for_a_lock(self, player: Player) -> bool:
        """Whether all that is in flight for ``player`` waits for locks of sessions at rest."""
        others = {pid for p in self.players.values() for pid in p.pids}
        blockers = await self._blocking.blockers(others)
        mine = player.pids
        if not mine or not all(blockers.get(pid) for pid in mine):
            return False
        if any(in_a_cycle(pid, blockers) for pid in mine):
            return False  # a deadlock: the server is about to say so
        if any(a.in_flight and self._reader.holds_locks(a.session) for a in player.flying):
            # Who holds locks and waits may become part of a cycle later. Its own check for
            # deadlocks must be over by then, or the victim would depend on the clock.
            await asyncio.sleep(self._patience.deadlock_gap)
        return player.pids == mine and not self._changed.is_set()

    def _not_at_rest(self, mover: Player) -> str:
        if self._arrived:
            labels = ", ".join(arrival.call.label for arrival in self._arrived)
            return f"ambiguous: cannot tell whose it is: {labels}"
        where = "; ".join(f"{p.name} {p.at.value}" for p in self.players.values())
        return f"{mover.name} did not come to rest within {self._patience.step:g} s ({where})"

    # --- helpers ----------------------------------------------------------------------------------

    def _pass(self, player: Player, arrival: Arrival) -> None:
        player.flying.append(arrival)
        player.touched = player.touched.union(self._reader.expected(arrival))
        if not arrival.footprint.empty:
            player.labels.append(arrival.label)
        arrival.go.set()
