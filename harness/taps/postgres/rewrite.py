"""A client's messages put in other words, so that a statement and its commit are two units.

A Flush has the server carry out what it was sent; the Sync behind it commits (section 54.2.3). A
simple query is committed before it is answered; the same statement as an extended query is not.
"""

from __future__ import annotations

from paidonce.harness import sql_trees
from paidonce.harness.sql_trees import ast
from paidonce.harness.taps.postgres import fields
from paidonce.harness.taps.postgres.frames import Frame
from paidonce.harness.taps.postgres.units import CHECKS

_FLUSH, _SYNC = fields.message(b"H"), fields.message(b"S")

IN_VAIN = frozenset(b"ZANS")
"""The messages that tell a client of the ROLLBACK in the place of its COMMIT: that it is over."""
UNASKED = frozenset(b"123n")
"""The answers that a client with a simple query does not get: ParseComplete, BindComplete,
CloseComplete, NoData."""
_COLUMNS, _ROW, _COMPLETE = ord("T"), ord("D"), ord("C")
_NOTICE, _ERROR = ord("N"), ord("E")


def committed_apart(sync: Frame, check: str | None = None) -> tuple[Frame, ...]:
    """A Flush, and then the Sync; before that what is put off, if it has a name to be sent by."""
    return _frames(sync, _FLUSH, *_checked(check), sync.raw)


def extended(query: Frame, sql: str, check: str | None = None) -> tuple[Frame, ...]:
    """The simple query of one statement as an extended one, committed apart.

    Parameters there are none, and results are asked for as text, as a simple query has them. A
    simple query leaves no unnamed statement behind, nor does this, unless it fails.
    """
    return _frames(
        query,
        *_run_once(sql),
        _FLUSH,
        *_checked(check),
        _SYNC,
    )


def in_transaction(query: Frame, sql: str) -> tuple[Frame, ...]:
    """The simple query of one statement as an extended one, in a transaction that goes on."""
    return _frames(
        query,
        *_run_once(sql),
        _SYNC,
    )


class AsSimple:
    """The answer to ``extended`` in the words of the answer to the simple query.

    To a simple query CommandComplete comes after the commit, after what that gives notice of, and
    not at all if it fails (``exec_simple_query`` of tcop/postgres.c). A statement that writes and
    returns rows is carried out before its columns are told, a SELECT after (``PortalStart`` and
    ``PortalRun`` of tcop/pquery.c).
    """

    def __init__(self, sql: str) -> None:
        self._late = _writes(sql)
        self._columns = self._complete = b""

    def told(self, frame: Frame) -> tuple[bytes, ...]:
        """Return what the client is told when the server says ``frame``, in order."""
        kind, raw = frame.kind, frame.raw
        if kind in UNASKED:
            return ()
        if kind == _COLUMNS and self._late:
            self._columns = raw
            return ()
        if kind == _NOTICE:
            return (raw,)
        columns, complete = self._columns, self._complete
        self._columns = self._complete = b""
        if kind == _COMPLETE:
            self._complete, raw = raw, b""
        elif kind == _ERROR:
            columns = complete = b""
        return tuple(filter(None, (columns, complete, raw)))


def can_be_extended(sql: str) -> bool:
    """Return whether a simple query is one statement without parameters: else it is answered an
    error where an extended query is not, or another one."""
    try:
        tokens = sql_trees.scan(sql) if "$" in sql else ()
        return len(sql_trees.parse_sql(sql)) == 1 and not any(
            token.name == "PARAM" for token in tokens
        )
    except sql_trees.ParseError:
        return False


def _writes(sql: str) -> bool:
    """Return whether a statement writes, itself or in a WITH."""
    (raw,) = sql_trees.parse_sql(sql)
    statement = raw.stmt
    if not isinstance(statement, ast.SelectStmt):
        return True
    within = statement.withClause.ctes if statement.withClause is not None else ()
    return any(not isinstance(one.ctequery, ast.SelectStmt) for one in within)


def simple(sql: str) -> bytes:
    """A simple query."""
    return fields.message(b"Q", fields.string(sql))


def _checked(name: str | None) -> tuple[bytes, ...]:
    """Return the messages that carry out before the commit what is put off until then. The name is
    given back, so that the client's own statements stay as they are."""
    if name is None:
        return ()
    none, called = fields.count16(0), fields.string(name)
    return (
        fields.message(b"P", called, fields.string(CHECKS), none),
        fields.message(b"B", called, called, none, none, none),
        fields.message(b"E", called, fields.int32(0)),
        fields.message(b"C", b"P", called),
        fields.message(b"C", b"S", called),
        _FLUSH,
    )


def _frames(like: Frame, *messages: bytes) -> tuple[Frame, ...]:
    return tuple(Frame(message[0], message, like.offset) for message in messages)


def _run_once(sql: str) -> tuple[bytes, ...]:
    """Return the messages that parse, bind, describe and run a statement, and leave none behind."""
    none = fields.count16(0)
    return (
        fields.message(b"P", fields.string(""), fields.string(sql), none),
        fields.message(b"B", fields.string(""), fields.string(""), none, none, none),
        fields.message(b"D", b"P", fields.string("")),
        fields.message(b"E", fields.string(""), fields.int32(0)),
        fields.message(b"C", b"S", fields.string("")),
    )
