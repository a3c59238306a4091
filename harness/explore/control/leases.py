"""Locks that run out by themselves: what a service sends that makes one.

A lease is given up by nobody: the one who took it may be slow, and goes on working when another has
it already. So a search that has seen one is made again with time that ends it (``lapsing``), at any
place. Where that is not possible a search of a service that rests on one is not complete; unless
its description says that leases hold, or has time pass that ends it (``Passing``).

Not every key with a time to live is a lease. One is where the key is taken only if it is not there
(``SET ... NX``, ``SETNX``, a script that asks for both), and where a row is taken by a condition
that compares with the clock the very column that is set by it. A time of more than ``LONGEST_S`` is
taken to outlast every request.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from paidonce.harness.explore.control.clock_values import sends_a_time
from paidonce.harness.explore.control.row_leases import RowLeases, columns_set, times_set
from paidonce.harness.explore.control.run_outs import (
    EXPIRES_AT,
    LASTS,
    UNTIL,
    compared,
    lives_for,
    tokens,
)
from paidonce.harness.explore.control.time_expressions import LONGEST_S
from paidonce.harness.explore.control.timed_statements import reading
from paidonce.harness.results.words import quoted
from paidonce.harness.service.passing import Passing

# https://redis.io/docs/latest/commands/set/ and /expire/: seconds or milliseconds, from now.
_EXPIRES = {"EXPIRE": 1.0, "PEXPIRE": 0.001}
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO"})
_IF_ABSENT = re.compile(r"setnx|['\"]nx['\"]|exists|['\"]get['\"]", re.IGNORECASE)
_FOR_A_TIME = re.compile(r"expire|['\"][ep]x['\"]|setex", re.IGNORECASE)


@dataclass(frozen=True)
class Held:
    """For how long a key is taken: in ``words``, and in seconds where that is told."""

    words: str
    seconds: float | None = None


@dataclass(frozen=True)
class Lease:
    """A lease: what takes it, in ``words``, and where it is kept.

    ``seconds`` are those for which a key in Redis is taken, as far as that is told; ``row`` is the
    table and the column that says until when a row is; no table where that is not known.
    """

    words: str
    seconds: float | None = None
    row: tuple[str, str] | None = None
    endless: bool = False
    """True if nothing that can be done from outside ends it: it is in the service's own hands."""
    sure: bool = True
    """False if all that is known is that it runs out, and not that anybody goes by it."""

    def ended_by(self, passing: Passing) -> bool:
        """Return whether it is over, whenever it was taken, once this has passed."""
        if self.endless:
            return False
        if self.row is not None:
            table, column = self.row
            put_back = {each for statement in passing.sql for each in columns_set(statement)}
            return any(column == one and table in ("", of) for of, one in put_back)
        # Of one that is not told all that is known is that it is short enough to be a lease.
        return passing.seconds >= (LONGEST_S if self.seconds is None else self.seconds)


@dataclass
class Leases:
    """The leases that attempts were seen to take."""

    found: dict[str, Lease] = field(default_factory=dict)
    """By label of the command or statement."""
    wanted: bool = True
    """False where nothing is to be let run out, so that what may run out need not be known."""
    possible: dict[str, Lease] = field(default_factory=dict)
    """Times that run out besides, whether anybody goes by them or not."""
    texts: set[str] = field(default_factory=set)
    """The statements, as they were sent."""
    stayed: set[str] = field(default_factory=set)
    """Columns whose times stayed what they were when all leases were to be over."""
    tokens: set[str] = field(default_factory=set)
    """Columns by whose very times rows are known."""
    searches: set[str] = field(default_factory=set)
    """Calls that search at Stripe, by label: the index they go by may lag."""
    _times: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    """By table and statement that changes its rows, the columns that are set to a time."""
    _read: dict[str, int] = field(default_factory=dict)
    """By statement that was read, how much was known of rows by then."""
    _longest: float = 0.0
    _claimed: set[bytes] = field(default_factory=set)
    _scripts: dict[bytes, str] = field(default_factory=dict)
    _rows: RowLeases = field(default_factory=RowLeases)

    def learn(self, others: Leases) -> None:
        """Add what is known of another lane's executions."""
        self.found.update(others.found)
        self.possible.update(others.possible)
        self.texts |= others.texts
        self.stayed |= others.stayed
        self.tokens |= others.tokens
        self.searches |= others.searches
        for table, statements in others._times.items():
            known = self._times.setdefault(table, {})
            for text, columns in statements.items():
                known[text] = known.get(text, frozenset()) | columns

    def took(self, label: str, held: Held) -> None:
        """Note that what is called ``label`` takes a key, and for how long."""
        longest = self.found.get(label)
        if longest is None or (held.seconds or LONGEST_S) > (longest.seconds or LONGEST_S):
            words = (
                f"{quoted(label)} takes a key {held.words}" if longest is None else longest.words
            )
            self.found[label] = Lease(words, held.seconds)

    def read(self, kind: str, column: str) -> None:
        """Note that the answer to what is called ``kind`` has a time ahead in ``column``, by which
        attempts go on."""
        words = f"{quoted(kind)} is told until when, in {column}, and that decides"
        self.found.setdefault(kind, Lease(words, row=("", column)))

    def looked(self, kind: str, column: str, of_rows: bool) -> None:
        """Note that attempts go on by what ``kind`` finds of the last minutes, by ``column``."""
        words = (
            f"{quoted(kind)} finds what is of the last minutes only, by {column}, and that decides"
        )
        row = ("", column) if of_rows else None
        self.found.setdefault(_within(kind), Lease(words, row=row, endless=not of_rows))

    def stands_without(self, kind: str) -> None:
        """Note that what ``kind`` finds of the last minutes does not decide after all."""
        self.found.pop(_within(kind), None)

    def statement(self, label: str, sql: str, params: Sequence[str | None] = ()) -> None:
        """An attempt sends a statement as part of what is called ``label``."""
        timed, known = sends_a_time(params), self._rows.known
        if not timed and self._read.get(sql) == known:
            return  # it says what it said before
        self._read[sql] = known
        if self.wanted:
            self._may_run_out(label, sql, params)
        if (timed or known or reading(sql).speaks) and (row := self._rows.saw(sql, params)):
            why = f"{quoted(label)} takes what is free by {row[1]} and the clock"
            self.found.setdefault(label, Lease(why, row=row))

    def _may_run_out(self, label: str, sql: str, params: Sequence[str | None]) -> None:
        """Note what a statement compares with the time, and where it leaves one."""
        self.texts.add(sql)
        self.tokens |= tokens(sql, params)
        for table, columns in times_set(sql, params, time.time()):
            known = self._times.setdefault(table, {})
            known[sql] = known.get(sql, frozenset()) | columns
        for table, column in compared(sql, params):
            why = f"{quoted(label)} compares {column} with the time"
            lease = Lease(why, row=(table, column), sure=False)
            self.possible.setdefault(f"{table} {column}", lease)

    def times_set(self) -> frozenset[Lease]:
        """Return the columns in which attempts leave a time, which others may read and compare with
        their own clock; not those that every one of several statements sets: they only say when a
        row was changed last."""
        leases: set[Lease] = set()
        for table, statements in self._times.items():
            each = list(statements.values())
            kept = frozenset.intersection(*each) if len(each) > 1 else frozenset[str]()
            for column in frozenset().union(*each) - kept:
                why = f"{column} of {table} is set to a time"
                leases.add(Lease(why, row=(table, column), sure=False))
        return frozenset(leases)

    def held(self, name: str, args: Sequence[bytes]) -> Held | None:
        """Return for how long a command of an attempt's to Redis takes a key; None if it is no
        lease. ``name`` is in capitals."""
        seconds = lives_for(name, args)
        if seconds is not None and seconds > self._longest:
            self._longest = seconds
            why = f"a key lives for {seconds:g} s"
            self.possible["keys"] = Lease(why, seconds, sure=False)
        options = [argument.upper() for argument in args[2:]]
        if name == "SET" and b"NX" in options:
            self._claimed.add(args[0])
            if UNTIL & set(options):
                return Held("until a moment")
            for option, unit in LASTS.items():
                if option in options[:-1]:
                    return _seconds(options[options.index(option) + 1], unit)
        elif name in ("SETNX", "HSETNX") and args:
            self._claimed.add(args[0])
        elif name in _EXPIRES and len(args) > 1 and args[0] in self._claimed:
            return _seconds(args[1], _EXPIRES[name])
        elif name in EXPIRES_AT and args and args[0] in self._claimed:
            return Held("until a moment")
        elif name == "SCRIPT" and len(args) > 1 and args[0].upper() == b"LOAD":
            self._learn(args[1])
        elif name in _SCRIPTS and args:
            if name.startswith("EVAL") and "SHA" not in name:
                self._learn(args[0])
            text = self._scripts.get(args[0].lower(), "") if "SHA" in name else _text(args[0])
            if _IF_ABSENT.search(text) and _FOR_A_TIME.search(text):
                return Held("for a time that its script sets")
        return None

    def _learn(self, script: bytes) -> None:
        # Scripts are known by the SHA-1 of their text (redis.io, "Scripting with Lua").
        digest = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
        self._scripts[digest] = _text(script)


def _within(kind: str) -> str:
    return f"{kind} within"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _seconds(value: bytes, unit: float) -> Held | None:
    try:
        seconds = int(value) * unit
    except ValueError:
        return Held("for a time")
    return Held(f"for {seconds:g} s", seconds) if seconds <= LONGEST_S else None
