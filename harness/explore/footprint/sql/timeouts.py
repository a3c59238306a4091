"""Times after which the server gives up by itself, as sessions have set them.

Manual, section 20.11.1 ("Statement Behavior"): a statement is given up when it has waited for one
lock for ``lock_timeout``, or has taken ``statement_timeout`` in all; a session is ended when its
transaction has been idle for ``idle_in_transaction_session_timeout`` or open for
``transaction_timeout`` (since PostgreSQL 17). 0 stands for never, a number without a unit for
milliseconds.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed
from paidonce.harness.sql_trees import ast, enums, visitors

WAITING = ("lock_timeout", "statement_timeout", "transaction_timeout")
"""Those that may run out for who waits for a lock."""
HOLDING = ("idle_in_transaction_session_timeout", "transaction_timeout")
"""Those that may run out for who holds one."""
NAMES = frozenset({*WAITING, *HOLDING})
UNKNOWN = "a time"
"""Stands for a value that cannot be told."""

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_VALUE = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z]*)\s*")
_NAMED = re.compile("|".join(sorted(NAMES)), re.IGNORECASE)
_UPDATES_SETTINGS = re.compile(r"\bupdate\s+(?:only\s+)?(?:pg_catalog\s*\.\s*)?pg_settings\b", re.I)
Settings = Mapping[str, str]
"""By name the value as it was given; what is not there was not set."""


class Timeouts(msgspec.Struct, frozen=True):
    """Those of one session: now, after a COMMIT, and after a ROLLBACK."""

    now: Settings = {}
    committed: Settings = {}
    rolled_back: Settings = {}

    def set(self, name: str, value: str | None, *, local: bool) -> Timeouts:
        """With one that is set to a value (None: to what it was in the beginning)."""
        lasting = self.committed if local else _with(self.committed, name, value)
        return Timeouts(_with(self.now, name, value), lasting, self.rolled_back)

    def reset(self, settings: Settings) -> Timeouts:
        """With ``settings`` for all of them."""
        return Timeouts(settings, settings, self.rolled_back)

    def begun(self) -> Timeouts:
        """As they are when a transaction has begun."""
        return Timeouts(self.now, self.committed, self.committed)

    def ended(self, *, commit: bool) -> Timeouts:
        """As they are when a transaction is over."""
        lasting = self.committed if commit else self.rolled_back
        return Timeouts(lasting, lasting, lasting)


def at_first(settings: Settings) -> Timeouts:
    """Those of a session that begins with ``settings``, whatever else is among them."""
    found = {name: value for name, value in settings.items() if name in NAMES}
    return Timeouts(found, found, found)


def _with(settings: Settings, name: str, value: str | None) -> Settings:
    rest = {one: had for one, had in settings.items() if one != name}
    return rest if value is None else {**rest, name: value}


def seconds(value: str) -> float | None:
    """Return the seconds that a value stands for, 0 for never; None if that cannot be told."""
    match = _VALUE.fullmatch(value.strip("'").lower())
    if match is None or (match[2] and match[2] not in _UNITS):
        return None
    return float(match[1]) * _UNITS[match[2] or "ms"]


def value_of(node: ast.VariableSetStmt) -> str | None:
    """Return the value that a SET gives to a setting; None for RESET and DEFAULT."""
    if node.kind != enums.VariableSetKind.VAR_SET_VALUE or not node.args:
        return None
    return _constant(node.args[0]) or UNKNOWN


class Called(msgspec.Struct, frozen=True):
    """One that a statement sets by calling ``set_config``; ``value`` may be the number of a
    parameter, and so may ``name``."""

    name: str | int
    value: str | int
    local: bool


def may_set(sql: str) -> bool:
    """Return whether a text calls anything, or changes anything, by which ``called`` finds some."""
    return any(_sets(sql))


def called(sql: str, params: Sequence[str | None]) -> Iterator[tuple[str, str, bool]]:
    """The name, value and whether it is for the transaction alone, of each that a text sets by
    calling ``set_config`` or, which is the same (manual, 53.25), by an UPDATE of ``pg_settings``.
    """
    updates, calls = _sets(sql)
    if updates:
        yield from ((name, UNKNOWN, False) for name in sorted(NAMES))
    if not calls:
        return
    for one in _called(sql):
        names = [one.name] if isinstance(one.name, str) else [_param(one.name, params)]
        value = one.value if isinstance(one.value, str) else _param(one.value, params)
        # What may be any setting may be any of these.
        for name in sorted(NAMES) if names == [None] else names:
            if name is not None and name.lower() in NAMES:
                yield name.lower(), UNKNOWN if value is None else value, one.local


def mentioned(text: str) -> frozenset[str]:
    """Those that a function's text speaks of."""
    return frozenset(found.lower() for found in _NAMED.findall(text))


@functools.lru_cache(maxsize=1024)
def _sets(sql: str) -> tuple[bool, bool]:
    """Return whether a text may set something by an UPDATE, and by a call."""
    return _UPDATES_SETTINGS.search(sql) is not None, "set_config" in sql.lower()


@functools.lru_cache(maxsize=1024)
def _called(sql: str) -> tuple[Called, ...]:
    found: list[Called] = []

    class Calls(visitors.Visitor):
        def visit_FuncCall(self, ancestors: object, node: ast.FuncCall) -> None:
            args: tuple[ast.Node, ...] = tuple(node.args or ())
            if node.funcname[-1].sval == "set_config" and len(args) == 3:
                local = isinstance(args[2], ast.A_Const) and bool(
                    getattr(args[2].val, "boolval", False)
                )
                found.append(Called(_argument(args[0]), _argument(args[1]), local))

    try:
        for statement in parsed(sql):
            Calls()(statement)
    except NotParsed:
        return ()
    return tuple(found)


def _argument(node: ast.Node) -> str | int:
    """A constant, or the number of a parameter; 0 for what is neither."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    if isinstance(node, ast.ParamRef):
        return int(node.number)
    constant = _constant(node)
    return 0 if constant is None else constant


def _constant(node: ast.Node) -> str | None:
    if not isinstance(node, ast.A_Const):
        return None
    value = node.val
    for field in ("sval", "ival", "fval"):
        if (found := getattr(value, field, None)) is not None:
            return str(found)
    return None


def _param(number: int, params: Sequence[str | None]) -> str | None:
    return params[number - 1] if 0 < number <= len(params) else None
