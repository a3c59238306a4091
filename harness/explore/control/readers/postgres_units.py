"""One unit of Postgres's protocol by itself: what it says, begins and ends, how it can fail."""

from __future__ import annotations

import functools
import re

from paidonce.harness.explore.control.failures import Place, Possible, of_tap
from paidonce.harness.explore.naming.answer_digest import NOTHING, AnswerDigest, heard_rows
from paidonce.harness.explore.naming.names import Names
from paidonce.harness.taps.faults import AtTap, ErrorAnswer
from paidonce.harness.taps.postgres import Statement, Unit
from paidonce.harness.taps.postgres.errors import FAULTS
from paidonce.harness.taps.postgres.units import COMMIT

_QUOTED = re.compile(r'"[^"]*"')
_ENDS = ("COMMIT", "END", "ROLLBACK", "ABORT")
_SAY_NOTHING = frozenset({"begin", "commit", "rollback", "end", "abort", "start transaction"})
_NO_ROWS = frozenset({"UPDATE 0", "DELETE 0", "INSERT 0 0", "SELECT 0"})
# https://www.postgresql.org/docs/current/errcodes-appendix.html: what NOWAIT is answered.
_NOT_AVAILABLE = "55P03"


@functools.lru_cache(maxsize=256)
def possible_faults(usual: frozenset[AtTap], apart: bool, flush: bool) -> tuple[Possible, ...]:
    """Return the faults that a unit can have.

    It may be committed ``apart``, or end with a ``flush``.

    Every step of every execution is asked about, and there are few kinds of them.
    """
    faults: list[Possible] = []
    for possible in of_tap(FAULTS, usual):
        if apart and possible.place is Place.REQUEST:
            faults.append(Possible(possible.fault, Place.COMMIT, usual=possible.usual))
        elif possible.place is Place.REQUEST or not flush:
            # Once it is answered, the end of the session and a lost answer are the same.
            usual_there = possible.usual and not (
                possible.place is Place.ANSWER and isinstance(possible.fault, ErrorAnswer)
            )
            faults.append(Possible(possible.fault, possible.place, usual=usual_there))
    return tuple(faults)


def heard(call: Unit, names: Names) -> AnswerDigest:
    """Return the answer to a unit, with its rows as text.

    That a statement was parsed for good is no answer: whether it is depends on the connection.
    """
    answer = call.answer
    if parses_once(call) and answer.error is None and not answer.lost:
        return NOTHING
    head = [*answer.tags, str(answer.rows), "" if answer.error is None else answer.error.sqlstate]
    whole = not answer.lost and answer.rows <= len(answer.sample)
    ordered = any(_ordered(statement.sql) for statement in call.statements)
    return heard_rows(head, answer.columns, answer.sample, names, whole=whole, ordered=ordered)


@functools.lru_cache(maxsize=1024)
def quoted_names(sql: str) -> str:
    """Return the quoted names in a query: an ORM makes them of hashes of what it joins."""
    return " ".join(_QUOTED.findall(sql)) if sql[:7].upper() == "SELECT " else ""


@functools.lru_cache(maxsize=1024)
def says_nothing(sql: str) -> bool:
    """Return whether a text only begins or ends a transaction: half of what is sent does."""
    return sql.lower() in _SAY_NOTHING


@functools.lru_cache(maxsize=1024)
def is_end(sql: str) -> bool:
    return sql.upper().startswith(_ENDS)


def refused(call: Unit) -> bool:
    """Tell whether a unit asked for something and did not get it."""
    if len(call.statements) != 1:
        return False
    if call.answer.error is not None:
        return call.answer.error.sqlstate == _NOT_AVAILABLE
    # https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
    if "pg_try_advisory" in call.statements[0].sql.lower():
        return bool(call.answer.sample) and all(row == ("f",) for row in call.answer.sample)
    return bool(call.answer.tags) and _NO_ROWS.issuperset(call.answer.tags)


def commits_by_itself(call: Unit) -> bool:
    """Tell whether a unit is the end of a statement's own transaction, which came before it."""
    return call.ends == "sync" and call.continues and call.label == COMMIT


def parses_once(call: Unit) -> bool:
    """Tell whether a unit parses for good, under a name.

    Drivers do so the first time, or the fifth time, that a connection meets a statement, so that it
    depends on the past of that connection whether there is such a unit at all.
    """
    return (
        bool(call.prepared)
        and not call.statements
        and all(statement.name for statement in call.prepared)
    )


def creates(call: Unit) -> bool:
    """Tell whether what the unit is answered did not exist before."""
    return all(map(_inserts, call.statements))


def _inserts(statement: Statement) -> bool:
    return _text_inserts(statement.sql)


@functools.lru_cache(maxsize=1024)
def _text_inserts(sql: str) -> bool:
    words = sql.upper()
    return words.lstrip().startswith("INSERT") and "ON CONFLICT" not in words


@functools.lru_cache(maxsize=1024)
def _ordered(sql: str) -> bool:
    return "ORDER BY" in sql.upper()
