"""Looks at what is of the last minutes only: conditions that compare a column, or the score of a
member in Redis, with the clock and a stretch of time before it.

Who asks "was this order paid for within the last minute?" gets another answer a minute later,
though nobody has changed anything. What a condition says of the time of now alone (``expires_at >
now()``) is such a look only where an attempt has set that column to a time that is near.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.control.clock_values import moments_in
from paidonce.harness.explore.control.row_leases import columns_timed, sets_times
from paidonce.harness.explore.control.time_expressions import (
    LONGEST_S,
    TimeExpression,
    interval_seconds,
    time_said,
)
from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed
from paidonce.harness.sql_trees import ast, enums, visitors

LONGEST_WINDOW_S = 3600.0
"""Seconds: a customer who finds an order unpaid tries again within the hour, and may be told a day
later that it is too old."""
_NEAR_S = 1.0
"""Seconds by which a time differs from now that is not now."""

_MORE, _LESS = frozenset({">", ">="}), frozenset({"<", "<="})
# https://redis.io/docs/latest/commands/zcount/ and the like: a key, then two scores.
_BY_SCORE = frozenset({"ZCOUNT", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE"})
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
_OF_A_SET = frozenset({"ZCARD", "ZRANGE", "ZREVRANGE", "ZSCORE", "ZRANK", "ZMSCORE", *_BY_SCORE})


@dataclass(frozen=True, slots=True)
class Window:
    """A column that is compared with the clock, or the members of a key.

    ``leaves`` tells that what is found now is not found any more when time has passed; False that
    it is the other way round, and None that either may be.
    """

    column: str
    leaves: bool | None = True
    of_rows: bool = True
    """True if a statement of SQL can make it older."""


_OF_SCORES = Window("the score of its members", of_rows=False)
_OF_A_SCRIPT = Window("a time that is sent with it", leaves=None, of_rows=False)


@dataclass
class TimeWindows:
    """Follows the statements and commands of attempts in one execution."""

    _near: set[str] = field(default_factory=set)
    """Columns that were set to a time near now."""
    _trimmed: set[bytes] = field(default_factory=set)
    """Keys of sorted sets from which what is too old is removed."""

    def statement(self, sql: str, params: Sequence[str | None]) -> Window | None:
        """Return the window through which a statement looks, if it does."""
        if not (_comparisons(sql) or sets_times(sql)):
            return None
        now = time.time()
        window = next(self._windows(sql, params, now), None)
        self._near.update(columns_timed(sql, params, now))
        return window

    def command(self, name: str, args: Sequence[bytes]) -> Window | None:
        """Return the window through which a command looks, if it does. ``name`` is in capitals."""
        if not args:
            return None
        now = time.time()
        if name == "ZREMRANGEBYSCORE" and any(_is_recent(arg, now) for arg in args[1:]):
            self._trimmed.add(args[0])
        elif name in _BY_SCORE and (len(args) < 3 or any(_is_recent(a, now) for a in args[1:3])):
            return _OF_SCORES
        elif name == "ZRANGE" and b"BYSCORE" in {arg.upper() for arg in args}:
            if any(_is_recent(arg, now) for arg in args[1:3]):
                return _OF_SCORES
        elif name in _SCRIPTS and any(_is_recent(arg, now) for arg in args[1:]):
            # Which way it answers is the script's affair.
            return _OF_A_SCRIPT
        if name in _OF_A_SET and args[0] in self._trimmed:
            return _OF_SCORES
        return None

    def _windows(self, sql: str, params: Sequence[str | None], now: float) -> Iterator[Window]:
        for compared in _comparisons(sql):
            stretch = _stretch(compared.said, params, now)
            if stretch is None or stretch > LONGEST_WINDOW_S:
                continue
            if stretch > _NEAR_S or compared.column in self._near:
                yield Window(compared.column, compared.leaves)


@dataclass(frozen=True)
class _Comparison:
    """A column beside the clock. ``leaves`` as in ``Window``."""

    column: str
    leaves: bool | None
    said: TimeExpression


def _stretch(said: TimeExpression, params: Sequence[str | None], now: float) -> float | None:
    """Return by how many seconds that differs from now that a column is compared with; None if it
    is no time, 0 if that is not known or is now."""
    sent = [params[n - 1] or "" for n in said.numbers if 0 < n <= len(params)]
    texts = [*sent, *said.texts]
    moments = [moment - now for text in texts for moment in moments_in(text)]
    near = [abs(ahead) for ahead in moments if abs(ahead) <= 2 * LONGEST_WINDOW_S]
    if not said.asks and not near:
        return None
    lasting = [*said.lasting, *filter(None, map(interval_seconds, sent))]
    if said.asks and not lasting and said.reckons:
        return LONGEST_S  # how long is not told in a way that is read here
    return max((*lasting, *near), default=0.0)


@functools.lru_cache(maxsize=1024)
def _comparisons(sql: str) -> tuple[_Comparison, ...]:
    try:
        statements = parsed(sql)
    except NotParsed:
        return ()
    comparisons: list[_Comparison] = []
    absent: list[bool] = []

    class Comparisons(visitors.Visitor):
        def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
            if node.kind == enums.A_Expr_Kind.AEXPR_BETWEEN:
                # Its right side is the two ends.
                ends = node.rexpr if isinstance(node.rexpr, tuple) else (node.rexpr,)
                if (name := _bare_column(node.lexpr)) and ends:
                    comparisons.append(_Comparison(name, True, time_said(ends[0])))
                return
            if node.kind != enums.A_Expr_Kind.AEXPR_OP or not node.name:
                return
            operator = node.name[-1].sval
            if operator not in _MORE | _LESS:
                return
            for one, other, more in (
                (node.lexpr, node.rexpr, operator in _MORE),
                (node.rexpr, node.lexpr, operator in _LESS),
            ):
                name, ages = _column_and_sign(one)
                if name:
                    said = time_said(one).beside(time_said(other))
                    comparisons.append(_Comparison(name, more is not ages, said))

        def visit_BoolExpr(self, ancestors: object, node: ast.BoolExpr) -> None:
            if node.boolop == enums.BoolExprType.NOT_EXPR:
                absent.append(True)

    Comparisons()(statements)
    if absent:  # what is not found any more may be what is wanted
        return tuple(
            _Comparison(comparison.column, None, comparison.said) for comparison in comparisons
        )
    return tuple(comparisons)


def _bare_column(node: ast.Node | None) -> str:
    return getattr(node.fields[-1], "sval", "") if isinstance(node, ast.ColumnRef) else ""


def _column_and_sign(node: ast.Node | None) -> tuple[str, bool]:
    """Return the column in an expression of times, and whether that grows smaller as the column
    grows: how old something is does."""
    match node:
        case ast.ColumnRef():
            return _bare_column(node), False
        case ast.TypeCast():
            return _column_and_sign(node.arg)
        case ast.FuncCall():
            return _of_function(node.funcname[-1].sval, tuple(node.args or ()))
        case ast.A_Expr() if node.kind == enums.A_Expr_Kind.AEXPR_OP and node.name:
            if node.name[-1].sval == "-":
                return _difference(node.lexpr, node.rexpr)
            column, ages = _column_and_sign(node.lexpr)
            return (column, ages) if column else _column_and_sign(node.rexpr)
        case _:
            return "", False


def _of_function(name: str, args: tuple[ast.Node, ...]) -> tuple[str, bool]:
    if not args:
        return "", False
    *others, last = args
    # Manual, section 9.9: age(timestamp) is what is left of the time until today, and age(one,
    # other) is the first less the second.
    if name == "age":
        return _difference(others[0] if others else None, last)
    return _column_and_sign(last) if name in ("extract", "date_part") else ("", False)


def _difference(one: ast.Node | None, other: ast.Node | None) -> tuple[str, bool]:
    column, ages = _column_and_sign(one)
    if column:
        return column, ages
    column, ages = _column_and_sign(other)
    return column, not ages


_SCORE = re.compile(rb"\(?([0-9.]+)")


def _is_recent(score: bytes, now: float) -> bool:
    """Return whether a score is a time of the last hour, or of the moment."""
    match = _SCORE.fullmatch(score)
    if match is None:
        return False
    moments: Iterable[float] = moments_in(match[1].decode())
    return any(-_NEAR_S <= now - moment <= LONGEST_WINDOW_S for moment in moments)
