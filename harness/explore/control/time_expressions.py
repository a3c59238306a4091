"""Reads expressions of SQL that speak of the time: who asks the clock, how long something lasts.

The clock is Postgres's own, or that of the service, which then sends a time of now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from paidonce.harness.explore.control.clock_values import moments_in
from paidonce.harness.sql_trees import ast, enums, visitors

LONGEST_S = 300.0
"""Seconds: who sends a request has given up long before. Stripe's own libraries wait for 80 s
(stripe-python, _http_client.py), servers and proxies for 30 s to 60 s as they ship."""

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
class TimeExpression:
    """An expression, as far as it speaks of time: that it asks Postgres, which values are sent
    with it, how long something lasts by it, in seconds, and that it reckons at all."""

    asks: bool = False
    numbers: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    lasting: tuple[float, ...] = ()
    reckons: bool = False

    def beside(self, other: TimeExpression) -> TimeExpression:
        """Return what the two say together."""
        return TimeExpression(
            self.asks or other.asks,
            (*self.numbers, *other.numbers),
            (*self.texts, *other.texts),
            (*self.lasting, *other.lasting),
            self.reckons or other.reckons,
        )

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


def column_in(node: ast.Node | None) -> str:
    """Return the column, also where a time is added to it."""
    if isinstance(node, ast.A_Expr) and node.kind == enums.A_Expr_Kind.AEXPR_OP:
        return column_in(node.lexpr) or column_in(node.rexpr)
    return getattr(node.fields[-1], "sval", "") if isinstance(node, ast.ColumnRef) else ""


def time_said(tree: ast.Node | None) -> TimeExpression:
    """Read what an expression says of the time."""
    if tree is None:
        return TimeExpression()
    asks: list[bool] = []
    numbers: list[int] = []
    texts: list[str] = []
    lasting: list[float] = []
    unclear: list[bool] = []
    reckons: list[bool] = []

    class LeaseVisitor(visitors.Visitor):
        def visit_FuncCall(self, ancestors: object, node: ast.FuncCall) -> None:
            name = node.funcname[-1].sval
            # Manual, section 9.9: age(timestamp) is reckoned from today.
            asks.append(name in _CLOCK or (name == "age" and len(node.args or ()) == 1))
            reckons.append(name == "age")

        def visit_SQLValueFunction(self, ancestors: object, node: ast.SQLValueFunction) -> None:
            asks.append(True)

        def visit_ParamRef(self, ancestors: object, node: ast.ParamRef) -> None:
            numbers.append(node.number)

        def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
            operator = node.name[-1].sval if node.name else ""
            unclear.append(operator in ("*", "/"))
            reckons.append(operator in ("+", "-"))

        def visit_A_Const(self, ancestors: object, node: ast.A_Const) -> None:
            text = getattr(node.val, "sval", None)
            if text is not None:
                seconds = interval_seconds(text)
                texts.append(text)
                lasting.extend(() if seconds is None else (seconds,))

    LeaseVisitor()(tree)
    lasts = () if any(unclear) else tuple(lasting)
    return TimeExpression(any(asks), tuple(numbers), tuple(texts), lasts, any(reckons))


def interval_seconds(text: str) -> float | None:
    """Return the seconds of an interval, a month being 30 days; None if it is none."""
    total, rest = 0.0, text.strip()
    if not rest:
        return None
    while rest:
        if match := _CLOCK_PART.match(rest):
            hours, minutes, seconds = match.groups()
            total += int(hours) * 3600 + int(minutes) * 60 + float(seconds or 0)
        elif (match := _PART.match(rest)) and match[2].lower() in _UNITS:
            total += float(match[1]) * _UNITS[match[2].lower()]
        else:
            return None
        rest = rest[match.end() :].strip()
    return abs(total)
