"""Locks that run out by themselves: what a service sends that makes one.

A lease is given up by nobody: the one who took it may be slow, and goes on working when another has
it already. In a search time stands still for leases, so what happens after one has run out is not
tried, and a search of a service that rests on one is not complete; unless its description says that
leases hold.

Not every key with a time to live is a lease. One is where the key is taken only if it is not there
(``SET ... NX``, ``SETNX``, a script that asks for both), and where a row is taken by a condition
that compares with the clock the very column that is set by it. A time of more than ``LONGEST_S`` is
taken to outlast every request.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pglast import ast, enums, visitors

from paidonce.harness.explore.footprint.sql.trees import NotParsed, parsed

LONGEST_S = 300.0
"""Seconds: who sends a request has given up long before. Stripe's own libraries wait for 80 s
(stripe-python, _http_client.py), servers and proxies for 30 s to 60 s as they ship."""

# https://redis.io/docs/latest/commands/set/ and /expire/: seconds or milliseconds, from now.
_FOR = {b"EX": 1.0, b"PX": 0.001}
_EXPIRES = {"EXPIRE": 1.0, "PEXPIRE": 0.001}
_UNTIL = frozenset({b"EXAT", b"PXAT"})
_EXPIRES_AT = frozenset({"EXPIREAT", "PEXPIREAT"})
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO"})
_IF_ABSENT = re.compile(r"setnx|['\"]nx['\"]|exists|['\"]get['\"]", re.IGNORECASE)
_FOR_A_TIME = re.compile(r"expire|['\"][ep]x['\"]|setex", re.IGNORECASE)
_COMPARES = frozenset({"<", "<=", ">", ">="})
_CLOCK = frozenset({"now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"})
_CLOCK |= {"localtimestamp", "timeofday"}


@dataclass
class Leases:
    """The leases that attempts were seen to take, in words."""

    found: dict[str, str] = field(default_factory=dict)
    """By label of the command or statement."""
    _claimed: set[bytes] = field(default_factory=set)
    _scripts: dict[bytes, str] = field(default_factory=dict)

    def command(self, label: str, name: str, args: Sequence[bytes]) -> None:
        """An attempt sends a command to Redis; ``name`` is in capitals."""
        if held := self._held(name, args):
            self.found.setdefault(label, f"{label!r} takes a key {held}")

    def statement(self, label: str, sql: str) -> None:
        """An attempt sends a statement as part of what is called ``label``."""
        if column := leased(sql):
            why = f"{label!r} takes what is free by {column} and the clock"
            self.found.setdefault(label, why)

    def _held(self, name: str, args: Sequence[bytes]) -> str:
        """For how long the command takes a key, in words; empty if it is no lease."""
        options = [argument.upper() for argument in args[2:]]
        if name == "SET" and b"NX" in options:
            self._claimed.add(args[0])
            if _UNTIL & set(options):
                return "until a moment"
            for option, unit in _FOR.items():
                if option in options[:-1]:
                    return _seconds(options[options.index(option) + 1], unit)
        elif name in ("SETNX", "HSETNX") and args:
            self._claimed.add(args[0])
        elif name in _EXPIRES and len(args) > 1 and args[0] in self._claimed:
            return _seconds(args[1], _EXPIRES[name])
        elif name in _EXPIRES_AT and args and args[0] in self._claimed:
            return "until a moment"
        elif name == "SCRIPT" and len(args) > 1 and args[0].upper() == b"LOAD":
            self._learn(args[1])
        elif name in _SCRIPTS and args:
            if name.startswith("EVAL") and "SHA" not in name:
                self._learn(args[0])
            text = self._scripts.get(args[0].lower(), "") if "SHA" in name else _text(args[0])
            if _IF_ABSENT.search(text) and _FOR_A_TIME.search(text):
                return "for a time that its script sets"
        return ""

    def _learn(self, script: bytes) -> None:
        # Scripts are known by the SHA-1 of their text (redis.io, "Scripting with Lua").
        digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
        self._scripts[digest] = _text(script)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _seconds(value: bytes, unit: float) -> str:
    try:
        seconds = int(value) * unit
    except ValueError:
        return "for a time"
    return f"for {seconds:g} s" if seconds <= LONGEST_S else ""


@functools.lru_cache(maxsize=1024)
def leased(sql: str) -> str:
    """The column by which a statement takes a row until a time; empty if it does not."""
    try:
        statements = parsed(sql)
    except NotParsed:
        return ""
    for statement in statements:
        for update in _updates(statement):
            names = {target.name for target in update.targetList or () if _clocked(target.val)}
            for column in _compared(update.whereClause):
                if column in names:
                    return column
    return ""


def _updates(statement: ast.Node) -> Iterator[ast.UpdateStmt]:
    found: list[ast.UpdateStmt] = []

    class Updates(visitors.Visitor):  # type: ignore[misc]
        def visit_UpdateStmt(self, ancestors: object, node: ast.UpdateStmt) -> None:
            found.append(node)

    Updates()(statement)
    return iter(found)


def _compared(condition: ast.Node | None) -> list[str]:
    """Columns that a condition compares with the clock, by which is sooner."""
    found: list[str] = []
    if condition is None:
        return found

    class Comparisons(visitors.Visitor):  # type: ignore[misc]
        def visit_A_Expr(self, ancestors: object, node: ast.A_Expr) -> None:
            if node.kind != enums.A_Expr_Kind.AEXPR_OP or node.name[-1].sval not in _COMPARES:
                return
            for one, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
                if isinstance(one, ast.ColumnRef) and _clocked(other):
                    found.append(getattr(one.fields[-1], "sval", ""))

    Comparisons()(condition)
    return found


def _clocked(tree: ast.Node | None) -> bool:
    """Return whether the clock is asked in an expression."""
    if tree is None:
        return False
    asked: list[bool] = []

    class Clock(visitors.Visitor):  # type: ignore[misc]
        def visit_FuncCall(self, ancestors: object, node: ast.FuncCall) -> None:
            asked.append(node.funcname[-1].sval in _CLOCK)

        def visit_SQLValueFunction(self, ancestors: object, node: ast.SQLValueFunction) -> None:
            asked.append(True)

    Clock()(tree)
    return any(asked)
