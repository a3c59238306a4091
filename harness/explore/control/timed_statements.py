"""Reads what statements say of time: what they compare with it, set to it, and know rows by.

One reading of a text, from which it is told what may run out (``run_outs``) and what is taken
until a time (``row_leases``). The clock is Postgres's own, or that of the service, which then sends
a time of now: so part of it depends on the parameters.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from paidonce.harness.explore.control.clock_values import MAY_BE_TIMED, sends_a_time
from paidonce.harness.explore.control.time_expressions import (
    TimeExpression,
    column_in,
    time_said,
)
from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed
from paidonce.harness.sql_trees import ast, enums, visitors

_SOONER = frozenset({"<", "<=", ">", ">="})
_EQUALITY = frozenset({"=", "<>", "!="})
_SAME = (enums.A_Expr_Kind.AEXPR_DISTINCT, enums.A_Expr_Kind.AEXPR_NOT_DISTINCT)


@dataclass(frozen=True)
class TimedStatement:
    """One statement's doings with one table's times, by column."""

    verb: str
    table: str
    compares: tuple[tuple[str, TimeExpression], ...] = ()
    sets: tuple[tuple[str, TimeExpression], ...] = ()
    names: frozenset[str] = frozenset()
    """Columns that an INSERT gives values for; the others get their defaults."""


@dataclass(frozen=True)
class TimedText:
    """All that a text says of time, whatever is sent with it."""

    tables: frozenset[str] = frozenset()
    expressions: tuple[tuple[TimeExpression, tuple[str, ...]], ...] = ()
    """Those that compare or reckon, each with the columns in it."""
    equalities: tuple[tuple[str, int | str], ...] = ()
    """The columns that are compared for equality with what is sent: a parameter, by its number, or
    a text."""
    statements: tuple[TimedStatement, ...] = ()
    speaks: bool = False
    """True if it asks for the time, or says one."""

    def timed(self, params: Sequence[str | None]) -> bool:
        """Return whether it may speak of the time: no other text has anything to do with it."""
        return self.speaks or sends_a_time(params)


@functools.lru_cache(maxsize=1024)
def reading(sql: str) -> TimedText:
    """Read a text, of one statement or several; nothing of what is no SQL."""
    try:
        trees = parsed(sql)
    except NotParsed:
        return TimedText()
    time_reader = _TimeReader()
    for tree in trees:
        time_reader(tree)
    said = [each for each, _ in time_reader.expressions]
    for statement in time_reader.statements:
        said += [each for _, each in (*statement.compares, *statement.sets)]
    texts = [text for each in said for text in each.texts]
    texts += [value for _, value in time_reader.equalities if isinstance(value, str)]
    return TimedText(
        frozenset(time_reader.tables),
        tuple(time_reader.expressions),
        tuple(time_reader.equalities),
        tuple(time_reader.statements),
        any(each.asks for each in said) or any(map(MAY_BE_TIMED.search, texts)),
    )


class _TimeReader(visitors.Visitor):
    """Reads a tree in one pass."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.expressions: list[tuple[TimeExpression, tuple[str, ...]]] = []
        self.equalities: list[tuple[str, int | str]] = []
        self.statements: list[TimedStatement] = []

    def visit_RangeVar(self, ancestors: object, node: ast.RangeVar) -> None:
        self.tables.add(node.relname)

    def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
        operator = node.name[-1].sval if node.name else ""
        if operator not in _EQUALITY and (columns := tuple(_columns(node))):
            self.expressions.append((time_said(node), columns))
        if node.kind in _SAME or operator in _EQUALITY:
            for one, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
                said = time_said(other)
                for column in _columns(one) if one is not None else ():
                    self.equalities.extend((column, number) for number in said.numbers)
                    self.equalities.extend((column, text) for text in said.texts)

    def visit_UpdateStmt(self, ancestors: object, node: ast.UpdateStmt) -> None:
        compares, sets = _compared(node.whereClause), _targets(node.targetList)
        self._add("update", node.relation.relname, compares, sets)

    def visit_DeleteStmt(self, ancestors: object, node: ast.DeleteStmt) -> None:
        self._add("delete", node.relation.relname, _compared(node.whereClause))

    def visit_SelectStmt(self, ancestors: object, node: ast.SelectStmt) -> None:
        if node.lockingClause:
            compares = _compared(node.whereClause)
            for one in node.fromClause or ():
                if isinstance(one, ast.RangeVar):
                    self._add("look", one.relname, compares)

    def visit_InsertStmt(self, ancestors: object, node: ast.InsertStmt) -> None:
        table, names = node.relation.relname, [one.name for one in node.cols or ()]
        rows = node.selectStmt.valuesLists if isinstance(node.selectStmt, ast.SelectStmt) else ()
        sets = tuple(
            (name, time_said(value))
            for row in rows or ()
            for name, value in zip(names, row, strict=False)
        )
        if names:
            self._add("insert", table, (), sets, names)
        conflict = node.onConflictClause
        if conflict is not None and conflict.targetList:
            compares = _compared(conflict.whereClause)
            self._add("upsert", table, compares, _targets(conflict.targetList))

    def _add(
        self,
        verb: str,
        table: str,
        compares: tuple[tuple[str, TimeExpression], ...] = (),
        sets: tuple[tuple[str, TimeExpression], ...] = (),
        names: Iterable[str] = (),
    ) -> None:
        self.statements.append(TimedStatement(verb, table, compares, sets, frozenset(names)))


def _targets(targets: Iterable[ast.ResTarget] | None) -> tuple[tuple[str, TimeExpression], ...]:
    return tuple((target.name, time_said(target.val)) for target in targets or ())


def _compared(condition: ast.Node | None) -> tuple[tuple[str, TimeExpression], ...]:
    """Return the columns that a condition compares with something, by which is sooner."""
    found: list[tuple[str, TimeExpression]] = []
    if condition is None:
        return ()

    class Comparisons(visitors.Visitor):
        def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
            if node.kind != enums.A_Expr_Kind.AEXPR_OP or node.name[-1].sval not in _SOONER:
                return
            for one, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
                column, said = column_in(one), time_said(other)
                if column:
                    both = (*said.lasting, *time_said(one).lasting)
                    found.append((column, replace(said, lasting=both, reckons=False)))

    Comparisons()(condition)
    return tuple(found)


def _columns(node: ast.Node) -> Iterator[str]:
    """The names of the columns in an expression."""
    names: list[str] = []

    class Columns(visitors.Visitor):
        def visit_ColumnRef(self, ancestors: object, node: ast.ColumnRef) -> None:
            names.append(getattr(node.fields[-1], "sval", ""))

    Columns()(node)
    return filter(None, dict.fromkeys(names))
