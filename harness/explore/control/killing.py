"""The kill of a process under control: what those lose by it who are in that process."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.failures import Possible
from paidonce.harness.explore.control.interfaces import Crashes
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.taps.faults import Crash, NoContact
from paidonce.harness.taps.gate import Call, Connection

_OUTSIDE = (At.START, At.AGAIN, At.EVENT, At.DONE)
"""Where an attempt has nothing under way in the service."""


class Killing:
    """Kills processes in one execution. ``restarting`` while one is gone and not there again.

    Of ``several`` processes the others go on: what they have at the taps is left alone.
    ``broken`` says why the service did not come back, empty if it did.
    """

    def __init__(self, crashes: Crashes | None, *, several: bool = False) -> None:
        self._crashes = crashes
        self._several = several
        self.restarting = False
        self.broken = ""
        self._set_going: list[str] = []
        self._under_way: asyncio.Future[None] | None = None
        self._called_off = False
        self._killed: Crash | None = None

    async def happen(
        self, crash: Crash, players: Collection[Player], mover: Player | None, cut: set[str]
    ) -> None:
        """Have a process killed in a step of ``mover``'s, and wait until it is there again.

        Who is in it loses all it has, and goes on no more; what it had sent is carried out.
        ``cut`` is added to: the connections that are ended.
        """
        assert self._crashes is not None, "crashes are offered where there are any"
        for player in players:
            if player is not mover:
                player.touched = Footprint()
        self.restarting = True
        self._killed = crash
        cut.update(self._crashes.sessions(crash))
        self._under_way = asyncio.ensure_future(self._crashes.happen(crash))
        try:
            await self._under_way
        except (PaidonceError, OSError) as error:
            self.broken = f"the service does not come back after a crash: {error}"
        except asyncio.CancelledError:
            if not self._called_off:
                raise
            self.broken = "the execution was left while the service started again"
        finally:
            self.restarting = False
        for player in players:
            self._lose(player, moves=player is mover)

    def of(self, call: Call, connection: Connection) -> tuple[Crash, ...]:
        """Return the crashes that can be at a call."""
        return () if self._crashes is None else self._crashes.of(call, connection)

    def starts(self, call: Call, connection: Connection) -> bool:
        """Return whether a call is of a process that is being started again."""
        return self.restarting and self._killed in self.of(call, connection)

    async def call_off(self) -> None:
        """Wait no longer until a process is there again: the execution is left.

        It goes on starting; the next execution waits for it.
        """
        if self._under_way is not None and not self._under_way.done():
            self._called_off = True
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)

    def took_away(self) -> list[str]:
        """Return who no longer waits for a lock, since its process is gone; each once."""
        names, self._set_going = self._set_going, []
        return names

    def _lose(self, player: Player, *, moves: bool) -> None:
        """Drop what ``player`` has at the taps, if it is in the process."""
        there = [*player.held, *player.flying]
        arrivals = [arrival for arrival in there if arrival.hung_up()] if self._several else there
        if player.at in _OUTSIDE:
            return
        if not moves:
            if there and not any(arrival.hung_up() for arrival in there):
                return  # it talks to Stripe itself, past the service, or is in another process
            if player.at is At.LOCK:
                self._set_going.append(player.name)
            player.at = At.LOST
        player.orphaned = any(arrival.in_flight and not arrival.undone for arrival in player.flying)
        for arrival in player.held:
            if arrival in arrivals:
                arrival.failing = Possible(NoContact())
                arrival.go.set()
        for arrival in arrivals:
            arrival.back.set()
        player.held = [arrival for arrival in player.held if arrival not in arrivals]
        if moves and player.at is At.TAP and not player.held:
            player.at = At.MOVING
