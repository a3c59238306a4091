"""Holds: what an attempt keeps others out of, and for how long (locks, index entries, claims).

A footprint may say too much. Here the reverse is needed: a protection counts only if it is certain
that the other attempt runs into it, so locks of rows have to be told by the same key, and a lock
that found no row is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from paidonce.harness.explore.footprint.model import REST, Resource
from paidonce.harness.explore.footprint.sql.calls import ADVISORY
from paidonce.harness.explore.footprint.sql.catalog import Catalog, Index
from paidonce.harness.predict.conditions import Asked, Update
from paidonce.harness.predict.moves import NEVER, Move, Story
from paidonce.harness.predict.predicates import satisfied
from paidonce.harness.predict.types import Kind
from paidonce.harness.taps.redis.keys import pattern

_ENTRY = 4
"""Places of index entries have so many parts."""
_TABLES = "pg-table"


@dataclass(frozen=True)
class Hold:
    """From move ``first`` until move ``last`` (``NEVER``: for good) nobody else has ``thing``.

    ``kind`` is one of lock, entry, claim and lease, in words for people in ``words``.
    """

    kind: str
    thing: Resource
    first: int
    last: int
    words: str

    def covers(self, begin: int, end: int) -> bool:
        """Return whether it lasts from move ``begin`` to move ``end``."""
        return self.first <= begin and end <= self.last

    def excludes(self, other: Hold, catalog: Catalog) -> bool:
        """Return whether two attempts are certain not to have both at once."""
        if self.kind != other.kind or (self.thing.shared and other.thing.shared):
            return False
        return same_rows(self.thing, other.thing, catalog)


def same_rows(one: Resource, other: Resource, catalog: Catalog) -> bool:
    """Return whether they certainly have a row, an entry or a key in common."""
    if not one.overlaps(other) or (len(one.place) == _ENTRY) != (len(other.place) == _ENTRY):
        return False
    if one.key == other.key:
        return bool(one.key) or one.place[:1] == (_TABLES,)
    mine, theirs = dict(one.key), dict(other.key)
    table = next((table for table in catalog.tables.values() if table.place == one.place[:2]), None)
    unique = [] if table is None else [i.columns for i in table.unique if i.plain]
    if table is not None and table.primary_key:
        unique.append(table.primary_key)
    return any(
        all(column is not None and mine.get(column, "") == theirs.get(column) for column in columns)
        for columns in unique
        if columns
    )


def holds(story: Story, catalog: Catalog) -> tuple[Hold, ...]:
    """Everything the attempt keeps others out of, in order."""
    found: list[Hold] = []
    for move in story.moves:
        if move.kind is Kind.REDIS:
            found += _leases(story, move)
        elif move.kind is Kind.SQL:
            found += _locks(story, move)
            found += _entries(story, move, catalog)
            found += _claims(story, move, catalog)
    return tuple(found)


def conditions(update: Update, catalog: Catalog) -> tuple[Asked, ...]:
    """Return the conditions of an UPDATE besides those that name its row: its row count then
    decides."""
    table = next((t for t in catalog.tables.values() if t.place[1] == update.table), None)
    by_value = {asked.column for asked in update.asked if asked.operator == "="}
    identity: set[str | None] = set()
    if table is not None:
        keys = [index.columns for index in table.unique if index.plain] + [table.primary_key]
        for columns in keys:
            if columns and set(columns) <= by_value:
                identity |= set(columns)
    return tuple(asked for asked in update.asked if asked.column not in identity)


def row_of(move: Move, update: Update) -> Resource | None:
    """The row the UPDATE changes, None if that cannot be told."""
    rows = [write for write in move.writes if write.place[:2] == ("pg", update.table) and write.key]
    return Resource(rows[0].place[:2], rows[0].key) if len(rows) == 1 else None


def _locks(story: Story, move: Move) -> Iterator[Hold]:
    advisory = [resource for resource in move.found.session if resource.place[:1] == (ADVISORY,)]
    if not move.shape.unlocks:
        for lock in advisory:
            yield Hold("lock", lock, move.at, _unlocked(story, move, lock), "an advisory lock")
    if move.rows == 0:
        return
    ended = story.ended(move)
    for lock in move.found.locks:
        if lock.place[:1] == (ADVISORY,):
            yield Hold("lock", lock, move.at, ended, "an advisory lock")
        elif lock.place[:1] == ("pg",) and len(lock.place) < _ENTRY and lock.key:
            yield Hold("lock", lock, move.at, ended, "a lock on the row")
        elif lock.place[:1] == (_TABLES,) and not lock.shared:
            yield Hold("lock", lock, move.at, ended, "a lock on the table")


def _unlocked(story: Story, move: Move, lock: Resource) -> int:
    """Return where the session lets go of an advisory lock; it keeps it beyond the end of a
    transaction, and a connection of a pool beyond the end of the request, so never is the last
    move."""
    for later in story.moves[move.at + 1 :]:
        unlocks = later.session == move.session and later.shape.unlocks
        if unlocks and any(lock.overlaps(resource) for resource in later.found.session):
            return later.at
    return len(story.moves) - 1


def _entries(story: Story, move: Move, catalog: Catalog) -> Iterator[Hold]:
    if move.found.kind != "insert" or move.shape.upserts or move.rows == 0:
        return
    if story.publishes(move) is None:
        return
    for lock in move.found.locks:
        if len(lock.place) != _ENTRY or lock.place[2] != REST or not lock.key:
            continue
        table = next((t for t in catalog.tables.values() if t.place == lock.place[:2]), None)
        index = next((i for i in table.unique if i.name == lock.place[3]), None) if table else None
        if index is None or {c for c, _ in lock.key} != set(index.columns):
            continue
        row = {c: v for w in move.writes if w.place[:2] == lock.place[:2] for c, v in w.key}
        if _within(index, row):
            last = _leaves(story, move, lock.place[1], index, row)
            words = f"the unique index {index.name.removeprefix('public.')}"
            yield Hold("entry", lock, move.at, last, words)


def _within(index: Index, row: Mapping[str, str]) -> bool:
    """Return whether a row certainly has an entry in the index."""
    return index.predicate is None or satisfied(index.predicate, row) is True


def _leaves(story: Story, move: Move, table: str, index: Index, row: Mapping[str, str]) -> int:
    """Return where the row is taken out of a unique index again, or may be."""
    values = dict(row)
    for later in story.moves[move.at + 1 :]:
        touched = any(write.place[:2] == ("pg", table) for write in later.writes)
        if touched and later.found.kind == "delete":
            return story.ended(later)
        for update in later.shape.updates:
            if update.table != table:
                continue
            for column, value in update.assigned:
                if value is None:
                    values.pop(column, None)
                else:
                    values[column] = value
            moved = any(values.get(c or "") != row.get(c or "") for c in index.columns)
            if moved or not _within(index, values):
                return story.ended(later)
    return NEVER


def _claims(story: Story, move: Move, catalog: Catalog) -> Iterator[Hold]:
    if move.rows == 0 or story.publishes(move) is None:
        return
    for update in move.shape.updates:
        row = row_of(move, update)
        if row is None:
            continue
        for asked in conditions(update, catalog):
            given, value = update.gives(asked.column)
            decided = asked.operator in ("=", "is null")
            # version = version + 1 cannot be told, and is not what was asked for either.
            if not (given and decided) or asked.holds_for(value):
                continue
            marked = (*row.key, ("\0column", asked.column), ("\0asked", asked.value or ""))
            thing = Resource((*row.place, "claim"), tuple(sorted(marked)))
            last = _given_back(story, move, update.table, asked)
            yield Hold("claim", thing, move.at, last, f"the condition on {asked.column}")


def _given_back(story: Story, move: Move, table: str, asked: Asked) -> int:
    """Return where a claimed row may be claimed again."""
    for later in story.moves[move.at + 1 :]:
        for update in later.shape.updates:
            if update.table == table:
                given, value = update.gives(asked.column)
                if given and value is not None and asked.holds_for(value):
                    return story.ended(later)
    return NEVER


def _leases(story: Story, move: Move) -> Iterator[Hold]:
    """SET key value NX: a lock for as long as nobody deletes the key (https://redis.io/docs/
    latest/develop/clients/patterns/distributed-locks/)."""
    request = move.effect.request
    words = [str(arg).upper() for arg in request.get("args") or ()]
    name = str(request.get("command")).upper()
    value = (move.effect.answer or {}).get("value")
    if name not in ("SET", "SETNX") or (name == "SET" and "NX" not in words):
        return
    if value in (None, 0, False):
        return
    for write in move.writes:
        key = dict(write.key).get("key", "")
        ends = (later.at for later in story.moves[move.at + 1 :] if _lets_go(later, write, key))
        last = next(ends, len(story.moves) - 1)
        yield Hold("lease", write, move.at, last, f"the Redis lock {pattern(key)}")


def _lets_go(move: Move, lock: Resource, key: str) -> bool:
    """Return whether a command deletes that key: one that may touch everything only if it names
    it."""
    if move.kind is not Kind.REDIS or not any(lock.overlaps(write) for write in move.writes):
        return False
    return key in [str(arg) for arg in move.effect.request.get("args") or ()]
