"""Whose a unit is that came to a tap: known from its connection, by elimination, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.interfaces import Reader
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.results.words import gist, quoted
from paidonce.harness.taps.gate import Call


class Attribution:
    """Tells owners of what arrives in one execution.

    ``surprised`` names what came while nobody was moving, empty if nothing did.
    """

    def __init__(self, players: Mapping[str, Player], reader: Reader) -> None:
        self._players = players
        self._reader = reader
        self.surprised = ""
        self._foreseen: dict[tuple[str, int], Player] = {}

    def foresee(self, call: Call, mover: Player) -> Sequence[Player]:
        """Whose a call can be that waits behind another one of its connection.

        Only whoever moves can have sent it. Where that is certain it is remembered: the call comes
        to the gate in a step of whoever is ahead of it.
        """
        able = [p for p in self._players.values() if _may_send(p)] or [mover]
        if len(able) == 1:
            self._foreseen[call.tap, call.seq] = able[0]
            able[0].queued.add((call.tap, call.seq))
        return able

    def forget(self, call: Call) -> Player | None:
        """``call`` waits no longer; whose it is, if that is known."""
        key = call.tap, call.seq
        player = self._foreseen.pop(key, None)
        if player is not None:
            player.queued.discard(key)
        return player

    def owner(self, arrival: Arrival, mover: Player) -> Player | None:
        """Whose unit this is; None as long as that cannot be told.

        Raises ``InvalidRun`` if it is part of a transaction of no attempt's.
        """
        if (known := self.forget(arrival.call)) is not None:
            return known
        named = self._reader.owner(arrival.session)
        if named == "":
            raise InvalidRun(f"the service sends {quoted(arrival.call.label)} by itself")
        if named is not None:
            return self._players[named]
        candidates = [p for p in self._players.values() if _may_send(p)]
        undecided = [p for p in candidates if not p.held and not p.told]
        if len(undecided) == 1:
            return undecided[0]
        if not undecided and len(candidates) == 1:
            return candidates[0]
        if not candidates:
            return mover  # what comes after its answer belongs to the last that moved
        return self._reader.habitual(arrival, undecided or candidates)

    def passes(self, arrival: Arrival) -> bool:
        """Let by what came while nobody moved, if it does not matter whose it is.

        Raises ``InvalidRun`` if it does, and it is no part of a transaction of an attempt's.
        """
        arrival.unasked = False
        if self._reader.owner(arrival.session):
            return False
        if self.indifferent(arrival):
            return True
        self.surprised = f"{arrival.call.tap} {arrival.call.label}"
        raise InvalidRun(
            f"{quoted(arrival.call.label)} came while nobody was moving: the service works by "
            "itself, "
            "or goes on for long after an answer"
        )

    def indifferent(self, arrival: Arrival) -> bool:
        """Let by what touches nothing, and so does not matter whose it is."""
        if not self._reader.local(arrival):
            return False
        arrival.go.set()
        arrival.back.set()
        return True

    def ambiguous(self, arrivals: Sequence[Arrival], handed_over: str | None) -> str:
        """Return why an execution is invalid whose ``arrivals`` cannot be told; ``handed_over`` is
        the connection that was used last."""
        labels = ", ".join(gist(arrival.call.label) for arrival in arrivals)
        inside = [player.name for player in self._players.values() if player.at is At.INSIDE]
        why = f"{', '.join(inside)} waited inside the service and may be on" if inside else ""
        if inside and all(arrival.session == handed_over for arrival in arrivals):
            why = f"attempts share one {arrivals[0].call.tap} connection, and {why}"
        return f"ambiguous: cannot tell whose it is: {labels}{why and f' ({why})'}"


def _may_send(player: Player) -> bool:
    """Return whether a unit may be this attempt's; one that waits inside the service, and whose
    next unit is known, waits for its turn on a connection."""
    return player.at is At.MOVING or (player.at is At.INSIDE and not player.queued)
