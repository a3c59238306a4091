"""The steps that attempts under control repeat: tried once more, or waited with."""

from __future__ import annotations

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.controller import Control
from paidonce.harness.explore.control.failing import Failing
from paidonce.harness.explore.control.next_steps import NextSteps
from paidonce.harness.explore.control.polling import Polls, Repeats, Try


class RepeatedSteps:
    """Tells of the attempts of one execution which steps they are about to repeat."""

    def __init__(
        self, control: Control, failing: Failing, polls: Polls, next_steps: NextSteps
    ) -> None:
        self._control = control
        self._failing = failing
        self._polls = polls
        self._next = next_steps

    def trying(self, player: Player) -> tuple[Try, ...]:
        """Return the steps that an attempt is about to repeat, only to be answered the same."""
        if not self._polls.tried(player.name):
            return ()
        return self._repeats(player, self._polls.again)

    def polling(self, player: Player) -> tuple[Try, ...]:
        """Return the steps that an attempt repeats until somebody changes what they look at.

        Not where others wait inside the service: it may be that they wait behind it.
        """
        if not self._polls.anything_waits or self._control.anybody(At.INSIDE):
            return ()
        return self._repeats(player, self._polls.waits)

    def _repeats(self, player: Player, whether: Repeats) -> tuple[Try, ...]:
        if player.at is not At.TAP or player.flying or len(player.held) > 1:
            return ()
        if self._failing.at(player) is not None:
            return ()
        return whether(player.name, self._next.label(player), lambda: self._next.expected(player))
