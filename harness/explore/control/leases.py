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

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.control.row_leases import LONGEST_S, RowLeases

# https://redis.io/docs/latest/commands/set/ and /expire/: seconds or milliseconds, from now.
_FOR = {b"EX": 1.0, b"PX": 0.001}
_EXPIRES = {"EXPIRE": 1.0, "PEXPIRE": 0.001}
_UNTIL = frozenset({b"EXAT", b"PXAT"})
_EXPIRES_AT = frozenset({"EXPIREAT", "PEXPIREAT"})
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO"})
_IF_ABSENT = re.compile(r"setnx|['\"]nx['\"]|exists|['\"]get['\"]", re.IGNORECASE)
_FOR_A_TIME = re.compile(r"expire|['\"][ep]x['\"]|setex", re.IGNORECASE)


@dataclass
class Leases:
    """The leases that attempts were seen to take, in words."""

    found: dict[str, str] = field(default_factory=dict)
    """By label of the command or statement."""
    _claimed: set[bytes] = field(default_factory=set)
    _scripts: dict[bytes, str] = field(default_factory=dict)
    _rows: RowLeases = field(default_factory=RowLeases)

    def took(self, label: str, held: str) -> None:
        """Note that what is called ``label`` takes a key, and for how long."""
        self.found.setdefault(label, f"{label!r} takes a key {held}")

    def statement(self, label: str, sql: str, params: Sequence[str | None] = ()) -> None:
        """An attempt sends a statement as part of what is called ``label``."""
        if column := self._rows.saw(sql, params):
            why = f"{label!r} takes what is free by {column} and the clock"
            self.found.setdefault(label, why)

    def held(self, name: str, args: Sequence[bytes]) -> str:
        """Return for how long a command of an attempt's to Redis takes a key, in words; empty if it
        is no lease. ``name`` is in capitals."""
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
