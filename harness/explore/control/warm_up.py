"""Warms a service up, so that its executions start equal: the first one it ever plays is cold.

Caches, rows that are made when they are first asked for, scripts that Redis does not know yet,
settings read once, pools that grow: all of that is in the way of the first execution of a fresh
service and of no other. A search would take its steps for those of every execution, and a replay
on another service would go another way. So before the first execution that counts every service
plays some that do not, the same ones whoever asks for it: all attempts one after the other, until
two such executions agree in every step. They are not put in each other's way, since what a race
leaves behind may be nothing that the reset takes back.

A process that was killed and started again is as cold as the first one was, and what it comes to is
known by then: it is warm as soon as it goes the way that two executions agreed on before.

Whether a race has left such a thing behind is seen once the search is over: the same is played
again then (``Warmth.parted``), and goes the same way if the executions began equal to the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from paidonce.harness.explore.search.world import InvalidRun, Pending, Taken, World
from paidonce.harness.service.script import NotReady

MOST = 5
"""How many executions one after the other are played at most until two agree."""
LONGEST = 3000
"""Of how many steps at most: more are no attempts that come to an end when nobody is in their way.
"""
_TRIES = 3
"""How often an execution is begun again that did not stay under control."""

Fresh = Callable[[], Awaitable[World]]
"""Begins an execution on a service that may be cold."""


@dataclass(frozen=True)
class Played:
    """An execution: its steps in words, and what each was answered, as it can be compared."""

    words: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass
class Warmth:
    """The warm-up that a service has been through before anything counted, and what that showed."""

    notes: list[str] = field(default_factory=list)
    """The differences of the beginning, a sentence each."""
    _known: set[str] = field(default_factory=set)
    _together: int = 0
    _agreed: list[tuple[Fresh, Played, Played]] = field(default_factory=list)
    """How executions of each script begin, and two of them that agreed."""
    executions: int = 0
    """How many executions warming up took, and looking whether it is still so."""
    _warm: dict[tuple[frozenset[str], int], Played] = field(default_factory=dict)
    """The executions that scripts of such attempts, so many together, come to once it is warm."""

    def covers(self, kinds: frozenset[str], together: int) -> bool:
        """Return whether a script of such attempts, so many ``together``, finds the service
        warm."""
        return kinds <= self._known and together <= self._together

    def forget(self) -> None:
        """Take the service for cold again: what it was warmed by was taken for what it was not."""
        self.cooled()
        self._warm.clear()

    def cooled(self) -> None:
        """Take the service for cold again: another process is in the place of the warm one."""
        self._known, self._together = set(), 0
        self._agreed.clear()

    async def warm(self, fresh: Fresh, kinds: frozenset[str], together: int) -> None:
        """Play executions of attempts of these kinds, so many ``together``, until two agree.

        Executions that were not under control are no hindrance: whoever searches meets that again,
        and says so. Raises what a world raises that is not ``InvalidRun``, and ``InvalidRun`` where
        the preparation does not succeed.
        """
        first: Played | None = None
        before: Played | None = None
        warm = self._warm.get((kinds, together))
        for number in range(MOST):
            self.executions += 1
            now = await _played(fresh)
            if now is not None and warm is not None and now.words == warm.words:
                self._agreed.append((fresh, warm, now))
                break
            if now is None and before is None and number:
                break  # it is not under control
            first = now if number == 0 else first
            if now is not None and before is not None and now.words == before.words:
                self._agreed.append((fresh, before, now))
                self._warm[kinds, together] = now
                break
            before = now
        else:
            self.notes.append(
                f"the service does not come to do the same every time: {MOST} executions, one "
                "attempt after the other, differ"
            )
        self._known |= kinds
        self._together = max(self._together, together)
        if first is not None and before is not None and first.words != before.words:
            other = _difference(first.words, before.words)
            self.notes.append(
                "the first execution on a fresh service differs from those that follow: "
                f"{other}; it was played beforehand and is not counted"
            )

    async def parted(self) -> str:
        """Play the same once more; how it goes another way by now, in words. Empty if it does not,
        and where no two agreed in the first place.

        Raises what a world raises that is not ``InvalidRun``.
        """
        for fresh, before, agreed in self._agreed:
            self.executions += 1
            now = await _played_at_last(fresh)
            if isinstance(now, str):
                return now
            if now.words != agreed.words:
                return _difference(now.words, agreed.words, once="it was")
            if other := _otherwise(before, agreed, now):
                return other
        return ""


def _otherwise(before: Played, agreed: Played, now: Played) -> str:
    """Return which step is answered otherwise ``now``, in words, of those that were answered the
    same in both executions ``before``; empty if none is. What nobody can name is not compared."""
    for step, *answers in zip(now.words, before.answers, agreed.answers, now.answers, strict=True):
        if all(answers) and answers[0] == answers[1] != answers[2]:
            return f"{step} is answered otherwise"
    return ""


async def _played(fresh: Fresh) -> Played | None:
    """An execution of attempts one after the other; None if it was not under control to its end."""
    world = await _begun(fresh)
    if world is None:
        return None
    try:
        taken: list[Taken] = []
        while (pending := world.pending()) and len(taken) < LONGEST:
            taken.append(await world.step(_next(pending, taken[-1].actor if taken else None)))
        await world.finish()
    except InvalidRun:
        return None
    finally:
        await world.close()
    return Played(
        tuple(f"{step.actor} {step.label}" for step in taken),
        tuple(step.heard.exactly for step in taken),
    )


async def _played_at_last(fresh: Fresh) -> Played | str:
    """Such an execution; or why there is none, though it was tried ``_TRIES`` times."""
    said = "they did not stay under control"
    for _ in range(_TRIES):
        try:
            now = await _played(fresh)
        except InvalidRun as failure:
            said = str(failure)
        else:
            if now is not None:
                return now
    return said


async def _begun(fresh: Fresh) -> World | None:
    try:
        return await fresh()
    except InvalidRun as error:
        if isinstance(error.__cause__, NotReady):
            raise
        return None


def _next(pending: Sequence[Pending], last: str | None) -> str:
    able = [choice.actor for choice in pending if not choice.deferred]
    return last if last in able else able[0]


def _difference(first: Sequence[str], later: Sequence[str], once: str = "it later is") -> str:
    """Return where the two part, in words."""
    for one, other in zip_longest(first, later):
        if one != other:
            return f"{one or 'the end'}, where {once} {other or 'the end'}"
    return "nothing"


class Cold(Warmth):
    """No warming up: what is played first meets the service as it was started."""

    def covers(self, kinds: frozenset[str], together: int) -> bool:
        return True
