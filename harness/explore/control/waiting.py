"""The waits of attempts that move: for a lock, inside the service, for what another sends."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

from paidonce.harness.explore.control.attempts import Arrival, At, Player
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.interfaces import Reader, Waits
from paidonce.harness.explore.control.lock_waits import in_a_cycle
from paidonce.harness.explore.control.quiescence import Quiescence
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.results.words import quoted

LOOK_AGAIN_S = 0.001
LOOK_AGAIN_AT_MOST_S = 0.012
"""The longest pause before the servers are asked again for what they alone know."""
_GAPS_AT_MOST = 100
_SLOW_S = 0.003
"""Most statements are answered sooner; only of others Postgres is asked what they wait for."""
_BLOCKED_S = 1.0
"""After so long of nothing at all a command that blocks is taken to wait for what another sends."""
_SOON_S = 0.0008
"""The same where another attempt is known to hold locks, so that a wait is likely."""


class WaitingAttempts:
    """Tells those that wait from those that are at work, in one execution.

    ``several`` processes of the service may hand work to each other.
    """

    def __init__(
        self,
        players: Sequence[Player],
        reader: Reader,
        blocking: Waits,
        quiet: Quiescence,
        patience: Patience,
        *,
        several: bool,
    ) -> None:
        self._players = players
        self._reader = reader
        self._blocking = blocking
        self._quiet = quiet
        self._patience = patience
        self._several = several

    async def look(self, arrived: Collection[Arrival]) -> None:
        """See what those that move are waiting for: nothing happened for a moment.

        ``arrived`` are the units of which it is not known whose they are.
        """
        for player in self._players:
            if player.at is not At.MOVING:
                continue
            if any(arrival.in_flight for arrival in player.flying):
                self._complain_if_blocked(player)
                slow = _SOON_S if self._others_hold_locks(player) else _SLOW_S
                if (
                    self._quiet.silence > slow
                    and player.pids
                    and await self._waits_for_a_lock(player)
                ):
                    player.at = At.LOCK
            elif player.ours is not None:
                continue  # it is the harness that is at work for it
            elif player.told:
                # Another process may be about to go on where this one has answered.
                if self._several and await self._quiet.nobody_woken():
                    player.at = At.DONE
            elif player.backs_off and self._quiet.silence < self._patience.back_off:
                continue  # it sleeps, and is about to ask again
            elif player.refused and self._quiet.silence < self._patience.pause:
                continue
            elif not arrived and await self._quiet.still():
                player.at = At.INSIDE

    def _others_hold_locks(self, player: Player) -> bool:
        return any(
            self._reader.holds_locks(session)
            for other in self._players
            if other is not player
            for session in self._reader.open_sessions(other.name)
        )

    async def _waits_for_a_lock(self, player: Player) -> bool:
        """Return whether all that is in flight for ``player`` waits for locks of sessions at
        rest."""
        others = {pid for p in self._players for pid in p.pids}
        blockers = await self._blocking.blockers(others)
        mine = player.pids
        if not mine or not all(blockers.get(pid) for pid in mine):
            return False
        if any(in_a_cycle(pid, blockers) for pid in mine):
            return False  # a deadlock: the server is about to say so
        if any(a.in_flight and self._reader.holds_locks(a.session) for a in player.flying):
            # Who holds locks and waits may become part of a cycle later. Its own check for
            # deadlocks must be over by then, or the victim would depend on the clock.
            await self._checked_for_deadlocks(mine)
        return player.pids == mine and not self._quiet.changed

    async def _checked_for_deadlocks(self, pids: Iterable[int]) -> None:
        """Wait until sessions that wait for a lock have made their own check for deadlocks.

        The alarm that makes a backend check is set before it goes to sleep and goes off within
        the gap. Whoever sleeps before the gap and after it has checked; on a busy machine one that
        was woken by its alarm may wait for a processor still.
        """
        for _ in range(_GAPS_AT_MOST):
            asleep = not self._blocking.running(pids)
            await asyncio.sleep(self._patience.deadlock_gap)
            if self._quiet.changed or (asleep and not self._blocking.running(pids)):
                return

    def _complain_if_blocked(self, player: Player) -> None:
        """Raise ``InvalidRun`` where a command waits for what another sends, which nobody tells."""
        if self._quiet.silence < _BLOCKED_S:
            return
        for arrival in player.flying:
            if arrival.in_flight and self._reader.blocks(arrival.call):
                raise InvalidRun(
                    f"{player.name}: {quoted(arrival.label)} waits until another sends "
                    "something, and "
                    "Redis tells nobody who waits for whom: commands that block are not searched "
                    "(wake the worker by LISTEN and NOTIFY while it is explored)"
                )

    def first_pause(self, mover: Player) -> float:
        """Return for how long a step need not be looked at unless something happens.

        Sooner than that only a wait for a lock that another has is of interest, or what another
        process does; and an alarm takes longer to set than most waits last. Locks that nobody
        is known to hold are found later.
        """
        if (
            self._several
            or any(player.at is At.LOCK for player in self._players)
            or self._others_hold_locks(mover)
        ):
            return LOOK_AGAIN_S
        return LOOK_AGAIN_AT_MOST_S
