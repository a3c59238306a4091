"""Values in a statement before its parameters are known, and what they come to once they are."""

from __future__ import annotations

import abc
import csv
from collections.abc import Container, Sequence
from dataclasses import dataclass

from paidonce.harness.explore.footprint.model import MADE, Resource
from paidonce.harness.explore.footprint.sql.hashes import hashtext, hashtextextended
from paidonce.harness.explore.footprint.sql.types import ColumnType, Family, canonical

_MOST = 64
"""Resources one pattern may become; beyond that a column is left out of the key."""

NULL = "\0null"
"""SQL's null. No value in Postgres has a zero byte."""
NEW = "\0new"
"""A random value, or one from a sequence: no other row has it. Others may ask for it, though, once
they have been told, which can be before the row is committed."""
_SPECIAL = frozenset({NULL, NEW})

Value = str | None
"""A value as text, or one of the above; None when it cannot be told."""


class Params:
    """The parameters of a statement; one that is None cannot be told, unless it is null."""

    def __init__(self, values: Sequence[str | None] = (), nulls: Container[int] = ()) -> None:
        self._values = values
        self._nulls = nulls
        self._matched: dict[int, tuple[Match, tuple[str, ...] | None]] = {}

    def matched(self, match: Match) -> tuple[str, ...] | None:
        """Return what ``match`` comes to with these; a statement's patterns share their matches."""
        # By identity, since to hash a match takes longer than to evaluate it. What is kept here
        # stays alive, so that no other has its number.
        found = self._matched.get(id(match))
        if found is None:
            found = self._matched[id(match)] = (match, match.values(self))
        return found[1]

    def value(self, number: int) -> Value:
        """That of ``$number``."""
        if not 0 < number <= len(self._values):
            return None
        found = self._values[number - 1]
        return NULL if found is None and number - 1 in self._nulls else found


class Symbol(abc.ABC):
    """A value; ``constant`` if it does not depend on parameters."""

    constant = True

    @abc.abstractmethod
    def value(self, params: Params) -> Value:
        """The value; None if it cannot be told."""

    def text(self, params: Params) -> Value:
        """The value as Postgres turns it into text."""
        return self.value(params)

    def values(self, params: Params) -> tuple[Value, ...] | None:
        """All it may be, for a list."""
        return (self.value(params),)


@dataclass(frozen=True)
class Const(Symbol):
    """A literal."""

    literal: str

    def value(self, params: Params) -> Value:
        return self.literal


@dataclass(frozen=True)
class Param(Symbol):
    """A parameter."""

    number: int
    constant = False

    def value(self, params: Params) -> Value:
        return params.value(self.number)


@dataclass(frozen=True)
class Cast(Symbol):
    """A value turned into another type; ``cut`` if that has a length or precision."""

    inner: Symbol
    family: Family
    cut: bool = False

    @property
    def constant(self) -> bool:  # type: ignore[override]
        return self.inner.constant

    def value(self, params: Params) -> Value:
        textual = self.family in ("text", "varchar", "char")
        text = self.inner.text(params) if textual else self.inner.value(params)
        if text in (None, NULL):
            return text
        return None if self.cut else canonical(self.family, text)

    def text(self, params: Params) -> Value:
        # numeric keeps trailing zeros and a date is written as the session likes it.
        return None if self.family in ("numeric", "date") else self.value(params)


@dataclass(frozen=True)
class Joined(Symbol):
    """Texts joined by ``||``."""

    parts: tuple[Symbol, ...]

    @property
    def constant(self) -> bool:  # type: ignore[override]
        return all(part.constant for part in self.parts)

    def value(self, params: Params) -> Value:
        parts = [part.text(params) for part in self.parts]
        if NULL in parts:
            return NULL
        return None if None in parts else "".join(part or "" for part in parts)


@dataclass(frozen=True)
class Hashed(Symbol):
    """``hashtext(inner)``, or ``hashtextextended(inner, seed)``."""

    inner: Symbol
    seed: Symbol | None = None

    @property
    def constant(self) -> bool:  # type: ignore[override]
        return self.inner.constant and (self.seed is None or self.seed.constant)

    def value(self, params: Params) -> Value:
        text = self.inner.text(params)
        if text in (None, NULL):
            return text
        if self.seed is None:
            return str(hashtext(text))
        seed = canonical("int", self.seed.value(params) or "")
        return None if seed is None else str(hashtextextended(text, int(seed)))


@dataclass(frozen=True)
class OneOf(Symbol):
    """Any of several values."""

    options: tuple[Symbol, ...]

    @property
    def constant(self) -> bool:  # type: ignore[override]
        return all(option.constant for option in self.options)

    def value(self, params: Params) -> Value:
        return None

    def values(self, params: Params) -> tuple[Value, ...] | None:
        return tuple(option.value(params) for option in self.options)


@dataclass(frozen=True)
class Elements(Symbol):
    """Any element of an array; its elements are of type ``family`` if that was said."""

    array: Symbol
    family: Family | None = None

    @property
    def constant(self) -> bool:  # type: ignore[override]
        return self.array.constant

    def value(self, params: Params) -> Value:
        return None

    def values(self, params: Params) -> tuple[Value, ...] | None:
        found = self.array.value(params)
        elements = None if found is None else array_elements(found)
        if elements is None or self.family is None:
            return elements
        return tuple(canonical(self.family, e) if e not in (None, NULL) else e for e in elements)


def array_elements(text: str) -> tuple[Value, ...] | None:
    """The elements of a one-dimensional array's text form (manual, section 8.15.2)."""
    inner = text.strip()
    if not (inner.startswith("{") and inner.endswith("}")) or inner.count("{") > 1:
        return None
    if inner == "{}":
        return ()
    quoted = '"' in inner
    reader = csv.reader(
        [inner[1:-1]], escapechar="\\", doublequote=False, skipinitialspace=True, strict=True
    )
    try:
        found = next(reader)
    except (csv.Error, StopIteration):
        return None
    if quoted and any(element.strip().upper() == "NULL" for element in found):
        return None  # whether it was in quotes makes the difference, and is lost
    return tuple(NULL if e.strip().upper() == "NULL" else e if quoted else e.strip() for e in found)


@dataclass(frozen=True)
class Match:
    """A column has a value; ``stored`` if it was put there, else it is compared with it."""

    symbol: Symbol
    type: ColumnType
    stored: bool = False

    @property
    def constant(self) -> bool:
        """Return whether it is independent of parameters."""
        return self.symbol.constant

    def values(self, params: Params) -> tuple[str, ...] | None:
        """The canonical texts the column may have; None if they cannot be told.

        Comparing with null is never true, so that a null in a list does not count.
        """
        found = self.symbol.values(params)
        if found is None:
            return None
        if len(found) == 1:
            text = found[0]
            if text is None:
                return None
            if text not in _SPECIAL:
                text = self.type.stored(text) if self.stored else self.type.compared(text)
                return None if text is None else (text,)
            return (text,) if self.stored or text != NULL else ()
        texts: dict[str, None] = {}
        for value in found:
            text = self._text(value)
            if text is None:
                return None
            if self.stored or text != NULL:
                texts[text] = None
        return tuple(texts)

    def _text(self, value: Value) -> Value:
        if value is None or value in _SPECIAL:
            return value
        return self.type.stored(value) if self.stored else self.type.compared(value)


@dataclass(frozen=True)
class Pattern:
    """A resource whose key has symbols for values.

    An ``entry`` of a unique index is in nobody's way if a value in it is null or new, and neither
    is a reference by a foreign key.
    """

    place: tuple[str, ...]
    key: tuple[tuple[str, Match], ...] = ()
    shared: bool = False
    entry: bool = False
    only: tuple[tuple[Match, frozenset[str]], ...] = ()
    """Values of which it must have one, or there is no such thing (see ``partial_indexes``)."""
    made: bool = False
    """True for a row that is made, if it has a key that no other row has (``MADE``)."""

    @property
    def constant(self) -> bool:
        """Return whether it comes to the same whatever the parameters are."""
        matches = [match for _, match in self.key] + [match for match, _ in self.only]
        return all(match.constant for match in matches)

    def bound(self, params: Params) -> tuple[Resource, ...]:
        """The resources this is with these parameters."""
        for match, wanted in self.only:
            known = params.matched(match)
            if known and NEW not in known and wanted.isdisjoint(known):
                return ()
        if not self.key:
            return (Resource(self.place, (), self.shared),)
        found: list[list[tuple[str, str]]] = [[(MADE, "")] if self.made else []]
        for column, match in self.key:
            values = params.matched(match)
            if values is None:
                continue
            if self.entry and not _SPECIAL.isdisjoint(values):
                values = tuple(value for value in values if value not in _SPECIAL)
            if NEW in values or len(found) * len(values) > _MOST:
                continue
            if len(values) == 1:  # as nearly always
                for key in found:
                    key.append((column, values[0]))
            else:
                found = [[*key, (column, value)] for key in found for value in values]
        return tuple([Resource(self.place, tuple(key), self.shared) for key in found])


def pattern(
    place: tuple[str, ...], key: dict[str, Match], *, shared: bool = False, entry: bool = False
) -> Pattern:
    """A pattern with its key in order."""
    return Pattern(place, tuple(sorted(key.items(), key=lambda pair: pair[0])), shared, entry)
