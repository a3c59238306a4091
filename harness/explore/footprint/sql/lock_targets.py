"""Statements that begin by locking one thing, known beforehand: a row by its key, or a number.

Only what is certain counts here, unlike in a footprint, which may say too much. A *door* is what
the statement locks so that nobody else can lock it in such a way too. It is *bare* if the
statement depends on nothing but that one row: then a session at READ COMMITTED that finds it
locked waits, looks again at the row's newest version (manual, section 13.2.1), and comes to what
it would come to if the statement were sent only then. A condition besides the key takes that
away: it is looked at before the wait, and where it is false there is none.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from paidonce.harness.explore.footprint.model import KEY, REST, Resource
from paidonce.harness.explore.footprint.sql.calls import ADVISORY
from paidonce.harness.explore.footprint.sql.catalog import Catalog, Index, Table
from paidonce.harness.explore.footprint.sql.conjunctions import equality
from paidonce.harness.explore.footprint.sql.symbols import Match, Params, Pattern, Symbol, pattern
from paidonce.harness.explore.footprint.sql.trees import (
    NotParsed,
    Tree,
    TreeReader,
    below,
    parsed,
    strings,
)
from paidonce.harness.explore.footprint.sql.types import ColumnType
from paidonce.harness.sql_trees import ast, enums

_STRONG = frozenset({enums.LockClauseStrength.LCS_FORUPDATE})
_STRONG |= {enums.LockClauseStrength.LCS_FORNOKEYUPDATE}
_WAITS = enums.LockWaitPolicy.LockWaitBlock
_TAKES = frozenset({"pg_advisory_lock", "pg_advisory_xact_lock"})
_NUMBER = ColumnType("int")
_HARMLESS = frozenset({"now", "clock_timestamp", "statement_timestamp", "coalesce"})


class Door(msgspec.Struct, frozen=True):
    """One thing that is locked: ``thing`` names it; the other fields are for rows alone.

    ``entry`` is the row's place in the unique index by which it was found.
    """

    thing: Resource
    bare: bool
    entry: Resource | None = None
    whole: bool = False
    """True if the row is locked FOR UPDATE, against those too who only refer to it."""

    def covers(self, lock: Resource) -> bool:
        """Return whether who holds the row has such a lock already.

        A row lock that is no stronger than one of the same transaction is granted at once, whoever
        waits for the row (``heap_lock_tuple`` in src/backend/access/heap/heapam.c).
        """
        if self.entry is None or not set(self.thing.key) <= set(lock.key):
            return False
        table = self.thing.place[:2]
        if lock.place[:2] != table:
            return False
        part = lock.place[2:]
        return part in ((KEY,), (REST,)) or (part == () and (self.whole or lock.shared))


class _Template(msgspec.Struct, frozen=True):
    thing: Pattern
    bare: bool
    entry: Pattern | None = None
    whole: bool = False
    most: Symbol | None = None
    """The number of rows it asks for at most."""

    def bound(self, params: Params) -> Door | None:
        thing = _one(self.thing, params)
        entry = None if self.entry is None else _one(self.entry, params)
        if thing is None or (self.entry is not None and entry is None):
            return None
        if self.most is not None and not _some(self.most.value(params)):
            return None
        return Door(thing, self.bare, entry, self.whole)


class Doors:
    """Finds the doors of statements on one database; each text is read once."""

    def __init__(self, catalog: Catalog, *, remembered: int = 1024) -> None:
        self._catalog = catalog
        self._reader = TreeReader(catalog.enums)
        self._templates = lru_cache(maxsize=remembered)(self._read)

    def of(self, sql: str, params: Params, path: tuple[str, ...]) -> Door | None:
        """The door of a text with a single statement; None if there is none for certain."""
        template = self._templates(sql, path)
        return None if template is None else template.bound(params)

    def _read(self, sql: str, path: tuple[str, ...]) -> _Template | None:
        try:
            (node,) = parsed(sql)
        except (NotParsed, ValueError, RecursionError):
            return None
        match node:
            case ast.SelectStmt() if node.fromClause is None:
                return self._advisory(node)
            case ast.SelectStmt() if _plain_select(node):
                (relation,) = node.fromClause
                parts = (node.targetList, node.sortClause)
                template = self._row(relation, node.whereClause, parts, path, {})
                if template is None:
                    return None
                most = None
                if node.limitCount is not None and not _no_limit(node.limitCount):
                    most = self._reader.symbol(node.limitCount)
                    if most is None:
                        return None
                whole = node.lockingClause[0].strength == enums.LockClauseStrength.LCS_FORUPDATE
                return msgspec.structs.replace(template, whole=whole, most=most)
            case ast.UpdateStmt() if not (node.withClause or node.fromClause):
                changed = {str(target.name) for target in node.targetList}
                parts = (node.targetList, node.returningClause)
                return self._row(node.relation, node.whereClause, parts, path, changed)
        return None

    def _advisory(self, node: ast.SelectStmt) -> _Template | None:
        """``SELECT pg_advisory_xact_lock(...)`` and nothing else."""
        targets: Tree = node.targetList or ()
        if len(targets) != 1 or node.withClause or node.valuesLists or node.whereClause:
            return None
        call = targets[0].val
        if not isinstance(call, ast.FuncCall) or strings(call.funcname)[-1] not in _TAKES:
            return None
        key = {}
        for name, arg in zip(("key", "second"), call.args or (), strict=False):
            symbol = self._reader.symbol(arg)
            if symbol is None:
                return None
            key[name] = Match(symbol, _NUMBER)
        space = "number" if len(key) == 1 else "pair"
        return _Template(pattern((ADVISORY, space), key), bare=True)

    def _row(
        self,
        relation: Tree,
        where: Tree,
        parts: tuple[Tree, ...],
        path: tuple[str, ...],
        changed: set[str] | dict[str, str],
    ) -> _Template | None:
        """The row of a table that a condition names by the columns of a unique index."""
        if not isinstance(relation, ast.RangeVar):
            return None
        table = self._catalog.table(relation.schemaname, relation.relname, path)
        if table is None or not _simple(table, changes=bool(changed)):
            return None
        if any(
            not self._calculates(node, table) for part in (*parts, where) for node in below(part)
        ):
            return None
        known, others = self._equalities(where, table)
        index = _index_by(table, known)
        if index is None or set(index.columns) & set(changed):
            return None
        key = {str(column): known[str(column)] for column in index.columns}
        thing = pattern((*table.place, index.name), key)
        entry = pattern((*table.place, REST, index.name), key)
        return _Template(thing, bare=not others and len(known) == len(key), entry=entry)

    def _calculates(self, node: ast.Node, table: Table) -> bool:
        """Return whether a node of an expression calculates from its row alone.

        Casts and operators may call functions of the user's, and so does ``o.paid`` where ``o``
        has no such column.
        """
        match node:
            case ast.FuncCall():
                words = strings(node.funcname)
                return words[-1] in _HARMLESS and words[:-1] in ((), ("pg_catalog",))
            case ast.TypeCast():
                return strings(node.typeName.names)[-1] not in self._catalog.conversions
            case ast.A_Expr():
                return (strings(node.name) or ("",))[-1] not in self._catalog.operators
            case ast.ColumnRef() if not isinstance(node.fields[-1], ast.A_Star):
                return table.column(node.fields[-1].sval) is not None
            case ast.SubLink() | ast.A_Indirection():
                return False
        return not self._catalog.everywhere

    def _equalities(self, where: Tree, table: Table) -> tuple[dict[str, Match], bool]:
        """The columns that a condition gives values to, and whether it says anything else."""
        if isinstance(where, ast.BoolExpr) and where.boolop == enums.BoolExprType.AND_EXPR:
            conditions = tuple(where.args)
        else:
            conditions = (where,)
        known: dict[str, Match] = {}
        others = False
        for condition in conditions:
            given = equality(self._reader, table, condition)
            if given is None or given[0] in known:
                others = True
            else:
                known[given[0]] = given[1]
        return known, others


def _plain_select(node: ast.SelectStmt) -> bool:
    """One table, one FOR UPDATE that waits, and nothing that makes more or less of the row."""
    if any(
        (
            *(node.withClause, node.groupClause, node.havingClause, node.windowClause),
            *(node.distinctClause, node.valuesLists, node.limitOffset, node.intoClause),
            *(node.op != enums.SetOperation.SETOP_NONE,),
        )
    ):
        return False
    clauses: Tree = node.lockingClause or ()
    if len(node.fromClause) != 1 or len(clauses) != 1:
        return False
    return clauses[0].strength in _STRONG and clauses[0].waitPolicy == _WAITS


def _no_limit(node: Tree) -> bool:
    return isinstance(node, ast.A_Const) and bool(node.isnull)


def _some(value: str | None) -> bool:
    """Return whether it is a number of rows that is not 0."""
    return value is not None and value.isdigit() and int(value) > 0


def _simple(table: Table, *, changes: bool) -> bool:
    """Return whether a statement on the table does what it says, and nothing else."""
    if table.kind != "table" or table.related or table.rules or table.row_security:
        return False
    return not (changes and (table.triggers or table.calls))


def _index_by(table: Table, known: dict[str, Match]) -> Index | None:
    """The unique index that the known columns have an entry of; the primary key if it is one."""
    whole = [i for i in table.unique if i.plain and i.columns and set(i.columns) <= set(known)]
    return min(whole, key=lambda i: (i.columns != table.primary_key, i.name), default=None)


def _one(found: Pattern, params: Params) -> Resource | None:
    """The resource a pattern comes to; None if that is more than one, or not all is known."""
    bound = found.bound(params)
    if len(bound) != 1 or len(bound[0].key) != len(found.key):
        return None
    return bound[0]
