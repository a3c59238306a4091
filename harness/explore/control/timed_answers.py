"""Answers that somebody gets only at this time of day, and by which he goes on.

Two attempts count their tries under a key that has the minute in it, and whoever counts to two is
refused; or one writes until when an order is its own, and the other reads that and is refused; or
one asks for what was done within the last minute, and finds what the other has done. A minute later
nobody would be. In a search all attempts nearly always meet the same minute, and
what is taken until a time stays taken, so that a service that rests on such an answer seems to be
sound.

Most answers of that kind decide nothing: a limit of a hundred tries a minute, a day's visits, a
price that is kept for an hour, a time that is in a row beside the rest. Whether one does is seen
from what attempts did. Of two that had done the same, and were answered the same until then, one
got this answer and one another. If they come together again, in a step that changes something or is
answered otherwise, that answer did not decide; if they do not, and one has changed something that
the other has not, it did.

Of what is asked through a window of time more is known where somebody was let through it, and was
refused all the same, another having done everything meanwhile: so it is a minute later too.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from paidonce.harness.explore.control.clock_values import MAY_BE_TIMED, SHORTEST_TIME, moments_in
from paidonce.harness.explore.control.time_expressions import LONGEST_S
from paidonce.harness.explore.control.time_windows import Window

_MOST = 20_000
"""Places in stories that are remembered."""
_NO_COLUMNS: frozenset[str] = frozenset()
_LONGEST_JSON = 20_000
"""Characters of a text that is read as JSON."""
_LEAST_S = 1.0
"""Seconds by which a time is ahead that is not now: clocks differ, and a time may be rounded up."""


class Told(msgspec.Struct, frozen=True):
    """A call of an attempt and its answer.

    ``kind`` is what it is called whoever makes it, ``said`` its answer; ``looks`` tells that it has
    changed and locked nothing.
    """

    kind: str
    said: str
    looks: bool = True
    keyed: str = ""
    """The time in the key that it asks under, cut to the second, the minute or the day."""
    ahead: frozenset[str] = frozenset()
    """The columns in which it is answered a time that is ahead of now, by a few minutes at most."""
    number: int = 0
    """In the order of all calls of the execution."""
    window: Window | None = None
    """The stretch of time in which it looks for something, if it does."""
    many: int = 0
    """How much is found: the number that it is answered, or else of rows or members."""


Story = Sequence[Told]


@dataclass(frozen=True, slots=True)
class Deciding:
    """A kind of call whose answer decides, and the time in its key, the column that is ahead, or
    what is looked for in a stretch of time."""

    kind: str
    keyed: str = ""
    ahead: str = ""
    within: Window | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    story: Story
    at: int
    alone: bool
    """True if nobody else changed anything after it."""
    changed: tuple[str, ...] = ()
    """The kinds of what was changed after it."""
    outdone: bool = False
    """True if another had changed all that is changed here, and more, before the story's end, and
    the answer was not asked for again."""

    @property
    def told(self) -> Told:
        return self.story[self.at]


@dataclass
class TimedAnswers:
    """Follows what attempts were answered, from execution to execution."""

    found: dict[Deciding, None] = field(default_factory=dict)
    """The answers that decide, in the order in which that was found."""
    withdrawn: dict[Deciding, None] = field(default_factory=dict)
    """Those that seemed to decide, of which it is known by now that they do not."""
    _places: dict[Hashable, dict[Hashable, _Place]] = field(default_factory=dict)
    """By who had done and heard what, and asks what: what came of each answer."""

    def add(self, stories: Mapping[str, Story], roles: Mapping[str, Hashable]) -> None:
        """An execution is over. ``roles`` are equal for attempts that do the same."""
        for actor, story in stories.items():
            last = max(
                (
                    one.number
                    for who, told in stories.items()
                    if who != actor
                    for one in told
                    if not one.looks
                ),
                default=-1,
            )
            rivals = [other for who, other in stories.items() if who != actor]
            past = hash((roles.get(actor, actor),))
            for at, told in enumerate(story):
                place = _Place(story, at, told.number > last)
                if told.window is not None:
                    place = _windowed(place, rivals)
                self._see((past, told.kind), place)
                past = hash((past, told.kind, told.said))

    def _see(self, asks: Hashable, place: _Place) -> None:
        known = self._places.get(asks)
        if known is None:
            if len(self._places) >= _MOST:
                return
            known = self._places[asks] = {}
        answer = place.told.said, place.alone, place.changed, place.outdone
        if answer in known:
            return
        for other in known.values():
            if other.told.said == place.told.said:
                continue
            if (why := _why(place, other)) and _parts(place, other):
                self.found[why] = None
        known[answer] = place
        if place.outdone:
            self.withdrawn[_looks_through(place)] = None
        for why in self.withdrawn.keys() & self.found.keys():
            del self.found[why]


def ahead_in(values: Iterable[tuple[str, str | None]]) -> frozenset[str]:
    """Return the columns of ``values`` that have a time ahead of now, by a few minutes at most; of
    a value in JSON its members that do."""
    times = [
        (c, v)
        for column, value in values
        if value and len(value) >= SHORTEST_TIME
        for c, v in (_members(column, value) if value[0] in "{[" else ((column, value),))
        if MAY_BE_TIMED.match(v) is not None
    ]
    if not times:
        return _NO_COLUMNS
    now = time.time()
    return frozenset(
        column
        for column, value in times
        if any(_LEAST_S < moment - now <= LONGEST_S for moment in moments_in(value))
    )


@functools.lru_cache(maxsize=256)
def _members(column: str, text: str) -> tuple[tuple[str, str], ...]:
    """The texts and numbers within a text of JSON, each with its name; none if it is not JSON."""
    if len(text) > _LONGEST_JSON:
        return ()
    try:
        waiting = [(column, json.loads(text))]
    except (ValueError, RecursionError):
        return ()
    members = []
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{key} in {name}", one) for key, one in value.items())
        elif isinstance(value, list):
            waiting.extend((name, one) for one in value)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            members.append((name, str(value)))
    return tuple(members)


def _why(one: _Place, other: _Place) -> Deciding | None:
    """Return how two answers may differ for the time of day alone, if they may."""
    for place in (one, other):
        if keyed := place.told.keyed:
            return Deciding(place.told.kind, keyed=keyed)
    for place, rest in ((one, other), (other, one)):
        # Who wrote it is through with it where nobody else changes anything any more.
        if not place.alone and (columns := place.told.ahead - rest.told.ahead):
            return Deciding(place.told.kind, ahead=min(columns))
        if _let_through_later(place, rest):
            return _looks_through(place)
    return None


def _looks_through(place: _Place) -> Deciding:
    return Deciding(place.told.kind, within=place.told.window)


def _let_through_later(refused: _Place, let: _Place) -> bool:
    """Return whether one was refused by what it found in a stretch of time, and would be answered
    as the other was once that is over."""
    window = refused.told.window
    if window is None or len(refused.changed) >= len(let.changed):
        return False
    if window.leaves is None:
        return True
    more, less = (refused, let) if window.leaves else (let, refused)
    return more.told.many > less.told.many


def _windowed(place: _Place, rivals: Iterable[Story]) -> _Place:
    """Return a place that looks through a window, with what is known of it."""
    rest = place.story[place.at + 1 :]
    changed = tuple(one.kind for one in rest if not one.looks)
    again = any(one.kind == place.told.kind for one in rest)
    end = place.story[-1].number
    outdone = not again and any(
        len(changed) < sum(not one.looks and place.told.number < one.number < end for one in rival)
        for rival in rivals
    )
    return replace(place, changed=changed, outdone=outdone)


def _parts(one: _Place, other: _Place) -> bool:
    """Return whether two that were answered differently never come together again, and one changes
    what the other does not."""
    mine, theirs = _rest(one), _rest(other)
    while mine and theirs:
        if _skip_to(mine, theirs[0].kind) or _skip_to(theirs, mine[0].kind):
            if mine.pop(0).said != theirs.pop(0).said:
                return False
            continue
        break
    return any(not told.looks for told in (*mine, *theirs))


def _rest(place: _Place) -> list[Told]:
    """Return what came after it, but for what was done under keys with the time in them."""
    return [told for told in place.story[place.at + 1 :] if not told.keyed]


def _skip_to(story: list[Told], kind: str) -> bool:
    """Go on to the next step of a kind if only looking is left out by that."""
    for at, told in enumerate(story):
        if told.kind == kind:
            del story[:at]
            return True
        if not told.looks:
            return False
    return False
