"""What the steps of ``rowprograms`` touch, written down by hand.

The same has to come out of ``paidonce.harness.explore.footprint.sql`` for each step's SQL; a test
compares them.
"""

from __future__ import annotations

from rowprograms import Call, Insert, Lock, Mode, Read, Remove, Step, Write

from paidonce.harness.explore.footprint.model import KEY, LOCAL, REST, Footprint, Resource

ROWS = ("pg", "public.rows")
KEYS = ("pg", "public.keys")
NULL = "\0null"
KEYS_INDEX = (*KEYS, REST, "public.keys_pkey")


def statement_footprint(step: Step, actor: str, inside: bool, held: Footprint) -> Footprint:
    """What a statement touches; ``inside`` a transaction it publishes nothing yet.

    A statement that may wait for a lock may also fail (a deadlock, a duplicate), and a failure
    lets go of everything ``held`` at once.
    """
    found = _alone(step, actor)
    if not inside or not found.locks:
        return found
    return Footprint(found.looks, found.locks | held.locks)


def held_by(statement: Footprint) -> Footprint:
    """What a statement inside a transaction leaves locked."""
    return Footprint(locks=statement.locks)


def ending(held: Footprint, written: Footprint, *, commit: bool) -> Footprint:
    """What COMMIT or ROLLBACK touches: it lets go of the locks; COMMIT publishes the writes."""
    return Footprint(locks=held.locks, publishes=written.publishes if commit else frozenset())


def _alone(step: Step, actor: str) -> Footprint:
    match step:
        case Read(row=row):
            return Footprint(looks=frozenset({_row(row)}))
        case Lock(rows=rows, mode=mode, when=when):
            looks = frozenset(_row(row, when) for row in rows)
            return Footprint(looks, frozenset(_locked(row, mode) for row in rows))
        case Write(row=row, when=when):
            written = frozenset({_row(row, place=(*ROWS, REST))})
            return Footprint(frozenset({_row(row, when)}), written, written)
        case Insert():
            return _insert(step, actor)
        case Remove(key=key):
            entry = frozenset({Resource(KEYS, (("key", str(key)),))})
            return Footprint(entry, entry, entry)
        case Call(thing=thing):
            called = Resource(("stripe", "object", "known"), (("id", thing),))
            return Footprint(publishes=frozenset({called}))
        case _:
            return LOCAL


def _row(row: int, when: int | None = None, place: tuple[str, ...] = ROWS) -> Resource:
    only = () if when is None else (("value", str(when)),)
    return Resource(place, (("id", str(row)), *only))


def _locked(row: int, mode: Mode) -> Resource:
    # Not with its value: who had to wait for a row keeps its lock even if it turns out to have
    # another value by then.
    match mode:
        case "KEY SHARE":
            return Resource((*ROWS, KEY), _row(row).key, shared=True)
        case "SHARE":
            return Resource(ROWS, _row(row).key, shared=True)
        case "NO KEY UPDATE":
            return _row(row, place=(*ROWS, REST))
        case "UPDATE":
            return _row(row)


def _insert(step: Insert, actor: str) -> Footprint:
    key = ("key", str(step.key))
    locks = {Resource(KEYS_INDEX, (key,)), Resource(("pg-table", KEYS[1]), shared=True)}
    row = NULL
    if step.row is not None:
        row = str(step.row)
        locks.add(Resource((*ROWS, KEY), (("id", row),), shared=True))
    new = Resource(KEYS, (key, ("owner", actor), ("row", row)))
    return Footprint(locks=frozenset(locks), publishes=frozenset({new}))
