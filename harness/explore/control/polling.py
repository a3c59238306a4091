"""Who tries for something over and over, and is refused each time: a lock that is polled.

A try that is answered as the one before, and changed nothing, leaves its attempt where it was and
everybody else too. As long as nobody touches what it looks at, the next one is answered the same
again. So tries are not choices of their own. What can come of them depends on whether the attempt
gives up:

* If it does, all its tries until then are one step: what another does between two of them it may as
  well do before the first that sees it. How many tries are left after that is not told apart so; it
  is once the search is complete, as far as there is time for it: with ``each_try``, every try is a
  step of its own.
* If it does not (``MOST`` tries, or ``LONGEST_S``, have to be enough to say so), it waits, as for a
  lock: it can move again once somebody has touched what it looks at. An iteration of a loop without
  effect that only waits can be left out of every execution (*spin-assume*: Kokologiannakis, Ren &
  Vafeiadis, *Dynamic partial order reductions for spinloops*, FMCAD 2021).

What counts is what is known to have changed nothing: a command or statement that only looks, and
one that asked for something and was refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from paidonce.harness.explore.footprint.model import LOCAL, Footprint
from paidonce.harness.explore.naming.answer_digest import AnswerDigest

MOST = 60
LONGEST_S = 6.0
"""Who has tried so often, or for so long, is not going to give up."""
_UNKNOWN_AFTER = 2
"""Equal tries before the next one counts as another; one is enough where it is known for that."""
_LONGEST_CYCLE = 3
"""Steps that make up one try: look, ask, give back."""


def changed_nothing(touched: Footprint, *, refused: bool) -> bool:
    """Return whether a call that may have touched this certainly left everything as it was.

    ``refused``: it asked for something and did not get it.
    """
    if not touched.locks and not touched.publishes:
        return True
    tables = {resource.place[:2] for resource in touched.locks | touched.publishes}
    return refused and len(tables) == 1 and all(tables)  # no trigger, no function


class Try(msgspec.Struct, frozen=True):
    """A step of an attempt, as far as it can be told whether it makes it again.

    ``idle``: it changed nothing.
    """

    label: str
    footprint: Footprint
    heard: AnswerDigest
    idle: bool


Expected = Callable[[], Footprint]
"""Asks what a step is expected to touch."""
Repeats = Callable[[str, str, Expected], tuple[Try, ...]]
"""Asks which steps an attempt begins once more with the step of that label."""


class Trail:
    """The last steps of one attempt, as long as nothing changed by them or for it."""

    def __init__(self) -> None:
        self._tries: list[Try] = []

    @property
    def any(self) -> bool:
        """Return whether there are any."""
        return bool(self._tries)

    def made(self, step: Try) -> None:
        """The attempt has made ``step``."""
        if not step.idle or not step.heard.exactly:
            self._tries.clear()
        else:
            self._tries.append(step)
            del self._tries[: -_LONGEST_CYCLE * _UNKNOWN_AFTER]

    def touched(self, footprint: Footprint) -> None:
        """Somebody else changed something: forget what may be answered otherwise now."""
        if any(footprint.conflicts(one.footprint) for one in self._tries):
            self._tries.clear()

    def again(self, label: str, expected: Expected, known: Iterable[str]) -> tuple[Try, ...]:
        """The steps that a step called ``label`` begins once more; none if it does not.

        ``known`` are labels of steps that are known to be made over and over.
        """
        after = 1 if label in known else _UNKNOWN_AFTER
        for length in range(1, _LONGEST_CYCLE + 1):
            last = self._tries[-length:]
            if len(self._tries) < length * after or last[0].label != label:
                continue
            if after > 1 and self._tries[-2 * length : -length] != last:
                continue
            everything = touched_by(last)
            if everything.union(expected()) == everything:
                return tuple(last)
        return ()


def touched_by(steps: Iterable[Try]) -> Footprint:
    """All that ``steps`` touched."""
    footprint = LOCAL
    for step in steps:
        footprint = footprint.union(step.footprint)
    return footprint


class Polls:
    """The trails of all attempts of an execution.

    ``endless`` are labels of steps that are known to be made until they are granted. ``merged`` is
    added to: labels of steps of which several tries were made at once. Those in ``each_try`` are
    made one at a time.
    """

    def __init__(
        self,
        endless: Iterable[str] = (),
        merged: set[str] | None = None,
        each_try: Iterable[str] = (),
    ) -> None:
        self._endless = frozenset(endless)
        self._each_try = frozenset(each_try) - self._endless
        self.anything_waits = bool(self._endless)
        """True if any step is known to be made until it is granted."""
        self.merged = set() if merged is None else merged
        self._trails: dict[str, Trail] = {}

    def made(self, actor: str, step: Try) -> None:
        """``actor`` has made ``step``: what others tried for may be there now."""
        if not step.idle:
            for name, trail in self._trails.items():
                if name != actor:
                    trail.touched(step.footprint)
        self._trails.setdefault(actor, Trail()).made(step)

    def tried(self, actor: str) -> bool:
        """Return whether ``actor`` has made any step of late that changed nothing."""
        trail = self._trails.get(actor)
        return trail is not None and trail.any

    def again(self, actor: str, label: str, expected: Expected) -> tuple[Try, ...]:
        """The steps that ``actor`` is about to begin once more, to be answered the same."""
        trail = self._trails.get(actor)
        if trail is None or label in self._each_try:
            return ()
        return trail.again(label, expected, self._endless)

    def waits(self, actor: str, label: str, expected: Expected) -> tuple[Try, ...]:
        """The same if it does so until somebody else has changed what they look at."""
        return self.again(actor, label, expected) if label in self._endless else ()


@dataclass
class Persistence:
    """For how long an attempt has been trying in one step."""

    began: float = field(default_factory=time.monotonic)
    tries: int = 0

    @property
    def endless(self) -> bool:
        """Return whether it is not going to give up."""
        return self.tries >= MOST or time.monotonic() - self.began > LONGEST_S
