"""Values that have no name: they differ in every execution, and nobody knows where they are from.

An order's number calculated from its id, a key that a library made up, a slug with the time in it:
a footprint that speaks of such a value speaks of another thing in every execution. That shows when
a step is repeated and touches what it touched before but for the value of a column. The values of
that column are then left out of all keys (``Names``), and the search begins again: what such a step
touches is larger, which says too much and never too little. There are only so many columns, so this
ends.

A step that sleeps in a search is compared as well as one that is repeated: what it touches was
recorded in another execution too, and would not be woken by what touches the same under another
value.
"""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.explore.footprint.model import LOOKED_AT, Column, Footprint, Resource
from paidonce.harness.explore.search.world import InvalidRun

_SHOWN = 60
"""Characters of a value in a message."""


def column(place: tuple[str, ...], name: str) -> Column:
    """The column of this name at ``place``; parts of a row have its table's columns."""
    return place[:2], name


class Unnamed(InvalidRun):
    """After the same choices a step touched what differs only in the values of ``columns``.

    ``said`` tells which step, and ``values`` what those were and are now.
    """

    def __init__(self, said: str, columns: frozenset[Column], values: str) -> None:
        super().__init__(said, columns, values)
        self.said = said
        self.columns = columns
        self.values = values

    def __str__(self) -> str:
        return (
            f"{self.said} touched more than it did before after the same choices: {self.values}. "
            "A value that differs in every execution has to be known before the attempts begin: "
            'have a step of [[prepare]] capture it (capture = { NAME = "json:$.id" })'
        )


def compared(said: str, known: Footprint, now: Footprint, *, expected: bool = False) -> None:
    """Raise ``Unnamed`` if what is touched ``now`` was ``known`` with other values in it.

    What is only ``expected`` of a call to Stripe says less than what that tells once it is made;
    and of a statement, less by which row it meets others of its kind (``rw_conflicts``).
    """
    found = differing(known, now)
    if expected:
        found = tuple(
            one
            for one in found
            if one[0].place[:1] != (LOOKED_AT,)
            and (one[3] is not None or one[0].place[:1] != ("stripe",))
        )
    if found:
        told = ", ".join(
            f"{words(Resource(resource.place))} had {name} = {_shown(before)}"
            f" and has {_shown(value)}"
            for resource, name, before, value in found
        )
        columns = frozenset(column(resource.place, name) for resource, name, _, _ in found)
        raise Unnamed(said, columns, told)


Difference = tuple[Resource, str, str | None, str | None]
"""A resource that is touched now, a column, the value known there, and the one it has now."""


def differing(known: Footprint, now: Footprint) -> tuple[Difference, ...]:
    """Return where ``now`` says what ``known`` does not, with other values in the same columns.

    Empty where it says something that is not known with any values: then it touches more.
    """
    found: list[Difference] = []
    for before, after in (
        (known.looks, now.looks),
        (known.locks, now.locks),
        (known.publishes, now.publishes),
    ):
        for resource in beyond(before, after):
            near = _nearest(resource, before)
            if near is None:
                return ()
            found += [(resource, name, *values) for name, values in near.items()]
    return tuple(dict.fromkeys(found))


def beyond(known: frozenset[Resource], now: Iterable[Resource]) -> list[Resource]:
    """Return the resources of ``now`` that nothing in ``known`` holds, in a fixed order."""
    return sorted(
        resource for resource in now if not any(other.includes(resource) for other in known)
    )


def _nearest(
    one: Resource, known: Iterable[Resource]
) -> dict[str, tuple[str | None, str | None]] | None:
    """The values by column in which ``one`` differs from what is most like it; None without that.

    A value that had a name before and has none now differs as well. What has other columns is
    another sort of thing.
    """
    mine = dict(one.key)
    best: dict[str, tuple[str | None, str | None]] | None = None
    for other in sorted(known):
        if other.place != one.place or other.shared != one.shared:
            continue
        if not mine.keys() <= {name for name, _ in other.key}:
            continue
        differs: dict[str, tuple[str | None, str | None]] = {
            name: (value, mine.get(name)) for name, value in other.key if mine.get(name) != value
        }
        if differs and (best is None or len(differs) < len(best)):
            best = differs
    return best


def words(resource: Resource) -> str:
    """A resource as a message names it: ``public.orders (number = 'A-17')``."""
    place = resource.place
    where = place[1] if len(place) > 1 and place[0] == "pg" else " ".join(place)
    if not resource.key:
        return where or "everything"
    return f"{where} ({', '.join(f'{name} = {_shown(value)}' for name, value in resource.key)})"


def _shown(value: str | None) -> str:
    if value is None:
        return "a value without a name"
    return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
