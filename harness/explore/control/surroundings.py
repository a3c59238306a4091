"""The attempts' side of an execution under control: what a client waits for before it goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.controller import Control
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.explore.search.world import ASKS_AGAIN, REDELIVERY
from paidonce.harness.service.script import ClientState, LookedUp
from paidonce.harness.testbed.execution import Execution


class ControlledSurroundings:
    """``Surroundings`` (see ``paidonce.harness.service.script``), in which who waits gets a turn.

    Once the execution has ``ended`` nobody waits any more.
    """

    def __init__(self, control: Control, reader: TapReader, execution: Execution) -> None:
        self._control = control
        self._reader = reader
        self._execution = execution
        self.ended = False
        self._awaited: dict[str, Callable[[], Awaitable[bool]]] = {}
        """By attempt, what tells whether the event is there that it is about to deliver."""

    def tell(self, attempt: str, progress: ClientState) -> None:
        """Do nothing: the control sees for itself."""

    def delivers(self, attempt: str) -> None:
        """Note that all the attempt has done until now was done before its delivery."""
        self._control.players[attempt].delivers = True

    async def park(self, attempt: str, at_most_s: float) -> None:
        """Wait for the turn of a refused webhook to be delivered again."""
        await self._again(self._control.players[attempt], REDELIVERY)

    async def not_yet(self, attempt: str, after_s: float) -> bool:
        """Wait for the turn of an attempt that asks again.

        It is given one once more where everybody else is through, and then only as long as a
        worker has yet to do what it was told.
        """
        player = self._control.players[attempt]
        others = [other for other in self._control.players.values() if other is not player]
        last = all(other.at is At.DONE or other.absent for other in others)
        if last and player.asked_last:
            left = self._execution.performance.left
            if left is None or not await left():
                return False
        player.asked_last = last
        await self._again(player, ASKS_AGAIN)
        return not self.ended

    async def _again(self, player: Player, label: str) -> None:
        player.again.clear()
        player.again_label = label
        player.at = At.AGAIN
        self._control.change()
        if not self.ended:
            await player.again.wait()

    async def until(
        self, attempt: str, ready: Callable[[], Awaitable[bool]], hopeless: Callable[[], bool]
    ) -> bool:
        """Wait until an event is there to be delivered, and then for the attempt's turn."""
        player = self._control.players[attempt]
        player.again.clear()
        player.absent = not await ready()
        if player.absent:
            self._awaited[attempt] = ready
        player.at = At.EVENT
        self._control.change()
        if not self.ended:
            await player.again.wait()
        return not self.ended

    def looked(self, attempt: str, seen: LookedUp) -> None:
        """Note that what is delivered was looked up within the attempt's step, so that the step
        looked at it."""
        player = self._control.players[attempt]
        player.touched = player.touched.union(self._reader.looked_up(attempt, seen))

    async def look_ahead(self) -> None:
        """See for whom what it goes on with has come into being: from now on it can move."""
        for player in self._control.players.values():
            if not player.absent:
                continue
            if player.at is At.START:
                player.absent = not await self._execution.performance.may_begin(player.name)
            else:
                player.absent = not await self._awaited[player.name]()
