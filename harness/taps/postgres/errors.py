"""Errors that a Postgres answers to any statement, and how a server is brought to answer one.

A session's state is the server's: after an error its transaction has failed, or it has gone. So
the server is sent something that fails, and the client is told so in the words of the error that
is wanted. Codes are those of the manual's appendix A, messages those of the server's own source
(predicate.c and nodeModifyTable.c, deadlock.c, proc/postgres.c).
"""

from __future__ import annotations

import msgspec

from paidonce.harness import sql_trees
from paidonce.harness.sql_trees import ast
from paidonce.harness.sql_trees.enums import TransactionStmtKind
from paidonce.harness.taps.faults import ErrorAnswer, Faults, LostAnswer, NoContact
from paidonce.harness.taps.postgres import fields
from paidonce.harness.taps.postgres.frames import Frame
from paidonce.harness.taps.postgres.rewrite import simple
from paidonce.harness.taps.postgres.units import Failure, Unit

TERMINATED = "57P01"
ERRORS = {
    "40001": "could not serialize access due to concurrent update",
    "40P01": "deadlock detected",
    "55P03": "canceling statement due to lock timeout",
    "57014": "canceling statement due to statement timeout",
    TERMINATED: "terminating connection due to administrator command",
}
FAULTS = Faults(
    request=(NoContact(), *map(ErrorAnswer, ERRORS)),
    answer=(LostAnswer(), ErrorAnswer(TERMINATED)),
)
"""In an answer's place the end of the session alone: what was answered an error was not done."""

_BEFORE_THE_END = frozenset(b"EANS")
_ERROR_AND_READY = _BEFORE_THE_END | frozenset(b"Z")
_FAILS = "paidonce fault"
"""No SQL: a statement that fails before it has a name, and leaves nothing behind."""
_ENDS = "SELECT pg_terminate_backend(pg_backend_pid())"
"""After which the server itself says that it is terminated, and closes the connection."""


def error(sqlstate: str) -> Failure:
    """The error of that code."""
    severity = "FATAL" if sqlstate == TERMINATED else "ERROR"
    return Failure(severity=severity, sqlstate=sqlstate, message=ERRORS[sqlstate])


def message(failure: Failure) -> bytes:
    """ErrorResponse as the server writes it (section 54.8)."""
    parts = (
        (b"S", failure.severity),
        (b"V", failure.severity),
        (b"C", failure.sqlstate),
        (b"M", failure.message),
    )
    return fields.message(b"E", *(code + fields.string(value) for code, value in parts), b"\0")


def told(failure: Failure) -> frozenset[int]:
    """The kinds of messages that the client is told of the answer to what fails like that."""
    return _BEFORE_THE_END if failure.sqlstate == TERMINATED else _ERROR_AND_READY


def reworded(unit: Unit, frame: Frame) -> Frame:
    """The server's error to what was sent in the place of ``unit``, in the words of its own."""
    if unit.refused is None or unit.in_vain or unit.refused.sqlstate == TERMINATED:
        return frame
    return msgspec.structs.replace(frame, raw=message(unit.refused))


def refuse(unit: Unit, sqlstate: str, *, skipped: bool) -> bytes:
    """Put into the place of ``unit``, which was not sent, what is answered an error.

    A COMMIT that fails ends its transaction: what is returned is to be told the client before the
    server says so. ``skipped``: the server waits for the Sync that ends the unit.
    """
    failure = error(sqlstate)
    if sqlstate == TERMINATED:
        # In a failed transaction nothing is carried out but its end.
        ends = simple(f"ROLLBACK; {_ENDS}" if unit.status == "E" else _ENDS)
        unit.raw[:] = [fields.message(b"S") if skipped else b"", ends]
    elif unit.status == "T" and _commits(unit):
        unit.ended_by(simple("ROLLBACK"), failure)
        return message(failure)
    elif unit.ends in ("query", "function"):
        unit.raw[:] = [simple(_FAILS)]
    else:
        # After an error in the extended protocol the server skips what comes until the Sync.
        named, none = fields.string("paidonce fault"), fields.count16(0)
        end = fields.message(b"S" if unit.ends == "sync" else b"H")
        unit.raw[:] = [fields.message(b"P", named, fields.string(_FAILS), none), end]
    if unit.ends != "flush":  # a unit before a Flush that expects nothing is over
        unit.revert()
    unit.refused = failure
    return b""


def _commits(unit: Unit) -> bool:
    """Return whether a unit is the COMMIT of a transaction: one that fails ends it all the same."""
    if len(unit.statements) != 1 or unit.ends == "flush":
        return False
    try:
        parsed = sql_trees.parse_sql(unit.statements[0].sql)
    except sql_trees.ParseError:
        return False
    return (
        len(parsed) == 1
        and isinstance(parsed[0].stmt, ast.TransactionStmt)
        and parsed[0].stmt.kind == TransactionStmtKind.TRANS_STMT_COMMIT
    )
