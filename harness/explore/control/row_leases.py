"""Rows that are taken until a time: statements that compare a column with the clock and set it.

The clock is Postgres's own, or that of the service, which then sends a time of now. One statement
may do both (``UPDATE``, or ``ON CONFLICT DO UPDATE``); or one looks for what has run out, and locks
it or deletes it, and another one of the same table takes it.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.control.clock_values import moments_in
from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed
from paidonce.harness.sql_trees import ast, enums, visitors

LONGEST_S = 300.0
"""Seconds: who sends a request has given up long before. Stripe's own libraries wait for 80 s
(stripe-python, _http_client.py), servers and proxies for 30 s to 60 s as they ship."""

_COMPARES = frozenset({"<", "<=", ">", ">="})
_CLOCK = frozenset({"now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"})
_CLOCK |= {"localtimestamp", "timeofday"}
# Manual, section 8.5.4: quantity and unit, in the long form or the short.
_PART = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-zA-Z]+)")
_CLOCK_PART = re.compile(r"\s*(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?\s*")
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400.0),
    **dict.fromkeys(("mon", "mons", "month", "months"), 30 * 86400.0),
    **dict.fromkeys(("y", "year", "years"), 365 * 86400.0),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
}


@dataclass(frozen=True)
class _Expression:
    """An expression, as far as it speaks of time: that it asks Postgres, which values are sent
    with it, and how long something lasts by it, in seconds."""

    asks: bool = False
    numbers: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    lasting: tuple[float, ...] = ()

    def clocked(self, params: Sequence[str | None], now: float) -> bool:
        return self.asks or next(iter(self._sent(params, now)), None) is not None

    def seconds(self, params: Sequence[str | None], now: float) -> Iterable[float]:
        """Yield the seconds that it lasts, as far as they are said."""
        yield from self.lasting
        yield from (ahead for ahead in self._sent(params, now) if ahead > 1)

    def _sent(self, params: Sequence[str | None], now: float) -> Iterable[float]:
        """Yield the seconds by which the times that are sent are ahead of now."""
        given = [params[n - 1] for n in self.numbers if 0 < n <= len(params)]
        for text in (*given, *self.texts):
            for moment in moments_in(text or ""):
                if abs(moment - now) <= 2 * LONGEST_S:
                    yield moment - now


@dataclass(frozen=True)
class _TimedStatement:
    """One statement's doings with one table's times, by column."""

    verb: str
    table: str
    compares: tuple[tuple[str, _Expression], ...] = ()
    sets: tuple[tuple[str, _Expression], ...] = ()
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


def columns_set(sql: str) -> frozenset[tuple[str, str]]:
    """Return the columns that the UPDATEs of a text set, each with its table."""
    return frozenset(
        (one.table, column) for one in _timed(sql) if one.verb == "update" for column, _ in one.sets
    )


def _timed_by(
    pairs: Iterable[tuple[str, _Expression]], params: Sequence[str | None], now: float
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
                (name, _said(value))
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


def _targets(targets: Iterable[ast.ResTarget] | None) -> tuple[tuple[str, _Expression], ...]:
    return tuple((target.name, _said(target.val)) for target in targets or ())


def _compared(condition: ast.Node | None) -> tuple[tuple[str, _Expression], ...]:
    """Return the columns that a condition compares with something, by which is sooner."""
    found: list[tuple[str, _Expression]] = []
    if condition is None:
        return ()

    class Comparisons(visitors.Visitor):
        def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
            if node.kind != enums.A_Expr_Kind.AEXPR_OP or node.name[-1].sval not in _COMPARES:
                return
            for one, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
                column, said = _column(one), _said(other)
                if column:
                    both = (*said.lasting, *_said(one).lasting)
                    found.append((column, _Expression(said.asks, said.numbers, said.texts, both)))

    Comparisons()(condition)
    return tuple(found)


def _column(node: ast.Node | None) -> str:
    """Return the column, also where a time is added to it."""
    if isinstance(node, ast.A_Expr) and node.kind == enums.A_Expr_Kind.AEXPR_OP:
        return _column(node.lexpr) or _column(node.rexpr)
    return getattr(node.fields[-1], "sval", "") if isinstance(node, ast.ColumnRef) else ""


def _said(tree: ast.Node | None) -> _Expression:
    """Read what an expression says of the time."""
    if tree is None:
        return _Expression()
    asks: list[bool] = []
    numbers: list[int] = []
    texts: list[str] = []
    lasting: list[float] = []
    unclear: list[bool] = []

    class LeaseVisitor(visitors.Visitor):
        def visit_FuncCall(self, ancestors: object, node: ast.FuncCall) -> None:
            asks.append(node.funcname[-1].sval in _CLOCK)

        def visit_SQLValueFunction(self, ancestors: object, node: ast.SQLValueFunction) -> None:
            asks.append(True)

        def visit_ParamRef(self, ancestors: object, node: ast.ParamRef) -> None:
            numbers.append(node.number)

        def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
            unclear.append(bool(node.name) and node.name[-1].sval in ("*", "/"))

        def visit_A_Const(self, ancestors: object, node: ast.A_Const) -> None:
            text = getattr(node.val, "sval", None)
            if text is not None:
                seconds = interval_seconds(text)
                texts.append(text)
                lasting.extend(() if seconds is None else (seconds,))

    LeaseVisitor()(tree)
    lasts = () if any(unclear) else tuple(lasting)
    return _Expression(any(asks), tuple(numbers), tuple(texts), lasts)


def interval_seconds(text: str) -> float | None:
    """Return the seconds of an interval, a month being 30 days; None if it is none."""
    total, rest = 0.0, text.strip()
    if not rest:
        return None
    while rest:
        if found := _CLOCK_PART.match(rest):
            hours, minutes, seconds = found.groups()
            total += int(hours) * 3600 + int(minutes) * 60 + float(seconds or 0)
        elif (found := _PART.match(rest)) and found[2].lower() in _UNITS:
            total += float(found[1]) * _UNITS[found[2].lower()]
        else:
            return None
        rest = rest[found.end() :].strip()
    return abs(total)
