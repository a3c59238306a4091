"""A fix in the words of an ORM: its calls, with the names of a table put in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_PLACE = re.compile(r"@(\w+)@")


class Way(StrEnum):
    """The calls that each ORM has."""

    LOCK = "lock"
    """Read a row with FOR UPDATE, in a transaction."""
    CONDITIONAL = "conditional"
    """Change a row only as it was read, and look whether that was done."""
    ADVISORY = "advisory"
    """Take an advisory lock on the key of a row, in a transaction."""
    SERIALIZABLE = "serializable"
    """Open a transaction as a SERIALIZABLE one."""


FIXES: Mapping[str, Way] = {
    "FOR UPDATE": Way.LOCK,
    "one transaction": Way.LOCK,
    "parent row lock": Way.LOCK,
    "conditional UPDATE": Way.CONDITIONAL,
    "claim": Way.CONDITIONAL,
    "advisory lock": Way.ADVISORY,
    "SERIALIZABLE": Way.SERIALIZABLE,
}
"""The call by which a fix of that name is made. The others are no ORM's to make: an index is the
schema's, a key and the place of a call to Stripe are the service's."""


@dataclass(frozen=True)
class RowAsked:
    """The row that a fix is about: of ``table``, by its column ``key``.

    Its ``column`` has to have the ``value``, and gets the values of ``sets`` (None: one that the
    service knows, in a variable called like the column). ``joined``: the read joins other tables.
    """

    table: str
    key: str
    column: str = ""
    value: str = ""
    sets: tuple[tuple[str, str | None], ...] = ()
    joined: bool = False


@dataclass(frozen=True)
class Orm:
    """One library: its name in target files, what people call it, and the version whose calls
    these are. ``assigned`` is one column's assignment, ``between`` stands between two of them."""

    name: str
    title: str
    version: str
    language: str
    calls: Mapping[Way, str]
    assigned: str
    lock: str
    """Its lock, as it is called in code."""
    between: str = ", "
    joined: str = ""
    """The piece of its lock that names the one table of a join whose rows are locked."""
    quote: str = '"'


def call(orm: Orm, way: Way, row: RowAsked) -> str:
    """Return an ORM's call for a row; "" where it cannot be told of this one."""
    if row.joined and way is Way.LOCK:
        return ""
    if way is Way.CONDITIONAL and not (row.column and row.value and row.sets):
        return ""
    if orm.quote == "'" and any(value is None for _, value in row.sets):
        return ""  # what is not known is a parameter of a text, which would have to be set as well
    words = _of_row(orm, row)
    each = [_filled(orm, orm.assigned, {**words, **_of_column(orm, *one)}) for one in row.sets]
    return _filled(orm, orm.calls[way], {**words, "set": orm.between.join(each)})


def joined(orm: Orm, row: RowAsked) -> str:
    """Return the piece by which an ORM locks the rows of this table alone."""
    return _filled(orm, orm.joined, _of_row(orm, row))


def _filled(orm: Orm, text: str, words: Mapping[str, str]) -> str:
    def word(found: re.Match[str]) -> str:
        name = found[1]
        if name.isupper():
            return words[name.lower()].upper()
        return words[name] if name in words else _pascal(words[name.lower()], orm)

    return _PLACE.sub(word, text)


def _of_row(orm: Orm, row: RowAsked) -> dict[str, str]:
    table = row.table.rpartition(".")[2]
    one = _singular(table)
    named = {"table": table, "model": one, "key": row.key, "column": row.column}
    return {**named, "value": _literal(orm, row.value)}


def _of_column(orm: Orm, column: str, value: str | None) -> dict[str, str]:
    return {"column": column, "value": column if value is None else _literal(orm, value)}


def _literal(orm: Orm, value: str) -> str:
    if value.isdigit():
        return value
    if orm.quote == "'":
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=False)


def _singular(table: str) -> str:
    if table.endswith("ies"):
        return f"{table[:-3]}y"
    return table[:-1] if table.endswith("s") and not table.endswith("ss") else table


def _pascal(name: str, orm: Orm) -> str:
    if orm.language == "go" and name == "id":
        return "ID"
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
