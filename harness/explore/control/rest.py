"""Rest: whether anything goes on where no attempt moves."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.deadlines import Patience
from paidonce.harness.explore.control.interfaces import Reader, Waits
from paidonce.harness.explore.control.killing import Killing
from paidonce.harness.explore.control.quiescence import Quiescence
from paidonce.harness.explore.control.side_by_side import AtOnce
from paidonce.harness.service.script import Left


class Rest:
    """Tells whether all is at rest in one execution, once no attempt moves.

    ``cut`` are the sessions that a fault ends and that have not ended yet, ``ending`` the backends
    of connections that have ended. For ``thorough``, ``left`` and ``several`` see ``Control``.
    """

    def __init__(
        self,
        players: Sequence[Player],
        reader: Reader,
        blocking: Waits,
        quiet: Quiescence,
        patience: Patience,
        killing: Killing,
        at_once: AtOnce,
        cut: Collection[str],
        *,
        thorough: bool,
        left: Left | None,
        several: bool,
    ) -> None:
        self._players = players
        self._reader = reader
        self._blocking = blocking
        self._quiet = quiet
        self._patience = patience
        self._killing = killing
        self._at_once = at_once
        self._cut = cut
        self._thorough = thorough
        self._left = left
        self._several = several
        self.ending: set[int] = set()

    async def reached(self, mover: Player) -> bool:
        """Return whether nothing goes on either, where everybody is at rest."""
        if self._cut or self._killing.restarting:
            return False  # what a fault has ended is on its way to its end
        unheard = any(p.at is At.LOST and not p.told for p in self._players)
        # Another process may wait for the one that is gone, and the client for that.
        if unheard and not (self._several and await self._quiet.still()):
            return False
        thorough = self._thorough or self._at_once.found
        if (mover.at is At.DONE or thorough) and not await self._quiet.finished():
            return False
        if mover.at is At.DONE and await self._goes_on_elsewhere(mover):
            return False
        if self._several and self._may_wake(mover) and not await self._quiet.nobody_woken():
            return False
        if self.ending:
            self.ending = await self._blocking.alive(self.ending)
            if self.ending or self._quiet.changed:
                return False
        inside = [p for p in self._players if p.at is At.INSIDE]
        if inside and self._alone() and self._quiet.silence < self._patience.alone:
            return False  # time passes, as it does where nothing else can happen
        if any(player is not mover for player in inside) and not await self._quiet.still():
            return False
        waiting = [p for p in self._players if p.at is At.LOCK and p is not mover]
        if not waiting:
            return True
        blockers = await self._blocking.blockers(pid for p in waiting for pid in p.pids)
        if self._quiet.changed:
            return False
        return all(blockers.get(pid) for player in waiting for pid in player.pids)

    async def _goes_on_elsewhere(self, mover: Player) -> bool:
        """Return whether a worker may be about to begin with what ``mover`` left to it.

        What is on its way to it (a notification, a job) cannot be seen. So where something is left
        to be done there has to be a silence; a longer one, if nobody else could be meant.
        """
        if self._left is None or not await self._left():
            return False
        others = [player for player in self._players if player is not mover]
        if all(player.at in (At.START, At.DONE) for player in others):
            return self._quiet.silence < self._patience.alone
        return not await self._quiet.still()

    def _may_wake(self, mover: Player) -> bool:
        """Return whether the step may have woken another process of the service.

        It learns of nothing but what is published: by a COMMIT, which sends notifications too, by
        a command to Redis, or a call to Stripe.
        """
        return bool(mover.touched.publishes)

    def over(self, player: Player) -> bool:
        """Return whether the service is known to be through with an attempt that has its answer."""
        return not self._several and not self._goes_on(player)

    def _goes_on(self, player: Player) -> bool:
        """Return whether the service may still be at work for an attempt that has its answer."""
        if not self._reader.open_sessions(player.name):
            return False
        return self._quiet.silence < self._patience.tail

    def _alone(self) -> bool:
        """Return whether nobody can be let go."""
        return not any(player.able for player in self._players)
