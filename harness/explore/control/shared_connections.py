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

from collections.abc import Collection

from paidonce.harness.explore.control.attempts import Player

_BEGUN = 1
"""Steps of an attempt whose first unit is held: its beginning."""


def overtaking(ahead: Player, behind: Player, players: Collection[str]) -> bool:
    """Return whether ``behind``, which waits for its turn after a unit of ``ahead`` that is held,
    might have been first in executions that cannot be made."""
    if ahead is behind or ahead.moves <= _BEGUN:
        return False
    return len(players) > 2 or behind.moves > _BEGUN
