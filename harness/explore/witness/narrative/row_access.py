"""Reads statements for what they do to rows: which were read, which changed, to what. Pure.

Statements are read with their parameters put in, by Postgres's own parser. Only what is plain is
used: columns set to a constant, rows named by an equality. The rest is left out rather than
guessed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from paidonce.harness import sql_trees
from paidonce.harness.explore.witness.narrative.sqltext import statements
from paidonce.harness.history import Effect
from paidonce.harness.sql_trees import ast, enums
from paidonce.harness.sql_trees.visitors import Visitor


class Did(enum.StrEnum):
    """The kinds of things that a statement does."""

    READ = "read"
    LOCK = "lock"
    """Read and locked the rows for itself."""
    UPDATE = "update"
    INSERT = "insert"
    DELETE = "delete"
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    OTHER = "other"


class Row(msgspec.Struct, frozen=True, order=True):
    """A row by its table and the value that names it, empty where that cannot be told."""

    table: str
    key: str = ""


class RowAccess(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a statement does to a row. ``values`` are columns by name; None is null."""

    did: Did
    row: Row
    values: dict[str, str | None] = {}
    rows: int | None = None
    """How many rows, where the answer tells."""

    @property
    def writes(self) -> bool:
        """Return whether it makes rows other than before."""
        return self.did in (Did.UPDATE, Did.INSERT, Did.DELETE)


def accesses(effect: Effect) -> tuple[RowAccess, ...]:
    """Return what a unit did, in the order of its text; empty for what cannot be read."""
    done: list[RowAccess] = []
    tags: Sequence[str] = (effect.answer or {}).get("tags") or ()
    for number, text in enumerate(statements(effect.request)):
        try:
            parsed = sql_trees.parse_sql(text)
        except (sql_trees.ParseError, ValueError):
            continue
        rows = _count(tags[number]) if number < len(tags) else None
        for statement in parsed:
            done += _of(statement.stmt, effect, rows)
    return tuple(done)


def _of(node: Any, effect: Effect, rows: int | None) -> Iterator[RowAccess]:
    match node:
        case ast.TransactionStmt():
            yield RowAccess(did=_ENDS.get(node.kind, Did.OTHER), row=Row(""))
        case ast.SelectStmt() | ast.UpdateStmt() | ast.InsertStmt() | ast.DeleteStmt():
            writes = list(_writes(node, rows))
            yield from writes
            if not writes and isinstance(node, ast.SelectStmt):
                yield _read(node, effect, rows)
        case _:
            yield RowAccess(did=Did.OTHER, row=Row(""))


_Kind = enums.TransactionStmtKind
_ENDS = {
    _Kind.TRANS_STMT_BEGIN: Did.BEGIN,
    _Kind.TRANS_STMT_START: Did.BEGIN,
    _Kind.TRANS_STMT_COMMIT: Did.COMMIT,
    _Kind.TRANS_STMT_ROLLBACK: Did.ROLLBACK,
}


class _Finder(Visitor):
    """Collects the nodes of some kinds, in the order of the text."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def _take(self, _ancestors: Any, node: Any) -> None:
        self.found.append(node)

    visit_UpdateStmt = visit_InsertStmt = visit_DeleteStmt = _take


def _writes(node: Any, rows: int | None) -> Iterator[RowAccess]:
    finder = _Finder()
    finder(node)
    # A part of WITH is written before the statement it is a part of.
    for write in sorted(finder.found, key=lambda one: one is node):
        table = write.relation.relname
        match write:
            case ast.UpdateStmt():
                values = {target.name: _value(target.val) for target in write.targetList or ()}
                key = _key(write.whereClause)
                yield RowAccess(did=Did.UPDATE, row=Row(table, key), values=values, rows=rows)
            case ast.InsertStmt():
                values = _inserted(write)
                key = values.get("id") or ""
                yield RowAccess(did=Did.INSERT, row=Row(table, key), values=values, rows=rows)
            case _:
                key = _key(write.whereClause)
                yield RowAccess(did=Did.DELETE, row=Row(table, key), rows=rows)


def _inserted(node: ast.InsertStmt) -> dict[str, str | None]:
    columns = [target.name for target in node.cols or ()]
    select = node.selectStmt
    if select is None:
        return {}
    lists = select.valuesLists
    values = list(lists[0]) if lists else [target.val for target in select.targetList or ()]
    return {
        column: _value(value)
        for column, value in zip(columns, values, strict=False)
        if _plain(value)
    }


def _read(node: ast.SelectStmt, effect: Effect, rows: int | None) -> RowAccess:
    answer = effect.answer or {}
    columns: Sequence[str] = answer.get("columns") or ()
    sample: Sequence[Sequence[str | None]] = answer.get("sample") or ()
    values = dict(zip(columns, sample[0], strict=False)) if sample else {}
    tables = [t.relname for t in node.fromClause or () if isinstance(t, ast.RangeVar)]
    key = values.get("id") or _key(node.whereClause)
    return RowAccess(
        did=Did.LOCK if node.lockingClause else Did.READ,
        row=Row(tables[0] if tables else "", key),
        values=values,
        rows=rows,
    )


def _key(where: Any) -> str:
    """Return the constant some column is compared with for equality: ``id`` before any other."""
    constants: dict[str, str] = {}
    parts = [where]
    while parts:
        part = parts.pop(0)
        if isinstance(part, ast.BoolExpr) and part.boolop == enums.BoolExprType.AND_EXPR:
            parts += part.args
        elif isinstance(part, ast.A_Expr) and [name.sval for name in part.name] == ["="]:
            column, value = part.lexpr, part.rexpr
            if isinstance(column, ast.ColumnRef) and _plain(value):
                constants.setdefault(
                    sql_trees.written(column).rpartition(".")[2], _value(value) or ""
                )
    return constants.get("id") or next(iter(constants.values()), "")


def _plain(node: Any) -> bool:
    if isinstance(node, ast.TypeCast):
        return _plain(node.arg)
    return isinstance(node, ast.A_Const)


def _value(node: Any) -> str | None:
    """Return a constant as its text; anything else as SQL writes it."""
    if isinstance(node, ast.TypeCast):
        return _value(node.arg)
    if isinstance(node, ast.A_Const):
        if node.isnull:
            return None
        value = node.val
        for name in ("sval", "ival", "fval", "boolval"):
            held = getattr(value, name, None)
            if held is not None:
                return str(held).lower() if name == "boolval" else str(held)
        return str(value)
    return sql_trees.written(node)


def _count(tag: str) -> int | None:
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else None
