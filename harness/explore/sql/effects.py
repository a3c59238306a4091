"""What a statement does, gathered while its tree is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from harness.explore.footprint import KEY, REST
from harness.explore.sql.catalog import Catalog, Index, Table
from harness.explore.sql.partial import wanted
from harness.explore.sql.symbols import Match, Pattern, pattern
from harness.explore.sql.trees import Reader

ALL = Pattern(())
DATABASE = Pattern(("pg",))
TABLES = "pg-table"
"""Place of tables as such, apart from their rows."""
SEQUENCES = "pg-sequence"

Key = dict[str, Match]
Modified = tuple[str, str]
"""A table (its family's name) and a column."""
Lasting = Literal["", "local", "session"]
"""For how long it cannot be told what names mean: not at all, for a transaction, for good."""
ANYTHING: Modified = ("", "")
"""Any column of any table."""

Patterns = dict[Pattern, None]
"""A set that keeps its order, so that equal statements have equal results."""
Kept = dict[Pattern, Pattern]
"""Looks, and the locks that keep what they saw as it is."""


@dataclass
class Effects:
    """``writes`` are published at COMMIT, ``at_once`` when the statement runs.

    ``session`` are locks that outlive the transaction. ``modifies`` are the columns that rows which
    were there before get other values in. ``may_fail`` tells that the state of the
    database may make it fail; a failure lets go of the transaction's locks. ``unsettles`` if it
    makes settings that change what statements mean, which ones cannot be told.

    All these may say too much. What follows is about single moments (see ``overtaken``). ``stale``
    are looks that are not made again once the statement has waited. A look at one row that the
    statement locks for certain, before it waits for anything else, is none of them: it is made
    again then, and is among ``fresh``, with the lock; once it may have waited for something else
    before, it is among ``sure``. ``tests`` are locks of others it looks for without waiting for
    them. ``commits`` if it ends transactions while it runs, ``deferred`` is what the COMMIT will
    look at on its behalf.
    """

    looks: Patterns = field(default_factory=dict)
    locks: Patterns = field(default_factory=dict)
    writes: Patterns = field(default_factory=dict)
    at_once: Patterns = field(default_factory=dict)
    session: Patterns = field(default_factory=dict)
    modifies: set[Modified] = field(default_factory=set)
    may_fail: bool = False
    unsettles: Lasting = ""
    stale: Patterns = field(default_factory=dict)
    fresh: Kept = field(default_factory=dict)
    sure: Kept = field(default_factory=dict)
    tests: Patterns = field(default_factory=dict)
    deferred: Patterns = field(default_factory=dict)
    commits: bool = False

    def everything(self) -> None:
        """For what is not understood."""
        for patterns in (self.looks, self.locks, self.writes, self.at_once, self.stale, self.tests):
            patterns.clear()
            patterns[ALL] = None
        self.modifies.add(ANYTHING)
        self.may_fail = True

    def add(self, other: Effects) -> None:
        """Do all that ``other`` does too."""
        self.looks |= other.looks
        self.locks |= other.locks
        self.writes |= other.writes
        self.at_once |= other.at_once
        self.session |= other.session
        self.modifies |= other.modifies
        self.may_fail |= other.may_fail
        self.stale |= other.stale
        self.fresh |= other.fresh
        self.sure |= other.sure
        self.tests |= other.tests
        self.deferred |= other.deferred
        self.commits |= other.commits
        self.unsettle(other.unsettles)

    @property
    def untouched(self) -> bool:
        """Whether nothing in it looks at the database or locks any of it."""
        looks = any(look.place[:1] != (SEQUENCES,) for look in self.looks)
        return not (looks or self.locks or self.writes or self.at_once or self.session)

    def not_first(self) -> None:
        """What is locked here may be locked after something else was waited for."""
        self.sure |= self.fresh
        self.fresh = {}

    def over(self) -> None:
        """The statement these are of is over; what comes next looks with a snapshot of its own."""
        self.fresh = {}

    def unsettle(self, lasting: Lasting) -> None:
        """From now on names may mean something else."""
        if self.unsettles != "session":
            self.unsettles = lasting or self.unsettles

    def look(self, table: Table, keys: Iterable[Key]) -> None:
        """See rows of a table through a snapshot, and never again."""
        for key in keys:
            seen = pattern(table.place, key)
            self.looks[seen] = self.stale[seen] = None

    def look_again(self, table: Table, keys: Iterable[Key]) -> None:
        """See rows of a table as they are once all that was waited for is over."""
        for key in keys:
            self.looks[pattern(table.place, key)] = None

    def look_and_lock(self, table: Table, key: Key, lock: Pattern, *, first: bool) -> None:
        """See one row that is locked for certain, and see it anew if it had to be waited for."""
        seen = pattern(table.place, key)
        self.looks[seen] = None
        kept = self.fresh if first else self.sure
        kept[seen] = lock

    def write(self, table: Table, key: Key, modified: frozenset[str] | None) -> None:
        """Change these columns of rows, or (None) remove the rows."""
        changed = pattern(changed_place(table, modified), key)
        self.locks[changed] = self.writes[changed] = None
        self.may_fail = True

    def use_table(self, table: Table) -> None:
        """Be in the way of LOCK TABLE, also where no row is locked."""
        self.locks[Pattern((TABLES, table.place[1]), shared=True)] = None

    def lock_table(self, table: Table, *, readers: bool) -> None:
        """Keep writers out of a table until the end of the transaction, perhaps ``readers`` too."""
        self.locks[Pattern(table.place)] = None
        self.locks[Pattern((TABLES, table.place[1]))] = None
        if readers:
            self.at_once[Pattern(table.place)] = self.writes[Pattern(table.place)] = None
        self.may_fail = True

    def enter(self, table: Table, index: Index, row: Key) -> None:
        """Put an entry of a row into a unique index: wait for whoever does the same."""
        place: tuple[str, ...] = (*table.place, REST)
        if not table.related:  # each partition has an index of its own, under another name
            place = (*place, index.name)
        known = {} if index.exclusion else {c: row[c] for c in index.columns if c and c in row}
        only = tuple((row[c], values) for c, values in wanted(table, index).items() if c in row)
        entry = pattern(place, known, entry=not index.nulls_collide)
        self.locks[replace(entry, only=only)] = None
        self.may_fail = True

    def refer(self, table: Table, key: Key) -> None:
        """Hold on to a row that a foreign key refers to."""
        self.locks[pattern((*table.place, KEY), key, shared=True, entry=True)] = None
        self.may_fail = True


def changed_place(table: Table, modified: frozenset[str] | None) -> tuple[str, ...]:
    """Where rows are locked that are changed: more strongly if others may refer to what changes."""
    # A row of a partitioned table may have to move, which is a DELETE and an INSERT.
    referred = modified is None or table.related or bool(modified & table.key_columns())
    return table.place if referred else (*table.place, REST)


@dataclass(frozen=True)
class Output:
    """A column of a query's result: its value, as far as that is known."""

    match: Match | None = None


Outputs = dict[str, Output]
"""By name and in order."""


class ReadStatement(Protocol):
    """Reads any statement into the context's effects; returns the columns of its result.

    ``outer`` is the scope of the query it is part of.
    """

    def __call__(self, ctx: Context, node: Any, outer: Any, /) -> Outputs | None: ...


@dataclass(frozen=True)
class Context:
    """Where a statement is read: what it is read with, and what is already being read.

    ``ctes`` has the queries of WITH; the value is None where the names of the columns are not
    known. ``reading`` names the views, functions and foreign keys that led here. ``statement``
    reads statements inside of statements, whatever kind they are of.
    """

    catalog: Catalog
    path: tuple[str, ...]
    effects: Effects
    reader: Reader
    statement: ReadStatement
    ctes: dict[str, Outputs | None] = field(default_factory=dict)
    reading: frozenset[str] = frozenset()

    def inside(self, name: str) -> Context:
        """The same while reading ``name`` too."""
        return replace(self, reading=self.reading | {name})

    def with_ctes(self) -> Context:
        """The same with room for more CTEs."""
        return replace(self, ctes=dict(self.ctes))

    def gathering(self, effects: Effects) -> Context:
        """The same with effects gathered elsewhere."""
        return replace(self, effects=effects)

    def apart(self, path: tuple[str, ...] | None = None) -> Context:
        """Reading something with a scope of its own (a view, a function)."""
        return replace(self, ctes={}, path=self.path if path is None else path)
