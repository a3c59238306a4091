"""Which values are the same thing although they differ in every execution, and which may be.

An attempt that is played twice sends the same statements with other numbers in them. A number that
both times is that of the first basket, or has it in it, means the first basket. Of one that has no
such name it is not known whether another attempt would send the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.serials import Serials, serial_columns
from paidonce.harness.explore.naming.generated import GENERATED
from paidonce.harness.predict.moves import Move, story
from paidonce.harness.predict.together import Held, RenamedRecording, replacer
from paidonce.harness.predict.types import Kind, Place


@dataclass(frozen=True)
class Sameness:
    """A recording in which values have names where they can; ``unsure`` are values, by place and
    column, of which it is not known whether another attempt would have the same."""

    told: RenamedRecording
    unsure: frozenset[tuple[tuple[str, ...], str, str]] = frozenset()


def sameness(once: RenamedRecording, again: RenamedRecording, footprints: Footprints) -> Sameness:
    """Return what two recordings of one attempt tell of the values in the first."""
    return _Comparing(once, again, footprints.catalog).told(footprints)


class _Comparing:
    def __init__(self, once: RenamedRecording, again: RenamedRecording, catalog: Catalog) -> None:
        self._once, self._again = once, again
        self._names, self._other_names = _names(once), _names(again)
        self._named, self._other_named = replacer(self._names), replacer(self._other_names)
        self._serials: Serials = serial_columns(catalog)

    def told(self, footprints: Footprints) -> Sameness:
        places: dict[Held, str] = {}
        unsure = set()
        stories = (story(self._once, footprints), story(self._again, footprints))
        for move, other in zip(*(either.moves for either in stories), strict=False):
            if move.spot.label != other.spot.label:
                break
            for place, column, value, differing in _differences(move, other):
                name, certain = self._name(place, column, value, differing)
                if name is not None:
                    places[move.spot.number, place, column, value] = name
                if not certain:
                    unsure.add((place, column, value if name is None else name))
        return Sameness(replace(self._once, places=places), frozenset(unsure))

    def _name(
        self, place: tuple[str, ...], column: str, value: str, other: str
    ) -> tuple[str | None, bool]:
        """Return the value's name, and whether that is certain, or that it needs no name."""
        root = self._serials.root(place, column)
        if root is not None and (*root, value) in self._once.solo.own:
            return None, True  # of a row that it has made itself
        if GENERATED.fullmatch(value) and GENERATED.fullmatch(other):
            return None, True  # made up by itself: those that were there have names
        name = self._named(value)
        if name != value and name == self._other_named(other):
            return name, True
        # Where it is a number that was calculated from a known one, it is so by guesswork.
        return self._calculated(value, other), False

    def _calculated(self, value: str, other: str) -> str | None:
        if not (value.isdigit() and other.isdigit()):
            return None
        there = {name: known for known, name in self._other_names.items() if known.isdigit()}
        for known, name in self._names.items():
            if known.isdigit() and name in there:
                apart = int(value) - int(known)
                if int(other) - int(there[name]) == apart:
                    return f"{name}{apart:+d}"
        return None


def _names(told: RenamedRecording) -> dict[str, str]:
    """Names by value, those that were captured first."""
    names = {value: f"<{name}>" for value, name in told.solo.known.items() if value}
    for (_, _, value), name in told.solo.rows.items():
        names.setdefault(value, f"<{name}>")
    return names


def _differences(move: Move, other: Move) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
    """Values in what one move touches that differ in the other: place, column and both values."""
    if move.kind is not Kind.SQL:
        return
    pairs = zip(_touched(move), _touched(other), strict=False)
    for mine, theirs in pairs:
        if mine.place != theirs.place or [c for c, _ in mine.key] != [c for c, _ in theirs.key]:
            return
        for (column, value), (_, differing) in zip(mine.key, theirs.key, strict=True):
            if value != differing and not value.startswith("\0"):
                yield mine.place, column, value, differing


def _touched(move: Move) -> list[Resource]:
    groups = (move.looks, move.found.locks, move.writes)
    return list(
        chain.from_iterable(
            sorted(
                group,
                key=lambda resource: (
                    resource.place,
                    resource.shared,
                    [(c, len(v), v) for c, v in resource.key],
                ),
            )
            for group in groups
        )
    )


__all__ = ["Place", "Sameness", "sameness"]
