"""The next step of an attempt under control: its label, and what it is expected to touch."""

from __future__ import annotations

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.controller import Control
from paidonce.harness.explore.control.deliveries import MEETS
from paidonce.harness.explore.control.failing import Failing
from paidonce.harness.explore.control.mode import Mode
from paidonce.harness.explore.control.reader import TapReader
from paidonce.harness.explore.control.watched import Watched
from paidonce.harness.explore.footprint.expiry import WHAT_WAS_DUE
from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.search.world import ANSWER, BEGINS

# Requests meet in the service's own memory when they begin and when they end: a mutex, a cache,
# a set of orders in work. So beginnings and endings are choices like any other.
# An event may come before the answer of the call that raised it, or after what the service does
# with that. So its delivery's beginning and end are choices against that answer; whether it matters
# what is between, an attempt tells by going another way, as wherever memory is suspected.
RAISED = frozenset({Resource(("answers of who had events raised",))})
SERVICE = frozenset({Resource(("service",))})
AT_THE_SERVICE = Footprint(publishes=SERVICE)


class NextSteps:
    """The steps that the attempts of one execution would make if they were let go now."""

    def __init__(
        self, control: Control, reader: TapReader, failing: Failing, mode: Mode, watched: Watched
    ) -> None:
        self._control = control
        self._reader = reader
        self._failing = failing
        self._mode = mode
        self._watched = watched

    def label(self, player: Player) -> str:
        """Return what the step is called, with what goes wrong with it."""
        return self._words(player) + self._failing.label(player)

    def _words(self, player: Player) -> str:
        match player.at:
            case At.START:
                return player.begins
            case At.TAP:
                begins = self._reader.begins(player.held[0])
                return BEGINS if begins else player.held[0].label
            case At.ANSWER:
                return ANSWER
            case At.AGAIN:
                return player.again_label
            case _:
                return str(player.at.value)

    def passing(self, touched: Footprint) -> Footprint:
        """Return what time that passes touches: what was due by then besides."""
        return touched if touched.empty or not self._reader.due else touched.union(WHAT_WAS_DUE)

    def is_withheld(self, player: Player) -> bool:
        """Return whether its next step is the answer of a call that may have raised an event."""
        return player.at is At.ANSWER and any(arrival.withheld for arrival in player.flying)

    def expected(self, player: Player) -> Footprint:
        """Return what the step touches, as far as that is known before it is made."""
        expected = self._expected_at_taps(player)
        if player.ours is None:
            expected = self._failing.around(
                expected, crash=self._failing.crash(player), lost=player.at is At.LOST
            )
        carried = (
            self._mode.late_answers and player.at is At.TAP and not self._control.anybody(At.INSIDE)
        )
        if self.is_withheld(player):
            expected = expected.union(Footprint(publishes=RAISED))
        if player.delivers_raised and player.at in MEETS:
            expected = expected.union(Footprint(looks=RAISED))
        shared = self._mode.shared_memory and not carried and player.ours is None
        return expected.union(AT_THE_SERVICE) if shared else expected

    def _expected_at_taps(self, player: Player) -> Footprint:
        if (failing := self._failing.expected(player)) is not None:
            return self._reader.names.footprint(player.name, self._watched.around(failing))
        match player.at:
            case At.START if player.ours is not None:
                return self.passing(player.ours)
            case At.START | At.AGAIN | At.EVENT:
                return AT_THE_SERVICE
            case At.TAP:
                expected = self._watched.around(self._reader.expected(player.held[0]))
                return self._reader.names.footprint(player.name, expected)
            case _:
                return LOCAL
