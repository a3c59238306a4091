"""The default way through an execution: go on with whoever is moving, as long as that can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.search.happens_before import Footprints
from paidonce.harness.explore.search.types import Guide
from paidonce.harness.explore.search.unnamed import compared
from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken
from paidonce.harness.results.words import quoted


def at_once(pending: Sequence[Pending], last: str | None) -> str | None:
    """An actor whose next step is local, the one moving first; None if there is none.

    A local step commutes with every other, so making it at once leaves nothing out.
    """
    local = [choice.actor for choice in pending if choice.footprint.empty]
    if not local:
        return None
    return last if last in local else local[0]


class Continue:
    """Fewest context switches, and never an actor that is *asleep*.

    Sleep sets: Godefroid, *Partial-Order Methods for the Verification of Concurrent Systems*
    (LNCS 1032, 1996), chapter 5. What an asleep actor would do has been explored from an earlier
    point on, and nothing that has happened since conflicts with it. A step that does conflict
    wakes it; where all who can move are asleep the execution is left.

    ``script`` is a way to go first, an actor a step. Its first actor must be able to move; the
    rest is followed as far as it can be.
    """

    def __init__(
        self,
        footprints: Footprints,
        sleep: Mapping[str, int],
        last: str | None,
        script: Sequence[str] = (),
    ) -> None:
        self._footprints = footprints
        self._sleep = dict(sleep)
        self._last = last
        self._script = list(reversed(script))
        self._first = bool(script)
        self._compared = not sleep

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        if not self._compared:
            self._compare(pending)
        awake = [choice for choice in pending if choice.actor not in self._sleep]
        names = [choice.actor for choice in awake]
        if self._script:
            actor = self._script.pop()
            if actor in names:
                self._first = False
                return actor
            if self._first:
                able = ", ".join(choice.actor for choice in pending)
                raise InvalidRun(f"expected that {actor} can move, found that only {able} can")
            self._script.clear()
        if not awake:
            return None
        local = at_once(awake, self._last)
        if local is not None:
            return local
        return self._last if self._last in names else names[0]

    def _compare(self, pending: tuple[Pending, ...]) -> None:
        """Check that a sleeper would touch the same as in the execution in which that was recorded.

        Raises ``Unnamed`` where values differ: what is done now would not be seen to wake it.
        """
        self._compared = True
        for choice in pending:
            if choice.actor in self._sleep:
                known = self._footprints[self._sleep[choice.actor]]
                # What is expected may say more than what was touched, but then says that as well.
                if known.union(choice.footprint) != choice.footprint:
                    compared(
                        f"{choice.actor} {quoted(choice.label)}",
                        known,
                        choice.footprint,
                        expected=True,
                    )

    def took(self, taken: Taken) -> None:
        number = self._footprints.number(taken.footprint)
        if not self._footprints.empty(number):
            self._last = taken.actor
        self._sleep = drowsy(self._footprints, self._sleep, taken.actor, number)


@dataclass(frozen=True, slots=True)
class Continued:
    """Makes ``Continue`` guides, also in another process: numbers of footprints mean nothing
    there, so that it is sent the footprints."""

    footprints: Footprints
    sleep: Mapping[str, int]
    last: str | None
    script: tuple[str, ...] = ()

    def __call__(self) -> Guide:
        return Continue(self.footprints, self.sleep, self.last, self.script)

    def __reduce__(self) -> tuple[object, ...]:
        sleep = {actor: self.footprints[number] for actor, number in self.sleep.items()}
        return _continued, (sleep, self.last, self.script)


def _continued(
    sleep: Mapping[str, Footprint], last: str | None, script: tuple[str, ...]
) -> Continued:
    footprints = Footprints()
    numbers = {actor: footprints.number(theirs) for actor, theirs in sleep.items()}
    return Continued(footprints, numbers, last, script)


def drowsy(
    footprints: Footprints, sleep: Mapping[str, int], actor: str, footprint: int
) -> dict[str, int]:
    """Return who still sleeps after ``actor`` has made a step with ``footprint``."""
    return {
        sleeper: theirs
        for sleeper, theirs in sleep.items()
        if sleeper != actor and not footprints.conflict(theirs, footprint)
    }
