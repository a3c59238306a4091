"""Makes an execution in the order that was recorded when nobody held anything: that of a burst.

What crossed the taps tells an order of statements and calls, and on which connections they came,
but not whose they were. So attempts are told by what they are about to do: a connection belongs
to whoever was the first to do on it what was recorded there. A recorded order is followed as far as
it can be; what the harness finds where it leads, it finds by its own means.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.explore.search.choices import at_once
from paidonce.harness.explore.search.types import Guide
from paidonce.harness.explore.search.world import ANSWER, COMMITS, Pending, Taken
from paidonce.harness.history import Effect, History

_START = "start"


class Beat(msgspec.Struct, frozen=True):
    """One thing that happened: on a connection ("" where that says nothing), and its label."""

    connection: str
    label: str


class Recorded(msgspec.Struct, frozen=True):
    """The order of a burst, to be tried ahead of a search."""

    beats: tuple[Beat, ...]

    def guide(self) -> Guide:
        return _Following(self.beats)


def recorded(history: History) -> Recorded:
    """Return the units that crossed the taps, in the order in which they came; a statement that
    commits by itself is committed when it is answered."""
    beats: list[tuple[int, Beat]] = []
    for _, effect in history.of(Effect):
        beat = Beat(_connection(effect), f"{effect.tap} {effect.label}")
        beats.append((effect.began, beat))
        answer = effect.answer or {}
        if effect.tap == "postgres" and effect.request.get("status") == answer.get("status") == "I":
            beats.append((effect.t, Beat(beat.connection, COMMITS)))
    beats.sort(key=lambda timed: timed[0])
    return Recorded(tuple(beat for _, beat in beats))


def statements(orders: Sequence[Recorded]) -> frozenset[str]:
    """Return the statements in ``orders`` that may have committed by themselves."""
    return frozenset(
        beat.label for order in orders for beat in order.beats if beat.label != COMMITS
    )


def _connection(effect: Effect) -> str:
    session = effect.request.get("session")
    return "" if session is None else f"{effect.tap} {session}"


class _Following:
    """Everybody begins, and then goes by the beats; in the end whoever moved last goes on."""

    def __init__(self, beats: Sequence[Beat]) -> None:
        self._beats = list(reversed(beats))
        self._whose: dict[str, str] = {}
        self._last: str | None = None

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        for at_once_label in (_START, ANSWER):
            for choice in pending:
                if choice.label == at_once_label:
                    return choice.actor
        local = at_once(pending, self._last)
        if local is not None:
            return local
        able = {one.actor: one.label for one in pending}
        while self._beats:
            beat = self._beats.pop()
            actor = self._actor(beat, able)
            if actor is not None:
                if beat.connection:
                    self._whose[beat.connection] = actor
                return actor
        return self._last if self._last in able else pending[0].actor

    def _actor(self, beat: Beat, able: dict[str, str]) -> str | None:
        """Return who is about to do this, on that connection."""
        known = self._whose.get(beat.connection)
        if known is not None and able.get(known) == beat.label:
            return known
        # A pooled connection goes from one to the other.
        return next((actor for actor, label in able.items() if label == beat.label), None)

    def took(self, taken: Taken) -> None:
        self._last = taken.actor
