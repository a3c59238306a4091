"""Keys that are made of the time, cut to the second, the minute or the day.

Two attempts come to one key as long as the clock shows the same: who is a moment later comes to
another one, and is not refused. In a search all attempts nearly always meet the same minute, so
that such a key seems to be as good as the order's number; nothing that rests on one is complete.

A key here is an idempotency key of Stripe's, what a key of Redis or a member is taken under if it
is not there, and what a unique index has of a row that is added. What was there before an attempt
used it is no time of its own: an order's number, say, that begins with the day it was made.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from paidonce.harness.explore.control.clock_values import moments_in
from paidonce.harness.explore.control.time_hashes import PERIODS, hashed_time
from paidonce.harness.explore.footprint.sql.catalog import Catalog, Table
from paidonce.harness.explore.footprint.sql.trees import NotParsed, Tree, parsed, strings
from paidonce.harness.sql_trees import ast, enums, visitors

_NUMBER = re.compile(r"(?<![0-9A-Za-z.])[0-9]{5,14}(?![0-9A-Za-z.])")
"""As a word of its own: digits within a random number may be anything."""
_DATE = re.compile(
    r"(?<![0-9])(20[0-9]{2})-([01][0-9])-([0-3][0-9])"
    r"(?:[T _-]?([0-2][0-9])(?:[:-]?([0-5][0-9])(?:[:-]?([0-5][0-9]))?)?)?(?![0-9.])"
)
_LONGEST_ZONE = timedelta(hours=26)
"""From the earliest place on earth to the latest."""
_SECONDS_LONG = 10
"""Digits of a time in seconds since 1970; one with more is finer."""
_TRIED = 3
"""Executions in which a key is taken for a hash of the time, and that is tried."""
_LATE_S = 60
"""How long ago a unit may have been made that is looked at now."""
_CLOCK = frozenset({"now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"})
_CUTS = frozenset({"date_trunc", "date_bin", "to_char", "extract", "date_part", "floor", "date"})
_DAYS = frozenset({"current_date", "date"})


@dataclass
class TimeKeys:
    """Follows the keys that attempts use in one execution."""

    catalog: Catalog = field(default_factory=Catalog)
    beforehand: frozenset[str] = frozenset()
    """Values that are known from preparing the execution."""
    hashes_tried: dict[str, int] = field(default_factory=dict)
    """How often a key of each sort was taken for a hash of the time; of all executions."""
    _read: set[str] = field(default_factory=set)
    _used: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Who used a key first."""

    def idempotency(self, actor: str, key: str | None) -> str | None:
        """``actor`` sends a call to Stripe under ``key``; returns in words which key it shares with
        another as long as the clock shows the same, if any. So do the others."""
        return self._used_by(actor, "the idempotency key", self._coarse(key or ""), (key or "",))

    def command(self, actor: str, name: str, args: Sequence[bytes]) -> str | None:
        """``actor`` sends a command to Redis; ``name`` is in capitals."""
        taken = _claimed(name, [arg.decode("utf-8", "replace") for arg in args])
        said = (self._used_by(actor, f"the key of {name}", self._coarse(k), (k,)) for k in taken)
        return next(filter(None, said), None)

    def asked_under(self, keys: Iterable[str]) -> str:
        """Return the time that one of ``keys`` has in it; empty if none has."""
        return next(filter(None, map(self._coarse, keys)), "")

    def statement(self, actor: str, sql: str, params: Sequence[str | None]) -> str | None:
        """``actor`` sends a statement."""
        if not _rows(sql):
            return None
        for index, row, cut in _entries_of(sql, self.catalog):
            texts = tuple([_text(value, params) for value in row])
            timed = cut or next(filter(None, map(self._coarse, texts)), "")
            if said := self._used_by(actor, f"what is unique by {index}", timed, texts):
                return said
        return None

    def read(self, values: Iterable[str | None]) -> None:
        """Somebody is answered these: they are not made of the clock."""
        self._read.update(value for value in values if value)

    def _used_by(self, actor: str, what: str, time_in_it: str, key: tuple[str, ...]) -> str | None:
        if self._used.setdefault((what, *key), actor) == actor:
            return None
        if time_in_it:
            return f"{what} has the time in it, {time_in_it!r}"
        if self.hashes_tried.get(what, 0) < _TRIED:
            self.hashes_tried[what] = self.hashes_tried.get(what, 0) + 1
            now, known = datetime.now(UTC), (self.beforehand, self._read)
            if hashed := next(filter(None, (hashed_time(one, known, now) for one in key)), ""):
                return f"{what} is a hash of the time, {hashed!r}"
        return None

    def _coarse(self, text: str) -> str:
        """Return a part of a text that is the time of now, and not fine enough to be anybody's
        own; empty if there is none."""
        found_in = (*_DATE.finditer(text), *_NUMBER.finditer(text))
        if not found_in:
            return ""
        now = datetime.now(UTC)
        for match in found_in:
            part = match[0]
            if (_is_date(match, now) or _is_period(part)) and not self._was_there(part):
                return part
        return ""

    def _was_there(self, part: str) -> bool:
        known = (*self.beforehand, *self._read)
        return any(part in one and not moments_in(one) for one in known)


def _is_date(found: re.Match[str], now: datetime) -> bool:
    digits = "".join(group or "" for group in found.groups()) if found.groups() else found[0]
    if len(digits) not in (8, 10, 12, 14):
        return False
    try:
        meant = datetime.strptime(digits, "%Y%m%d%H%M%S"[: len(digits) - 2]).replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(meant - now) < _LONGEST_ZONE


def _is_period(part: str) -> bool:
    if len(part) > _SECONDS_LONG:
        return False
    number, now = int(part), time.time()
    return any(abs(number - now // period) <= _LATE_S // period for period in PERIODS)


def _claimed(name: str, args: Sequence[str]) -> Iterator[str]:
    """Yield what is taken if it is not there."""
    options = {arg.upper() for arg in args[1:]}
    if name == "SETNX" or (name == "SET" and "NX" in options):
        yield args[0]
    elif name == "HSETNX":
        yield " ".join(args[:2])
    elif name == "SADD" or (name == "ZADD" and "NX" in options):
        yield " ".join(args)


@functools.lru_cache(maxsize=1024)
def _rows(sql: str) -> tuple[tuple[str, tuple[str, ...], tuple[Tree, ...]], ...]:
    """Return the tables, columns and values of rows that a statement adds."""
    if "INSERT" not in sql.upper():
        return ()
    try:
        statements = parsed(sql)
    except NotParsed:
        return ()
    found: list[tuple[str, tuple[str, ...], tuple[Tree, ...]]] = []

    class Inserts(visitors.Visitor):
        def visit_InsertStmt(self, ancestors: object, node: ast.InsertStmt) -> None:
            columns = tuple(one.name for one in node.cols or ())
            given = node.selectStmt
            if not isinstance(given, ast.SelectStmt) or _adds_up(node):
                return
            rows = given.valuesLists or [tuple(one.val for one in given.targetList or ())]
            found.extend((node.relation.relname, columns, tuple(row)) for row in rows)

    for statement in statements:
        Inserts()(statement)
    return tuple(found)


def _adds_up(node: ast.InsertStmt) -> bool:
    """Return whether who comes second changes the row that is there, and is told nothing of it: a
    count for each day, say, refuses nobody."""
    conflict = node.onConflictClause
    return (
        conflict is not None
        and conflict.action == enums.OnConflictAction.ONCONFLICT_UPDATE
        and conflict.whereClause is None
        and not getattr(node, "returningClause", None)
        and not getattr(node, "returningList", None)
    )


_Entry = tuple[str, tuple[Tree, ...], str]
"""The index, what the entry is made of, and how that cuts the time of now."""


def _entries_of(sql: str, catalog: Catalog) -> tuple[_Entry, ...]:
    """Return the entries in unique indexes that a statement adds."""
    entries: tuple[_Entry, ...] | None = catalog.entered.get(sql)
    if entries is None:
        if len(catalog.entered) >= _MOST:
            catalog.entered.clear()
        entries = tuple((index, row, _cut_of(row)) for index, row in _entries(sql, catalog))
        catalog.entered[sql] = entries
    return entries


def _cut_of(row: Sequence[Tree]) -> str:
    cuts = [_expression_of(value).cut for value in row if isinstance(value, ast.Node)]
    return next(filter(None, cuts), "")


def _entries(sql: str, catalog: Catalog) -> Iterator[tuple[str, tuple[Tree, ...]]]:
    """Yield the entries in unique indexes that a statement adds: the index, and what each is made
    of."""
    for name, columns, row in _rows(sql):
        for table in _tables(catalog, name):
            names = columns or tuple(column.name for column in table.columns)
            values = _defaults(table) | dict(zip(names, row, strict=False))
            for index in table.unique:
                made = [values.get(column or "") for column in index.columns]
                if any(value is not None for value in made):
                    yield index.name, tuple(made)


def _defaults(table: Table) -> dict[str, Tree]:
    return {column.name: _expression(column.default) for column in table.columns if column.default}


@functools.lru_cache(maxsize=256)
def _expression(text: str) -> Tree:
    try:
        (statement,) = parsed(f"SELECT {text}")
    except (NotParsed, ValueError):
        return None
    assert isinstance(statement, ast.SelectStmt)
    return statement.targetList[0].val


def _tables(catalog: Catalog, name: str) -> list[Table]:
    return [table for table in catalog.tables.values() if table.name.split(".")[-1] == name]


def _text(value: Tree, params: Sequence[str | None]) -> str:
    """Return what a value is made of, as text: equal where the values are."""
    match value:
        case ast.ParamRef():
            number = value.number
            return (params[number - 1] if 0 < number <= len(params) else None) or ""
        case ast.A_Const():
            return str(getattr(value.val, "sval", getattr(value.val, "ival", "")))
        case ast.TypeCast():
            return _text(value.arg, params)
        case None:
            return ""
        case _:
            made = _expression_of(value)
            return f"{made.shown} {[_text(one, params) for one in made.sent]!r}"


@dataclass(frozen=True)
class _Expression:
    """An expression as it is asked for again and again: how it is shown, what is sent in it, and
    how it cuts the time of now."""

    value: ast.Node
    shown: str
    sent: tuple[ast.ParamRef, ...]
    cut: str


_MOST = 4096
_read_before: dict[int, _Expression] = {}
"""By identity, since statements are parsed once; what is kept here stays alive."""


def _expression_of(value: ast.Node) -> _Expression:
    expression = _read_before.get(id(value))
    if expression is None:
        if len(_read_before) >= _MOST:
            _read_before.clear()
        expression = _Expression(value, repr(value), tuple(_sent_in(value)), _cut(value))
        _read_before[id(value)] = expression
    return expression


def _sent_in(value: Tree) -> list[ast.ParamRef]:
    found: list[ast.ParamRef] = []

    class Sent(visitors.Visitor):
        def visit_ParamRef(self, ancestors: object, node: ast.ParamRef) -> None:
            found.append(node)

    Sent()(value)
    return found


def _cut(value: Tree) -> str:
    """Return how an expression cuts the time of now; empty if it does not."""
    found: list[str] = []
    asks: list[bool] = []

    class KeyVisitor(visitors.Visitor):
        def visit_FuncCall(self, ancestors: object, node: ast.FuncCall) -> None:
            name = strings(node.funcname)[-1]
            asks.append(name in _CLOCK)
            found.extend([name] if name in _CUTS else [])

        def visit_SQLValueFunction(self, ancestors: object, node: ast.SQLValueFunction) -> None:
            asks.append(True)
            if node.op == enums.SQLValueFunctionOp.SVFOP_CURRENT_DATE:
                found.append("current_date")

        def visit_TypeCast(self, ancestors: object, node: ast.TypeCast) -> None:
            found.extend({strings(node.typeName.names)[-1]} & _DAYS)

    if isinstance(value, ast.Node) and not isinstance(value, ast.ParamRef | ast.A_Const):
        KeyVisitor()(value)
    return found[0] if found and any(asks) else ""
