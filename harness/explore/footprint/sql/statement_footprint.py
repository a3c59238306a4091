"""The footprint of one statement, as data."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from paidonce.harness.explore.footprint.model import MADE, Resource
from paidonce.harness.explore.footprint.sql.effects import ANYTHING, Lasting, Modified
from paidonce.harness.explore.footprint.sql.looks import Look

Kind = Literal[
    "begin",
    "commit",
    "rollback",
    "savepoint",
    "release",
    "rollback to",
    "set",
    "select",
    "insert",
    "update",
    "delete",
    "merge",
    "copy",
    "truncate",
    "lock",
    "ddl",
    "listen",
    "unlisten",
    "notify",
    "prepare",
    "execute",
    "declare",
    "fetch",
    "discard",
    "local",
    "call",
    "constraints",
    "other",
]
_EMPTY: frozenset[Resource] = frozenset()


class StatementFootprint(msgspec.Struct, frozen=True, kw_only=True):
    """The footprint of one statement, wherever it runs.

    ``writes`` are published by the COMMIT (at once outside of a transaction), ``at_once`` even
    inside one: they keep readers out. ``session`` are locks that outlive the transaction.
    ``modifies`` are the columns of existing rows it changes, as (table, column).
    ``unsettles``: for how long names may mean something else from then on.
    ``stale``, ``sure``, ``tests``, ``deferred`` and ``commits`` are as in ``Effects``; of ``sure``
    the looks and the locks that keep them.
    ``adds``, ``arrives`` and ``goes`` are as in ``Effects``; ``several`` are its looks if
    it has more than one (see ``looks``); ``surely`` is locked for certain once it is through,
    ``surely_if_found`` if it has found a row.
    ``may_fail``: in a transaction, a failure would let go of all its locks. ``snapshot``: at
    REPEATABLE READ, the first such statement decides what the whole transaction sees. ``node`` is
    the statement's tree where the session's state is needed to know more (SET, PREPARE ...).
    ``row_seen`` is the row that was seen if any came back, and ``row_changed`` those that were
    changed if they were there (see ``certain_rows``).
    ``alone`` is the table of an UPDATE or DELETE that looks at rows of it once, locks and writes
    those it finds, and does nothing else, as a trigger, function or sub-select of it might; empty
    for all others.
    """

    kind: Kind
    looks: frozenset[Resource] = _EMPTY
    locks: frozenset[Resource] = _EMPTY
    writes: frozenset[Resource] = _EMPTY
    at_once: frozenset[Resource] = _EMPTY
    session: frozenset[Resource] = _EMPTY
    modifies: frozenset[Modified] = frozenset()
    may_fail: bool = False
    snapshot: bool = False
    unsettles: Lasting = ""
    stale: frozenset[Resource] = _EMPTY
    sure: tuple[tuple[frozenset[Resource], frozenset[Resource]], ...] = ()
    tests: frozenset[Resource] = _EMPTY
    deferred: frozenset[Resource] = _EMPTY
    commits: bool = False
    adds: frozenset[Resource] = _EMPTY
    arrives: frozenset[Resource] = _EMPTY
    goes: frozenset[Resource] = _EMPTY
    several: tuple[Look, ...] = ()
    surely: frozenset[Resource] = _EMPTY
    surely_if_found: frozenset[Resource] = _EMPTY
    row_seen: frozenset[Resource] = _EMPTY
    row_changed: frozenset[Resource] = _EMPTY
    node: Any = None
    alone: str = ""


_ALL = frozenset({Resource(())})
UNKNOWN = StatementFootprint(
    kind="other",
    looks=_ALL,
    locks=_ALL,
    writes=_ALL,
    at_once=_ALL,
    modifies=frozenset({ANYTHING}),
    may_fail=True,
    snapshot=True,
    stale=_ALL,
    tests=_ALL,
    adds=_ALL,
    arrives=_ALL,
    goes=_ALL,
    several=(Look(free=_ALL), Look(free=_ALL)),
)
"""The footprint of a statement that could not be understood: it commutes with nothing."""


def is_new(row: Resource) -> bool:
    """Return whether it is a row under a key of its own that a statement makes."""
    return row.key[:1] == ((MADE, ""),)


def without_maker(row: Resource) -> Resource:
    """Return the row as one that any other statement may have made."""
    return Resource(row.place, row.key[1:], row.shared) if is_new(row) else row
