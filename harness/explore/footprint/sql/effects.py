"""The effects of a statement, gathered while its tree is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from paidonce.harness.explore.footprint.model import KEY, REST
from paidonce.harness.explore.footprint.sql.catalog import Catalog, Index, Table
from paidonce.harness.explore.footprint.sql.partial_indexes import wanted
from paidonce.harness.explore.footprint.sql.symbols import Match, Pattern, pattern
from paidonce.harness.explore.footprint.sql.trees import TreeReader

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

    All these may say too much. What follows is about single moments (see ``two_step``). ``stale``
    are looks that are not made again once the statement has waited. A look at one row that the
    statement locks for certain, before it waits for anything else, is none of them: it is made
    again then, and is among ``fresh``, with the lock; once it may have waited for something else
    before, it is among ``sure``. ``tests`` are locks of others it looks for without waiting for
    them. ``commits`` if it ends transactions while it runs, ``deferred`` is what the COMMIT will
    look at on its behalf.

    ``within`` are statements that are run meanwhile and see what is there by then, ``after`` those
    of triggers that come last; what they do is not among all that until ``whole``. ``recursive`` if
    there may be any number of them. The rest is about what comes between (see ``looks``): ``kept``
    are looks that are not disturbed once they are made, if there was a row, ``some`` if it was as
    they want it, ``again`` in any case. ``entries`` are made in unique indexes, foreign keys want
    ``refers``. ``adds`` are new rows and new entries, ``goes`` those that are there no more,
    ``arrives`` is what rows that were changed or made are now. ``certain`` are locks on just one
    row that are taken if the statement finds it.
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
    within: list[Effects] = field(default_factory=list)
    after: list[Effects] = field(default_factory=list)
    recursive: bool = False
    kept: Patterns = field(default_factory=dict)
    again: Patterns = field(default_factory=dict)
    entries: Patterns = field(default_factory=dict)
    refers: Patterns = field(default_factory=dict)
    some: Patterns = field(default_factory=dict)
    adds: Patterns = field(default_factory=dict)
    arrives: Patterns = field(default_factory=dict)
    goes: Patterns = field(default_factory=dict)
    certain: Patterns = field(default_factory=dict)

    def everything(self) -> None:
        """For what is not understood."""
        for patterns in (
            *(self.looks, self.locks, self.writes, self.at_once, self.stale, self.tests),
            *(self.adds, self.arrives, self.goes),
        ):
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
        self.within += other.within
        self.after += other.after
        self.recursive |= other.recursive
        self.kept |= other.kept
        self.again |= other.again
        self.entries |= other.entries
        self.refers |= other.refers
        self.some |= other.some
        self.adds |= other.adds
        self.arrives |= other.arrives
        self.goes |= other.goes
        self.certain |= other.certain
        self.unsettle(other.unsettles)

    def whole(self) -> Effects:
        """All of it as one, with what is run within it."""
        effects = Effects()
        effects.add(self)
        effects.within, effects.after = [], []
        for one in (*self.within, *self.after):
            effects.add(one.whole())
        return effects

    def repeated(self, since: tuple[int, int]) -> None:
        """Note that all that was run since ``mark`` may be run any number of times."""
        self.within += self.within[since[0] :]
        self.after += self.after[since[1] :]

    @property
    def mark(self) -> tuple[int, int]:
        """Return how much is run within it so far."""
        return len(self.within), len(self.after)

    @property
    def untouched(self) -> bool:
        """Return whether nothing in it looks at the database or locks any of it."""
        looks = any(look.place[:1] != (SEQUENCES,) for look in self.looks)
        own = looks or self.locks or self.writes or self.at_once or self.session
        return not own and all(effects.untouched for effects in (*self.within, *self.after))

    def not_first(self) -> None:
        """Note that the locks taken here may be taken after something else was waited for."""
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

    def look_and_lock(
        self, table: Table, key: Key, lock: Pattern, *, first: bool, alone: bool
    ) -> None:
        """See one row that is locked for certain, and see it anew if it had to be waited for.

        ``alone`` if it is locked whatever else there is in it.
        """
        seen = pattern(table.place, key)
        self.looks[seen] = None
        if first:
            (self.kept if alone else self.some)[seen] = None
        if any(i.plain and {*i.columns} <= {name for name, _ in lock.key} for i in table.unique):
            self.certain[lock] = None
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
            self.goes[Pattern(table.place)] = None
        self.may_fail = True

    def enter(self, table: Table, index: Index, row: Key) -> None:
        """Put an entry of a row into a unique index: wait for whoever does the same."""
        place: tuple[str, ...] = (*table.place, REST)
        if not table.related:  # each partition has an index of its own, under another name
            place = (*place, index.name)
        known = {} if index.exclusion else {c: row[c] for c in index.columns if c and c in row}
        only = tuple((row[c], values) for c, values in wanted(table, index).items() if c in row)
        entry = pattern(place, known, entry=not index.nulls_collide)
        entry = replace(entry, only=only)
        self.locks[entry] = self.entries[entry] = None
        self.may_fail = True

    def refer(self, table: Table, key: Key) -> None:
        """Hold on to a row that a foreign key refers to."""
        wanted_row = pattern((*table.place, KEY), key, shared=True, entry=True)
        self.locks[wanted_row] = self.refers[wanted_row] = None
        self.may_fail = True


def changed_place(table: Table, modified: frozenset[str] | None) -> tuple[str, ...]:
    """Return where rows are locked that are changed: more strongly if others may refer to what
    changes."""
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
    reader: TreeReader
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
