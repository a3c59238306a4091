"""Rows that are taken until a time: statements that compare a column with the clock and set it.

The clock is Postgres's own, or that of the service, which then sends a time of now. One statement
may do both (``UPDATE``, or ``ON CONFLICT DO UPDATE``); or one looks for what has run out, and locks
it or deletes it, and another one of the same table takes it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.control.time_expressions import (
    LONGEST_S,
    TimeExpression,
    column_in,
    time_said,
)
from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed
from paidonce.harness.sql_trees import ast, enums, visitors

_COMPARES = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True)
class _TimedStatement:
    """One statement's doings with one table's times, by column."""

    verb: str
    table: str
    compares: tuple[tuple[str, TimeExpression], ...] = ()
    sets: tuple[tuple[str, TimeExpression], ...] = ()
    names: frozenset[str] = frozenset()
    """Columns that an INSERT gives values for; the others get their defaults."""


@dataclass
class RowLeases:
    """Follows the statements of attempts."""

    _freed: dict[str, set[str]] = field(default_factory=dict)
    """By table, columns by which rows that had run out were deleted."""
    _looked: dict[str, set[str]] = field(default_factory=dict)
    """By table, columns by which rows that had run out were locked."""

    def saw(self, sql: str, params: Sequence[str | None] = ()) -> tuple[str, str] | None:
        """Return the table and the column by which a statement takes a row until a time; None if it
        does not."""
        if not (timed := _timed(sql)):
            return None
        now = time.time()
        for one in timed:
            compares = _timed_by(one.compares, params, now)
            match one.verb:
                case "delete":
                    self._freed.setdefault(one.table, set()).update(_short(compares))
                case "look":
                    self._looked.setdefault(one.table, set()).update(_short(compares))
            free = set(compares)
            if one.verb == "insert":
                freed = self._freed.get(one.table, set())
                if not freed:
                    continue
                sets = _timed_by(one.sets, params, now)
                taken = freed & ({*_short(sets)} | (freed - one.names))
                if taken:
                    return one.table, min(taken)
            elif one.verb == "update":
                free |= self._looked.get(one.table, set())
            if not free:
                continue
            sets = _timed_by(one.sets, params, now)
            for column in sorted(free & set(sets)):
                lasting = [*compares.get(column, ()), *sets[column]]
                if _is_short(lasting):
                    return one.table, column
        return None


@functools.lru_cache(maxsize=1024)
def sets_times(sql: str) -> bool:
    """Return whether a statement sets any column to what may be a time: to anything that is sent
    with it, or is said in it."""
    sets = [said for one in _timed(sql) for _, said in one.sets]
    return any(said.asks or said.numbers or said.texts for said in sets)


def columns_timed(sql: str, params: Sequence[str | None], now: float) -> frozenset[str]:
    """Return the columns that a statement sets to a time within minutes of ``now``."""
    return frozenset(
        column
        for one in _timed(sql)
        for column, lasting in _timed_by(one.sets, params, now).items()
        if _is_short(lasting)
    )


def times_set(
    sql: str, params: Sequence[str | None], now: float
) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the tables whose rows a text changes, each with the columns that it sets to a time
    within minutes of ``now``."""
    return tuple(
        (
            one.table,
            frozenset(
                c for c, lasting in _timed_by(one.sets, params, now).items() if _is_short(lasting)
            ),
        )
        for one in _timed(sql)
        if one.verb in ("update", "upsert")
    )


def columns_set(sql: str) -> frozenset[tuple[str, str]]:
    """Return the columns that the UPDATEs of a text set, each with its table."""
    return frozenset(
        (one.table, column) for one in _timed(sql) if one.verb == "update" for column, _ in one.sets
    )


def _timed_by(
    pairs: Iterable[tuple[str, TimeExpression]], params: Sequence[str | None], now: float
) -> dict[str, list[float]]:
    """Return the columns that have to do with the clock, with the seconds that each lasts."""
    return {
        column: list(said.seconds(params, now))
        for column, said in pairs
        if said.clocked(params, now)
    }


def _short(columns: dict[str, list[float]]) -> Iterable[str]:
    return [column for column, lasting in columns.items() if _is_short(lasting)]


def _is_short(lasting: Sequence[float]) -> bool:
    return not lasting or min(lasting) <= LONGEST_S


@functools.lru_cache(maxsize=1024)
def _timed(sql: str) -> tuple[_TimedStatement, ...]:
    try:
        statements = parsed(sql)
    except NotParsed:
        return ()
    found: list[_TimedStatement] = []

    class Statements(visitors.Visitor):
        def visit_UpdateStmt(self, ancestors: object, node: ast.UpdateStmt) -> None:
            compares, sets = _compared(node.whereClause), _targets(node.targetList)
            found.append(_TimedStatement("update", node.relation.relname, compares, sets))

        def visit_DeleteStmt(self, ancestors: object, node: ast.DeleteStmt) -> None:
            found.append(
                _TimedStatement("delete", node.relation.relname, _compared(node.whereClause))
            )

        def visit_SelectStmt(self, ancestors: object, node: ast.SelectStmt) -> None:
            if node.lockingClause:
                compares = _compared(node.whereClause)
                tables = [one.relname for one in node.fromClause or () if _is_table(one)]
                found.extend(_TimedStatement("look", table, compares) for table in tables)

        def visit_InsertStmt(self, ancestors: object, node: ast.InsertStmt) -> None:
            table, names = node.relation.relname, [one.name for one in node.cols or ()]
            rows = (
                node.selectStmt.valuesLists if isinstance(node.selectStmt, ast.SelectStmt) else ()
            )
            sets = tuple(
                (name, time_said(value))
                for row in rows or ()
                for name, value in zip(names, row, strict=False)
            )
            if names:
                found.append(_TimedStatement("insert", table, (), sets, frozenset(names)))
            conflict = node.onConflictClause
            if conflict is not None and conflict.targetList:
                compares = _compared(conflict.whereClause)
                found.append(
                    _TimedStatement("upsert", table, compares, _targets(conflict.targetList))
                )

    for statement in statements:
        Statements()(statement)
    return tuple(found)


def _is_table(node: ast.Node) -> bool:
    return isinstance(node, ast.RangeVar)


def _targets(targets: Iterable[ast.ResTarget] | None) -> tuple[tuple[str, TimeExpression], ...]:
    return tuple((target.name, time_said(target.val)) for target in targets or ())


def _compared(condition: ast.Node | None) -> tuple[tuple[str, TimeExpression], ...]:
    """Return the columns that a condition compares with something, by which is sooner."""
    found: list[tuple[str, TimeExpression]] = []
    if condition is None:
        return ()

    class Comparisons(visitors.Visitor):
        def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
            if node.kind != enums.A_Expr_Kind.AEXPR_OP or node.name[-1].sval not in _COMPARES:
                return
            for one, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
                column, said = column_in(one), time_said(other)
                if column:
                    both = (*said.lasting, *time_said(one).lasting)
                    found.append(
                        (column, TimeExpression(said.asks, said.numbers, said.texts, both))
                    )

    Comparisons()(condition)
    return tuple(found)
