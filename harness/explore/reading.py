"""Reads what arrives at the taps: whose it is, what it touches, and what it is called."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from harness.explore.footprint import EVERYTHING, Footprint
from harness.explore.names import Names
from harness.explore.players import Arrival, Player
from harness.explore.redis_footprint import redis_footprint
from harness.explore.sql_sessions import SqlSessions
from harness.explore.stripe_footprint import stripe_footprint
from harness.taps.calls import StripeCall
from harness.taps.gate import Call, Connection
from harness.taps.postgres import Unit
from harness.taps.redis import RedisCommand


class TapReader:
    """The ``Reader`` of a control (see ``harness.explore.control``) for real taps."""

    def __init__(
        self,
        sessions: SqlSessions,
        names: Names,
        players: Sequence[Player],
        noise: Sequence[str] = (),
    ) -> None:
        self.names = names
        self._sessions = sessions
        self._players = {player.name: player for player in players}
        self._noise = tuple(noise)
        self._owners: dict[str, str] = {}

    def session(self, call: Call, connection: Connection) -> tuple[str, int | None]:
        """A name for the connection, and the Postgres backend behind it."""
        if isinstance(call, Unit):
            return f"postgres session {call.session}", call.pid
        return f"{call.tap} connection {id(connection)}", None

    def owner(self, session: str) -> str | None:
        """The attempt whose transaction is open on the session."""
        return self._owners.get(session)

    def holds_locks(self, session: str) -> bool:
        """Whether the transaction on the session has locked anything yet."""
        return self._sessions.tracker(session).holds_locks

    def open_sessions(self, owner: str) -> tuple[str, ...]:
        """The sessions with a transaction of that attempt open on them."""
        return tuple(session for session, name in self._owners.items() if name == owner)

    def read(self, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        """The unit's normalised label, and what it touches when ``owner`` sends it."""
        call = arrival.call
        call.attempt = owner.name
        label = self.names.text(owner.name, f"{call.tap} {call.label}")
        if isinstance(call, Unit):
            if call.ends == "function":
                return label, EVERYTHING
            tracker = self._sessions.tracker(arrival.session)
            return label, tracker.expect(call.statements, ends=call.ends != "flush")
        if isinstance(call, StripeCall):
            owner.calls += 1
            return label, stripe_footprint(call, f"{owner.name} {owner.calls}")
        if isinstance(call, RedisCommand):
            return label, redis_footprint(call)
        return label, EVERYTHING

    def expected(self, arrival: Arrival) -> Footprint:
        """What a unit will touch, as it is known by now."""
        if isinstance(arrival.call, Unit) and arrival.call.ends != "function":
            return self._sessions.tracker(arrival.session).expected
        return arrival.footprint

    def answered(self, arrival: Arrival) -> Footprint:
        """What an answered unit did touch; follows whose transaction is open on its session."""
        call = arrival.call
        if not isinstance(call, Unit):
            return arrival.footprint
        if arrival.owner is not None and call.status_after in ("T", "E"):
            self._owners[arrival.session] = arrival.owner.name
        elif call.status_after == "I":
            self._owners.pop(arrival.session, None)
        if call.ends == "function":
            return arrival.footprint
        tracker = self._sessions.tracker(arrival.session)
        return tracker.done(failed=call.answer.error is not None, status=call.status_after)

    def tolerated(self, call: Call) -> bool:
        """Whether this is known noise of the service."""
        return any(fnmatch.fnmatchcase(call.label, pattern) for pattern in self._noise)
