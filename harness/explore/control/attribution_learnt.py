"""Habits: what attempts of a kind are known to do next, by which those that move at once are told
apart.

When a step of one attempt sets another going inside the service (it gives back the pool's only
connection), both move, and what arrives could be either's. Their pasts decide where one of them
was never seen to go on like that and the other was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paidonce.harness.explore.control.attempts import Player


class Habits:
    """The steps that came after each step, for each kind of attempt; kept from execution to
    execution."""

    def __init__(self, kinds: Mapping[str, object]) -> None:
        self._kinds = {name: str(kind) for name, kind in kinds.items()}
        self._next: dict[tuple[str, tuple[str, ...]], set[str]] = {}

    def learn(self, player: Player, label: str) -> None:
        """``player`` has gone on with a unit of this label."""
        self._next.setdefault(self._state(player), set()).add(label)
        player.past = (*player.past, label)

    def whose(self, label: str, players: Sequence[Player]) -> Player | None:
        """The only one of ``players`` that was seen to go on with ``label``, from where it is.

        None unless something is known of all of them.
        """
        known = [self._next.get(self._state(player), set()) for player in players]
        if not all(known):
            return None
        able = [p for p, labels in zip(players, known, strict=True) if label in labels]
        return able[0] if len(able) == 1 else None

    def _state(self, player: Player) -> tuple[str, tuple[str, ...]]:
        return self._kinds.get(player.name, player.name), player.past
