"""When a webhook that was refused is delivered again: only where it may make a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.footprint.model import Footprint

MEETS = (At.START, At.AGAIN, At.EVENT)
"""Where attempts stand that are about to send a request."""
_EARLY_DELIVERIES = 3
"""So often a refused webhook is delivered again while others can still move; Stripe's sandbox tries
three times in all (https://docs.stripe.com/webhooks#retries)."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries of one execution.

    With ``everything_matters`` none is left for later but by its number.
    """

    players: Mapping[str, Player]
    everything_matters: bool

    def delivers_early(self, player: Player) -> bool:
        """Return whether it matters when the attempt delivers its refused webhook again.

        Where the delivery that was refused has left nothing behind, delivering again before others
        move comes to what delivering for the first time comes to there, which is tried as well:
        then it is enough to deliver again when all others are through.
        """
        if player.deliveries >= _EARLY_DELIVERIES:
            return False
        return player.left_behind or self.everything_matters

    def leave_behind(self, player: Player, touched: Footprint) -> None:
        """Note after a step that ``touched`` this whether the delivery has left anything behind.

        What was done in the step in which it began was done before it.
        """
        player.left_behind = not player.delivers and (player.left_behind or bool(touched.publishes))
        player.delivers = False

    def left_for_later(self, player: Player) -> bool:
        """Return whether a refused webhook is delivered again after others have moved."""
        if self.delivers_early(player):
            return False
        others = [p for p in self.players.values() if p is not player and p.able]
        if any(p.at is not At.AGAIN or self.delivers_early(p) for p in others):
            return True
        return player is not next(p for p in self.players.values() if p.at is At.AGAIN)

    def begin(self, player: Player) -> None:
        """Note before a step that ``player`` begins to deliver, if it is at that."""
        if player.at not in MEETS:
            return
        others = [p for p in self.players.values() if p is not player and p.able]
        if player.at is At.AGAIN and others:
            player.deliveries += 1
        player.left_behind = False
