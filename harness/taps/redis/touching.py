"""Touches of commands: which keys, and in which of the server's numbered databases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paidonce.harness.taps.redis.keys import (
    Arguments,
    Keys,
    copied_to,
    database_number,
    is_local,
    is_script,
    keys_of,
    whole_database,
)
from paidonce.harness.taps.redis.scripts import keys_of_script

Databases = frozenset[int]
"""Those a connection may be at; none of them is known if it is empty."""
UNKNOWN: Databases = frozenset()


class Touch(NamedTuple):
    """A key of a database, or (``key`` None) all of the database."""

    db: int
    key: bytes | None
    changes: bool


Touches = frozenset[Touch]
NOTHING: Touches = frozenset()


def touches(name: str, args: Arguments, databases: Databases) -> Touches | None:
    """Return what a command touches by itself; None where that may be anything on the server."""
    if is_local(name, args):
        return NOTHING
    if not databases:
        return None
    if is_script(name):
        said = keys_of_script(name, args)
        return None if said is None else _at(databases, said)
    whole = whole_database(name)
    if whole is not None:
        return frozenset(Touch(db, None, whole) for db in databases)
    keys = keys_of(name, args)
    if not keys:
        return None
    found = set(_at(databases, keys))
    other = copied_to(args) if name == "COPY" else args[1] if name == "MOVE" else None
    if other is not None:
        number = database_number(other)
        if number is None:
            return None
        found.add(Touch(number, keys[-1].key, True))
    return frozenset(found)


def _at(databases: Databases, keys: Keys) -> Touches:
    return frozenset(Touch(db, key, changes) for db in databases for key, changes in keys)


def transaction_touches(
    commands: Iterable[tuple[str, Arguments]],
    databases: Databases,
    watched: Iterable[Touches | None],
) -> Touches | None:
    """Return what EXEC touches: what was queued, and what is watched, on which it depends.

    A SELECT within takes effect there, unless the server refuses it.
    """
    found: set[Touch] = set()
    for each in watched:
        if each is None:
            return None
        found |= each
    for name, args in commands:
        if name == "SELECT":
            databases = databases | selected(args) if databases else UNKNOWN
            continue
        each = touches(name, args, databases)
        if each is None:
            return None
        found |= each
    return frozenset(found)


def selected(args: Sequence[bytes]) -> Databases:
    """The database that a SELECT asks for."""
    number = database_number(args[0]) if args else None
    return UNKNOWN if number is None else frozenset({number})
