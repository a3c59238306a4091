"""Whom the control of an execution asks: what arrived, who waits for whom, who is at work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from paidonce.harness.explore.control.attempts import Arrival, Player
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.taps.faults import Crash
from paidonce.harness.taps.gate import Call, Connection


class Reader(Protocol):
    """Reads what arrives: whose connection it is, what it touches, what it is called."""

    def session(self, call: Call, connection: Connection) -> tuple[str, int | None]:
        """The connection's name and, for Postgres, the pid of its backend."""

    def owner(self, session: str) -> str | None:
        """The attempt whose transaction is open on the session; "" if it is no attempt's."""

    def holds_locks(self, session: str) -> bool:
        """Return whether the transaction on the session has locked anything yet."""

    def open_sessions(self, owner: str) -> tuple[str, ...]:
        """The sessions with a transaction or a lock of that attempt open on them."""

    def background(self, arrival: Arrival) -> bool:
        """Return whether this is the service's own business, which passes as it comes."""

    def after_the_end(self, call: Call, connection: Connection) -> None:
        """The unit came when every attempt was through."""

    def local(self, arrival: Arrival) -> bool:
        """Return whether the unit touches nothing, whoever sends it."""

    def habitual(self, arrival: Arrival, players: Sequence[Player]) -> Player | None:
        """The only one of ``players`` that is known to go on like this, if they are known."""

    def read(self, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        """The unit's normalised label, and what it touches when ``owner`` sends it."""

    def expected(self, arrival: Arrival) -> Footprint:
        """Return what the unit touches, as it is known by now."""

    def passing(self, arrival: Arrival) -> Footprint:
        """Return what the unit's attempt has touched as soon as the unit is let go."""

    def ends(self, arrival: Arrival) -> Footprint:
        """Return what ending the unit's connection touches, if nothing of the unit is done."""

    def starts(self, arrival: Arrival) -> Footprint:
        """Return what the unit touches, which the service sends as it starts."""

    def backs_off(self, arrival: Arrival) -> bool:
        """Return whether the attempt is about to be refused, and may wait before it tries again."""

    def answered(self, arrival: Arrival) -> Footprint:
        """Return what the unit, now answered, did touch."""

    async def hidden(self, arrival: Arrival) -> Footprint:
        """Return what the unit, now answered, touched beyond what its text tells."""

    def told(self, call: Call) -> bool:
        """Return whether the service's own code goes on with the answer to the unit."""

    def raises(self, call: Call) -> bool:
        """Return whether the unit may have had Stripe raise an event."""

    def blocks(self, call: Call) -> bool:
        """Return whether the unit may wait until another one comes."""

    def shares(self, call: Call) -> None:
        """The unit waited for its turn on a connection, in an order that might be another."""

    def closed(self, session: str) -> tuple[str | None, Footprint]:
        """The connection has ended: whose transaction that ended, and what it let go of."""


class Waits(Protocol):
    """The waits of sessions, as the database server tells them by the pids of their backends."""

    async def blockers(self, pids: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """For each of ``pids`` the pids it waits for; empty when it waits for nobody."""
        ...

    async def alive(self, pids: Iterable[int]) -> set[int]:
        """Those of ``pids`` whose sessions are not over yet."""
        ...

    def running(self, pids: Iterable[int]) -> bool:
        """Return whether the server is at work for any of them, or would be if it were its turn."""
        ...


class Activity(Protocol):
    """The activity of the service: whether it is working on anything."""

    def idle(self) -> bool:
        """Return whether it took no processor time since this was last asked, and wants none."""

    def at_work(self) -> bool:
        """Return whether it is running at this moment, or would be if it were its turn."""


class Crashes(Protocol):
    """The crashes of the service's processes."""

    def sessions(self, crash: Crash) -> Iterable[str]:
        """The connections by whose end the servers let go of something, of the process killed."""
        ...

    def of(self, call: Call, connection: Connection) -> tuple[Crash, ...]:
        """The crashes that can be at a call: of the process that has made the connection."""
        ...

    async def happen(self, crash: Crash) -> None:
        """Return once the process is killed, and was started again.

        Raises what ``Outside.happen`` does.
        """
        ...
