"""Planned faults, made to happen at the calls of one execution."""

from __future__ import annotations

from collections.abc import Callable, Collection

from paidonce.harness.explore.control.attempts import Arrival, Player
from paidonce.harness.explore.control.failures import Place, Possible, cuts
from paidonce.harness.explore.control.interfaces import Reader
from paidonce.harness.explore.control.killing import Killing
from paidonce.harness.taps.faults import AtTap, Crash, NoContact, TimePasses


class FaultsMade:
    """Makes planned faults happen, each when its call is let go or its answer is told.

    ``cut`` gets the sessions that a fault ends; ``change`` is called where attempts were moved.
    """

    def __init__(
        self,
        players: Collection[Player],
        reader: Reader,
        killing: Killing,
        cut: set[str],
        change: Callable[[], None],
    ) -> None:
        self._players = players
        self._reader = reader
        self._killing = killing
        self._cut = cut
        self._change = change

    async def happens(self, failing: Possible, session: str, mover: Player | None) -> AtTap | None:
        """See that a planned fault happens in ``mover``'s step; returns what its tap then does."""
        fault = failing.fault
        assert not isinstance(fault, TimePasses), "time passes by itself, at nobody's step"
        if isinstance(fault, Crash):
            await self._killing.happen(fault, self._players, mover, self._cut)
            self._change()
            return None if failing.place is Place.ANSWER else NoContact()
        if cuts(fault):
            self._cut.add(session)
        return fault

    async def of_answer(self, arrival: Arrival, mover: Player | None) -> AtTap | None:
        """See that the planned fault of an answer happens, before the service is told of it."""
        failing, call = arrival.failing, arrival.call
        if failing is None or failing.place is not Place.ANSWER or not self._reader.told(call):
            return None
        return await self.happens(failing, arrival.session, mover)
