"""Puts recordings of several attempts into one world: one order, one intent, each its own keys."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from paidonce.harness.explore.footprint.model import Resource
from paidonce.harness.explore.footprint.sql.calls import ADVISORY
from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.hashes import source
from paidonce.harness.explore.footprint.sql.serials import serial_columns
from paidonce.harness.explore.footprint.sql.statement_footprint import StatementFootprint
from paidonce.harness.explore.naming.generated import GENERATED
from paidonce.harness.history import Effect
from paidonce.harness.predict.types import Place, Solo

_TELLING = 6
"""Characters of a value that is told wherever it stands."""


Held = tuple[int, tuple[str, ...], str, str]
"""An effect's number, the place of a resource, a column of its key and the value there."""


@dataclass(frozen=True)
class RenamedRecording:
    """A recording, and what is still to be renamed in what its statements touch.

    ``short`` values look like any other (the order is number 31): they are the same only where a
    column, a key or a lock holds such ids. ``rows`` are such values by table and column, and
    ``places`` those of single effects, by the effect's number, the place, the column and the value.
    """

    solo: Solo
    short: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[Place, str] = field(default_factory=dict)
    places: Mapping[Held, str] = field(default_factory=dict)


def together(solos: Sequence[Solo]) -> tuple[RenamedRecording, ...]:
    """The same recordings with the same value for whatever has the same name in ``known``."""
    values: dict[str, str] = {}
    numbers: dict[tuple[str, str, str], str] = {}
    renamed_recordings = []
    for solo in solos:
        named = {value: values.setdefault(name, value) for value, name in solo.known.items()}
        changed = {value: new for value, new in named.items() if value != new}
        plain = {value: new for value, new in changed.items() if _telling(value)}
        short = {value: new for value, new in changed.items() if value not in plain}
        renamed = _with(solo, replacer(plain)) if plain else solo
        rows = {
            (table, column, value): numbers.setdefault((table, column, name), value)
            for (table, column, value), name in solo.rows.items()
        }
        keys = short | _unambiguous(rows)
        renamed_recordings.append(
            RenamedRecording(_keys(renamed, replacer(keys)) if keys else renamed, short, rows)
        )
    return tuple(renamed_recordings)


def _unambiguous(rows: Mapping[Place, str]) -> dict[str, str]:
    """The numbers of rows that are to be replaced, whatever column they stand in."""
    wanted: dict[str, set[str]] = {}
    for (_, _, value), new in rows.items():
        wanted.setdefault(value, set()).add(new)
    return {value: new for value, (new, *more) in wanted.items() if not more and new != value}


def _telling(value: str) -> bool:
    """Return whether a text that has this in it can only mean this value."""
    return len(value) >= _TELLING and not value.isdigit()


class Renaming:
    """Renames what is left to be renamed in the resources that an attempt's effects touch."""

    def __init__(self, told: RenamedRecording, catalog: Catalog) -> None:
        self._told = told
        self._replaced = replacer(dict(told.short)) if told.short else None
        self._serials = serial_columns(catalog)

    def found(self, found: StatementFootprint, number: int) -> StatementFootprint:
        """The footprint of a statement of effect ``number`` with its values renamed."""
        return msgspec.structs.replace(
            found,
            looks=self._all(found.looks, number),
            locks=self._all(found.locks, number),
            writes=self._all(found.writes, number),
            at_once=self._all(found.at_once, number),
            session=self._all(found.session, number),
        )

    def _all(self, resources: frozenset[Resource], number: int) -> frozenset[Resource]:
        return frozenset(self._resource(resource, number) for resource in resources)

    def _resource(self, one: Resource, number: int) -> Resource:
        key = tuple((column, self._value(one, column, value, number)) for column, value in one.key)
        return Resource(one.place, key, one.shared)

    def _value(self, one: Resource, column: str, value: str, number: int) -> str:
        if (number, one.place, column, value) in self._told.places:
            return self._told.places[number, one.place, column, value]
        if one.place[:1] == (ADVISORY,):
            # Of a hash both attempts have to tell by what it is of: only that has a name.
            named = source(value) or value
            named = named if self._replaced is None else self._replaced(named)
            return self._told.places.get((number, one.place, column, named), named)
        root = self._serials.root(one.place, column)
        if root is not None and (*root, value) in self._told.rows:
            return self._told.rows[*root, value]
        if root is not None or column == "id" or column.endswith("_id"):
            return self._told.short.get(value, value)
        return value


def another(solo: Solo, name: str) -> Solo:
    """An attempt that does the same for the same order: what the first one made up is new."""
    given: dict[str, str] = {}

    def fresh(text: str) -> str:
        return GENERATED.sub(lambda match: _fresh(match.group(), solo, given), text)

    copy = _with(solo, fresh)
    return Solo(name, copy.effects, copy.known, solo.rows, solo.own)


def _fresh(value: str, solo: Solo, given: dict[str, str]) -> str:
    if value in solo.known:
        return value
    if value not in given:
        new = str(uuid.uuid5(uuid.NAMESPACE_OID, value))
        if len(value) != len(new) or value.count("-") != new.count("-"):
            head, _, tail = value.rpartition("_")
            made = new.replace("-", "")
            made = (made * (len(tail) // len(made) + 1))[: len(tail)]
            new = f"{head}_{made}" if head else made
        given[value] = new
    return given[value]


def replacer(values: dict[str, str]) -> Callable[[str], str]:
    """Return a function that replaces values by others wherever they stand as words of their
    own."""
    if not values:
        return lambda text: text
    # All at once: a value may be the new name of another.
    longest_first = sorted(values, key=len, reverse=True)
    alternatives = "|".join(map(re.escape, longest_first))
    pattern = re.compile(f"(?<![A-Za-z0-9])(?:{alternatives})(?![A-Za-z0-9])")
    return lambda text: pattern.sub(lambda match: values[match.group()], text)


def _with(solo: Solo, change: Callable[[str], str]) -> Solo:
    effects = tuple(_changed(effect, change) for effect in solo.effects)
    known = {change(value): name for value, name in solo.known.items()}
    return Solo(solo.name, effects, known, solo.rows, solo.own)


def _keys(solo: Solo, change: Callable[[str], str]) -> Solo:
    """The same with values replaced in calls to Stripe and commands to Redis."""
    effects = []
    for effect in solo.effects:
        request = dict(effect.request)
        for name in ("idempotency_key", "args", "params"):
            if name in request:
                request[name] = _inside(request[name], change)
        effects.append(msgspec.structs.replace(effect, request=request))
    return Solo(solo.name, tuple(effects), solo.known, solo.rows, solo.own)


def _changed(effect: Effect, change: Callable[[str], str]) -> Effect:
    return msgspec.structs.replace(
        effect, request=_inside(effect.request, change), answer=_inside(effect.answer, change)
    )


def _inside(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {name: _inside(part, change) for name, part in value.items()}
        case list() | tuple():
            return [_inside(part, change) for part in value]
        case _:
            return value
