"""Times that may run out: columns that are compared with the clock, keys that have an expiry.

Less is known of these than of a lease: whether anybody goes by them. A search in which their time
is over tells, so no more has to be known.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Sequence

from paidonce.harness.explore.control.clock_values import moments_in
from paidonce.harness.explore.control.time_expressions import LONGEST_S
from paidonce.harness.explore.control.time_windows import LONGEST_WINDOW_S
from paidonce.harness.explore.control.timed_statements import reading

_WORD = re.compile(r"[a-z_][a-z0-9_$]*", re.IGNORECASE)
# https://redis.io/docs/latest/commands/: what gives a key a time to live, in (milli)seconds.
_LIVES_FOR = {"EXPIRE": 1.0, "PEXPIRE": 0.001, "SETEX": 1.0, "PSETEX": 0.001}
LASTS = {b"EX": 1.0, b"PX": 0.001}
_WITH_OPTIONS = frozenset({"SET", "GETEX"})
EXPIRES_AT = frozenset({"EXPIREAT", "PEXPIREAT"})
UNTIL = frozenset({b"EXAT", b"PXAT"})
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "FCALL"})
_IN_SCRIPT = re.compile(rb"expire|['\"][ep]x['\"]|setex", re.IGNORECASE)


def compared(sql: str, params: Sequence[str | None] = ()) -> frozenset[tuple[str, str]]:
    """Return the columns that a statement compares or reckons with the time, each with every table
    of the statement: which of them has the column is not known here."""
    now = time.time()
    text = reading(sql)
    return frozenset(
        (table, column)
        for expression, columns in text.expressions
        if expression.clocked(params, now)
        for column in columns
        for table in text.tables
    )


def tokens(sql: str, params: Sequence[str | None] = ()) -> frozenset[str]:
    """Return the columns that a statement compares for equality with a time of about now that was
    sent: by that very time a row is known, and it stays what it is while time passes."""
    now = time.time()
    found = set()
    for column, value in reading(sql).equalities:
        sent = params[value - 1] if isinstance(value, int) and value <= len(params) else value
        text = sent if isinstance(sent, str) else ""
        if any(abs(moment - now) <= LONGEST_WINDOW_S for moment in moments_in(text)):
            found.add(column)
    return frozenset(found)


@functools.lru_cache(maxsize=1024)
def words(sql: str) -> frozenset[str]:
    """The words of a statement, among them the names of all that it calls and speaks of."""
    return frozenset(word.lower() for word in _WORD.findall(sql))


def lives_for(name: str, args: Sequence[bytes]) -> float | None:
    """Return for how many seconds a command gives a key to live, for ``LONGEST_S`` where that is
    not told; None if it gives none, or a longer time. ``name`` is in capitals."""
    options = [argument.upper() for argument in args]
    seconds = None
    if name in _LIVES_FOR and len(args) > 1:
        seconds = _number(args[1], _LIVES_FOR[name])
    elif name in EXPIRES_AT or (name in _WITH_OPTIONS and UNTIL & set(options)):
        seconds = LONGEST_S
    elif name in _WITH_OPTIONS:
        at = next((n for n, option in enumerate(options[:-1]) if n and option in LASTS), None)
        seconds = None if at is None else _number(args[at + 1], LASTS[options[at]])
    elif name in _SCRIPTS and args and (name == "FCALL" or _IN_SCRIPT.search(args[0])):
        seconds = LONGEST_S
    return seconds if seconds is not None and seconds <= LONGEST_S else None


def _number(value: bytes, unit: float) -> float:
    try:
        return int(value) * unit
    except ValueError:
        return LONGEST_S
