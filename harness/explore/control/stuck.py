"""Says why an execution in which nobody can move has not come to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from paidonce.harness.explore.control.attempts import At, Player
from paidonce.harness.explore.control.polling import Try
from paidonce.harness.explore.search.world import InvalidRun
from paidonce.harness.results.words import quoted


def complain_if_stuck(
    players: Mapping[str, Player],
    open_sessions: Callable[[str], Iterable[str]],
    polling: Callable[[Player], tuple[Try, ...]],
) -> None:
    """Check that every attempt is through and has left no transaction open.

    ``open_sessions`` tells of an attempt which of its sessions are in one, ``polling`` what it
    tries over and over. Raises ``InvalidRun``.
    """
    for player in players.values():
        if player.at is not At.DONE:
            continue
        for session in open_sessions(player.name):
            raise InvalidRun(
                f"the service leaks a transaction: {session} is still in one after {player.name} "
                "got its answer"
            )
    # Who waits for an event that nobody raises any more never was sent one.
    stuck = [p for p in players.values() if p.at is not At.DONE and not p.absent]
    if stuck:
        where = "; ".join(
            f"{player.name} tries {quoted(tries[0].label)} without end"
            if (tries := polling(player))
            else f"{player.name} is {player.at.value}"
            for player in stuck
        )
        raise InvalidRun(f"nobody can move, and not all are done: {where}")
