"""Puts recordings of several attempts into one world: one order, one intent, each its own keys."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.explore.footprint import Resource
from harness.explore.names import GENERATED
from harness.explore.sql.calls import ADVISORY
from harness.explore.sql.catalog import Catalog
from harness.explore.sql.hashes import source
from harness.explore.sql.serials import serial_columns
from harness.explore.sql.statement import StatementFootprint
from harness.history import Effect
from harness.predict.types import Solo

_TELLING = 6
"""Characters of a value that is told wherever it stands."""


@dataclass(frozen=True)
class Told:
    """A recording, and what is still to be renamed in what its statements touch.

    ``short`` values look like any other (the order is number 31): they are the same only where a
    column, a key or a lock holds such ids.
    """

    solo: Solo
    short: Mapping[str, str]


def together(solos: Sequence[Solo]) -> tuple[Told, ...]:
    """The same recordings with the same value for whatever has the same name in ``known``."""
    values: dict[str, str] = {}
    found = []
    for solo in solos:
        named = {value: values.setdefault(name, value) for value, name in solo.known.items()}
        changed = {value: new for value, new in named.items() if value != new}
        plain = {value: new for value, new in changed.items() if _telling(value)}
        short = {value: new for value, new in changed.items() if value not in plain}
        renamed = _with(solo, _replacer(plain)) if plain else solo
        found.append(Told(_keys(renamed, _replacer(short)) if short else renamed, short))
    return tuple(found)


def _telling(value: str) -> bool:
    """Whether a text that has this in it can only mean this value."""
    return len(value) >= _TELLING and not value.isdigit()


class Renaming:
    """Renames the ``short`` values in resources."""

    def __init__(self, short: Mapping[str, str], catalog: Catalog) -> None:
        self._short = short
        self._replaced = _replacer(dict(short)) if short else None
        self._serials = serial_columns(catalog)

    def found(self, found: StatementFootprint) -> StatementFootprint:
        """The footprint of a statement with its values renamed."""
        if self._replaced is None:
            return found
        return msgspec.structs.replace(
            found,
            looks=self._all(found.looks),
            locks=self._all(found.locks),
            writes=self._all(found.writes),
            at_once=self._all(found.at_once),
            session=self._all(found.session),
        )

    def _all(self, resources: frozenset[Resource]) -> frozenset[Resource]:
        return frozenset(self._resource(one) for one in resources)

    def _resource(self, one: Resource) -> Resource:
        key = tuple((column, self._value(one, column, value)) for column, value in one.key)
        return Resource(one.place, key, one.shared)

    def _value(self, one: Resource, column: str, value: str) -> str:
        assert self._replaced is not None
        if one.place[:1] == (ADVISORY,):
            return self._replaced(source(value) or value)
        ids = column == "id" or column.endswith("_id")
        if ids or self._serials.root(one.place, column) is not None:
            return self._short.get(value, value)
        return value


def another(solo: Solo, name: str) -> Solo:
    """An attempt that does the same for the same order: what the first one made up is new."""
    given: dict[str, str] = {}

    def fresh(text: str) -> str:
        return GENERATED.sub(lambda match: _fresh(match.group(), solo, given), text)

    copy = _with(solo, fresh)
    return Solo(name, copy.effects, copy.known)


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


def _replacer(values: dict[str, str]) -> Callable[[str], str]:
    # All at once: a value may be the new name of another.
    longest_first = sorted(values, key=len, reverse=True)
    alternatives = "|".join(map(re.escape, longest_first))
    pattern = re.compile(f"(?<![A-Za-z0-9])(?:{alternatives})(?![A-Za-z0-9])")
    return lambda text: pattern.sub(lambda match: values[match.group()], text)


def _with(solo: Solo, change: Callable[[str], str]) -> Solo:
    effects = tuple(_changed(effect, change) for effect in solo.effects)
    known = {change(value): name for value, name in solo.known.items()}
    return Solo(solo.name, effects, known)


def _keys(solo: Solo, change: Callable[[str], str]) -> Solo:
    """The same with values replaced in idempotency keys and commands to Redis."""
    effects = []
    for effect in solo.effects:
        request = dict(effect.request)
        for name in ("idempotency_key", "args"):
            if name in request:
                request[name] = _inside(request[name], change)
        effects.append(msgspec.structs.replace(effect, request=request))
    return Solo(solo.name, tuple(effects), solo.known)


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
