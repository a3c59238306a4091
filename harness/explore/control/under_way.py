"""A step under way: the calls that arrive, the answers that come, and the attempts at rest."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.attribution import Attribution
from paidonce.harness.explore.control.interfaces import Reader
from paidonce.harness.explore.control.rest import Rest
from paidonce.harness.explore.control.side_by_side import AtOnce

_ON_ITS_WAY = (At.MOVING, At.INSIDE)


class StepUnderWay:
    """Follows the attempts of one execution while one of them makes its step."""

    def __init__(
        self,
        players: Sequence[Player],
        reader: Reader,
        whose: Attribution,
        rest: Rest,
        at_once: AtOnce,
        *,
        late_answers: bool,
    ) -> None:
        self._players = players
        self._reader = reader
        self._whose = whose
        self._rest = rest
        self._at_once = at_once
        self._late_answers = late_answers
        self.arrived: list[Arrival] = []
        """The calls that were held and are nobody's yet."""

    def take_arrivals(self, mover: Player) -> None:
        """Give each call that was held to the attempt it belongs to; ``mover`` is on its way."""
        if not self.arrived:
            return
        waiting, self.arrived = self.arrived, []
        for arrival in waiting:
            if arrival.unasked and self._whose.passes(arrival):
                continue
            owner = self._whose.owner(arrival, mover)
            if owner is None and not self._whose.indifferent(arrival):
                self.arrived.append(arrival)
            if owner is None:
                continue
            arrival.owner = owner
            owner.backs_off = False
            arrival.label, arrival.footprint = self._reader.read(arrival, owner)
            if arrival.footprint.empty or (arrival.goes_on and owner.at is At.MOVING):
                if arrival.goes_on:
                    arrival.failing = owner.failing
                self.pass_on(owner, arrival)
                if owner.at is not At.MOVING:
                    owner.at = At.MOVING
            else:
                owner.held.append(arrival)
                if len(owner.held) > 1 or any(flying.in_flight for flying in owner.flying):
                    self._at_once.found = True
                if owner.at is At.DONE:  # it has its answer, and the service goes on
                    owner.at = At.MOVING

    def take_answers(self) -> list[str]:
        """Let attempts go on with the answers that have come; returns who waits no longer."""
        woken: list[str] = []
        for player in self._players:
            if not player.flying:
                continue
            answered = [arrival for arrival in player.flying if arrival.answered]
            if player.at is At.LOST:
                player.flying = [arrival for arrival in player.flying if not arrival.answered]
            if not answered:
                continue
            late = self._late_answers and player.ours is None
            held = late or any(arrival.withheld for arrival in answered)
            if player.at is At.MOVING and held:
                if not any(arrival.in_flight for arrival in player.flying):
                    player.at = At.ANSWER
            elif player.at is At.MOVING:
                for arrival in answered:
                    arrival.back.set()
                    player.flying.remove(arrival)
            elif player.at is At.LOCK:
                player.at = At.ANSWER
                woken.append(player.name)
        return woken

    def take_endings(self) -> None:
        """Note who has come to a tap, or to the end."""
        for player in self._players:
            if player.at not in _ON_ITS_WAY or player.flying:
                continue
            if player.held:
                player.at = At.TAP
            elif player.told and (player.ours is not None or self._rest.over(player)):
                player.at = At.DONE

    def carried(self) -> bool:
        """Return whether anything of a moving attempt's is with a dependency."""
        moving = [player for player in self._players if player.at is At.MOVING]
        return any(arrival.in_flight for player in moving for arrival in player.flying)

    def pass_on(self, player: Player, arrival: Arrival) -> None:
        """Let an attempt's call through to the dependency."""
        player.flying.append(arrival)
        if not arrival.undone:
            passing = self._reader.passing(arrival)
            arrival.passed = (player.touched, passing)
            player.touched = player.touched.union(passing)
        arrival.go.set()
