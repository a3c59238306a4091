"""Attempts that send on one connection, where what is sent first is carried out first.

While a unit of one attempt is held, the next one on its connection waits behind it: at the tap,
where a client sends without waiting for answers (node-redis), or inside the service, where it
does not (one redis-py connection, one ``pg.Client``). The order of the two is fixed then, though
an attempt that is slow between two of its units would be overtaken, and that cannot be made at a
tap: an answer cannot be delivered before that of what was sent earlier.

Nothing is missed where one of the two is the first that its attempt sends. Take any real order of
units, of two attempts. Let the one that comes in second begin just before the unit after which
it sends its first: that one then stands before all that the other sends later, and behind nothing
that is to come after it. From there on an order can be made until a unit that is not its attempt's
first has to wait for another that is not; so if no execution comes to that, every order was made.
With three attempts or more, let each begin just before its first unit: whatever has to wait then
does so for a unit that is not the first.

This takes all executions to be tried in every order of their steps, which is so where attempts wait
for each other inside the service (``SharesMemory``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.interfaces import Reader

_BEGUN = 1
"""Steps of an attempt whose first unit is held: its beginning."""


def overtaking(ahead: Player, behind: Player, players: Collection[str]) -> bool:
    """Return whether ``behind``, which waits for its turn after a unit of ``ahead`` that is held,
    might have been first in executions that cannot be made."""
    if ahead is behind or ahead.moves <= _BEGUN:
        return False
    return len(players) > 2 or behind.moves > _BEGUN


class Turns:
    """The turns that attempts take on their connections, one step after the other.

    ``handing_over`` is the connection that is used in this step, unless a transaction keeps it.
    """

    def __init__(self, players: Mapping[str, Player], reader: Reader) -> None:
        self._players = players
        self._reader = reader
        self.handing_over: str | None = None
        self._behind: tuple[Player, ...] = ()

    def hand_over(self, player: Player, unit: Arrival) -> None:
        """Let ``player`` go on with ``unit``; others may use its connection after that."""
        if self._reader.owner(unit.session) is None:  # else it is kept for a transaction
            self.handing_over = unit.session
        self._behind = self._overtaking(player)

    def _overtaking(self, ahead: Player) -> tuple[Player, ...]:
        """Return who waits inside the service, and might have been before what ``ahead`` is at."""
        inside = (player for player in self._players.values() if player.at is At.INSIDE)
        return tuple(player for player in inside if overtaking(ahead, player, self._players))

    def handed_over(self, awake: Iterable[Player]) -> None:
        """Tell of those who waited for their turn on the connection that was used in this step."""
        for player in awake:
            on = [unit.call for unit in player.held if unit.session == self.handing_over]
            if on and player in self._behind:
                self._reader.shares(on[0])
