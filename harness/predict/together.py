"""Puts recordings of several attempts into one world: one order, one intent, each its own keys."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from harness.explore.names import GENERATED
from harness.history import Effect
from harness.predict.types import Solo


def together(solos: Sequence[Solo]) -> tuple[Solo, ...]:
    """The same recordings with the same value for whatever has the same name in ``known``."""
    values: dict[str, str] = {}
    found = []
    for solo in solos:
        renamed = {value: values.setdefault(name, value) for value, name in solo.known.items()}
        same = all(value == new for value, new in renamed.items())
        found.append(solo if same else _with(solo, _replacer(renamed)))
    return tuple(found)


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
    pattern = re.compile("|".join(map(re.escape, sorted(values, key=len, reverse=True))))
    return lambda text: pattern.sub(lambda match: values[match.group()], text)


def _with(solo: Solo, change: Callable[[str], str]) -> Solo:
    effects = tuple(_changed(effect, change) for effect in solo.effects)
    known = {change(value): name for value, name in solo.known.items()}
    return Solo(solo.name, effects, known)


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
