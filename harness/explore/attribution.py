"""Whose a unit is that came to a tap: known from its connection, by elimination, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.explore.parties import Reader
from harness.explore.players import Arrival, At, Player
from harness.explore.world import InvalidRun


class Attribution:
    """Tells owners of what arrives in one execution.

    ``surprised`` names what came while nobody was moving, empty if nothing did.
    """

    def __init__(self, players: Mapping[str, Player], reader: Reader) -> None:
        self._players = players
        self._reader = reader
        self.surprised = ""

    def owner(self, arrival: Arrival, mover: Player) -> Player | None:
        """Whose unit this is; None as long as that cannot be told.

        Raises ``InvalidRun`` if it is part of a transaction of no attempt's.
        """
        named = self._reader.owner(arrival.session)
        if named == "":
            raise InvalidRun(f"the service sends {arrival.call.label!r} by itself")
        if named is not None:
            return self._players[named]
        candidates = [p for p in self._players.values() if p.at in (At.MOVING, At.INSIDE)]
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
            f"{arrival.call.label!r} came while nobody was moving: the service works by itself, "
            "or goes on for long after an answer"
        )

    def indifferent(self, arrival: Arrival) -> bool:
        """Let by what touches nothing, and so does not matter whose it is."""
        if not self._reader.local(arrival):
            return False
        arrival.go.set()
        arrival.back.set()
        return True

    def ambiguous(self, arrivals: Iterable[Arrival]) -> str:
        """Why an execution is invalid whose ``arrivals`` cannot be told."""
        labels = ", ".join(arrival.call.label for arrival in arrivals)
        inside = [player.name for player in self._players.values() if player.at is At.INSIDE]
        why = f" ({', '.join(inside)} waited inside the service and may be on)" if inside else ""
        return f"ambiguous: cannot tell whose it is: {labels}{why}"
