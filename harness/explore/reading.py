"""Reads what arrives at the taps: whose it is, what it touches, and what it is called."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from harness.bench import ControlledTaps
from harness.explore.coarse import CoarseTracker
from harness.explore.footprint import EVERYTHING, Footprint
from harness.explore.names import Names
from harness.explore.players import Arrival, Player
from harness.explore.redis_footprint import redis_footprint
from harness.explore.stripe_footprint import stripe_footprint
from harness.taps.calls import StripeCall
from harness.taps.gate import Call, Connection
from harness.taps.postgres import Unit
from harness.taps.redis import RedisCommand


class TapReader:
    """The ``Reader`` of a control (see ``harness.explore.control``) for real taps."""

    def __init__(
        self,
        taps: ControlledTaps,
        names: Names,
        players: Sequence[Player],
        noise: Sequence[str] = (),
    ) -> None:
        self.names = names
        self._taps = taps
        self._players = {player.name: player for player in players}
        self._noise = tuple(noise)
        self._owners: dict[str, str] = {}
        self._trackers: dict[str, CoarseTracker] = {}

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
        tracker = self._trackers.get(session)
        return tracker is not None and tracker.locked

    def open_sessions(self, owner: str) -> tuple[str, ...]:
        """The sessions with a transaction of that attempt open on them."""
        return tuple(session for session, name in self._owners.items() if name == owner)

    def read(self, arrival: Arrival, owner: Player) -> tuple[str, Footprint]:
        """The unit's normalised label, and what it touches when ``owner`` sends it."""
        call = arrival.call
        call.attempt = owner.name
        label = self.names.text(owner.name, f"{call.tap} {call.label}")
        if isinstance(call, Unit):
            return label, self._sql(arrival.session, call)
        if isinstance(call, StripeCall):
            owner.calls += 1
            return label, stripe_footprint(call, f"{owner.name} {owner.calls}")
        if isinstance(call, RedisCommand):
            return label, redis_footprint(call)
        return label, EVERYTHING

    def answered(self, arrival: Arrival) -> None:
        """Follow whose transaction is open on the session now."""
        call = arrival.call
        if not isinstance(call, Unit) or arrival.owner is None:
            return
        if call.status_after in ("T", "E"):
            self._owners[arrival.session] = arrival.owner.name
        elif call.status_after == "I":
            self._owners.pop(arrival.session, None)

    def tolerated(self, call: Call) -> bool:
        """Whether this is known noise of the service."""
        return any(fnmatch.fnmatchcase(call.label, pattern) for pattern in self._noise)

    def _sql(self, session: str, unit: Unit) -> Footprint:
        tracker = self._trackers.setdefault(session, CoarseTracker())
        inside = unit.status != "I"
        total = Footprint()
        for statement in unit.statements:
            total = total.union(tracker.unit(statement.sql, inside=inside))
        if not unit.statements and unit.ends == "function":
            return EVERYTHING
        return total
