"""A unit: what crosses the tap as one, its statements, and its answer.

A unit is a simple Query, a FunctionCall, or an extended query up to its Sync or Flush
(sections 54.2.2 to 54.2.4). Everything before a Flush has to be let through for the client to get
on, so a Flush ends a unit too; the unit that follows it *continues* the same implicit
transaction, which only the Sync commits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from paidonce.harness.taps.held import Phase
from paidonce.harness.taps.postgres import labels
from paidonce.harness.taps.postgres.fields import shown


class Statement(msgspec.Struct, frozen=True):
    """One SQL text as it was run, with its parameters as text.

    ``sql`` is "" where it cannot be known (a portal or statement the tap has not seen made). A
    parameter is None where it is null (its index is then in ``nulls``) or cannot be told.
    ``sql`` may hold several statements when it came as a simple query.
    """

    sql: str
    params: tuple[str | None, ...] = ()
    nulls: tuple[int, ...] = ()
    name: str = ""
    """The name of the prepared statement, "" for the unnamed one and for simple queries."""


_SHOWN = 3
"""How many rows of an answer a history has."""


class Failure(msgspec.Struct, frozen=True):
    """An ErrorResponse: the fields of section 54.8 that judging and people need."""

    severity: str
    sqlstate: str
    message: str
    detail: str | None = None
    constraint: str | None = None


class Answer(msgspec.Struct):
    """The server's answer to a unit, growing as it comes.

    ``rows`` counts rows returned; ``sample`` has the first few as text. ``lost`` tells that the
    connection ended before the answer did. ``skipped``: after an error the server ignores
    everything up to the next Sync.
    """

    tags: list[str] = []
    error: Failure | None = None
    rows: int = 0
    columns: tuple[str, ...] = ()
    sample: list[tuple[str | None, ...]] = []
    lost: bool = False
    skipped: bool = False

    @property
    def found(self) -> bool:
        """Return whether the last statement found or changed any row, as its tag tells (``UPDATE
        1``)."""
        return self.rows > 0 or any(tag.split()[-1].strip("0").isdigit() for tag in self.tags[-1:])


class Expected(msgspec.Struct):
    """An answer that a message of the extended protocol will get.

    ``kind`` is the message's own type letter; ``undo`` puts back what the message changed in the
    session's names, should the server never carry it out.
    """

    kind: str
    undo: tuple[dict[str, Any], str, Any] | None = None
    about: Any = None

    def revert(self) -> None:
        if self.undo is not None:
            names, name, before = self.undo
            if before is None:
                names.pop(name, None)
            else:
                names[name] = before


Ending = Literal["query", "sync", "flush", "function"]
CHECKS = "SET CONSTRAINTS ALL IMMEDIATE"
"""The statement that carries out within a transaction what is put off until its end (manual, SET
CONSTRAINTS)."""
COMMIT = "commit by itself"
"""The label of the end of a statement's own transaction."""


class Unit(msgspec.Struct, eq=False):
    """One unit. It is a ``paidonce.harness.taps.gate.Call``; the gate may set ``attempt``.

    ``session`` numbers the tap's connections, ``pid`` is the server process behind it.
    ``statements`` are those that are run, ``prepared`` those that are only parsed. ``status`` is
    the transaction status before it (I idle, T in a transaction, E in a failed one), known once
    the unit is the session's next; ``status_after`` comes with its answer, and stays None where
    the answer ends without one (Flush, a lost connection). ``messages`` has the type letters of
    its extended-query messages.
    """

    seq: int
    session: int
    pid: int | None
    ends: Ending
    statements: tuple[Statement, ...]
    prepared: tuple[Statement, ...] = ()
    continues: bool = False
    status: str = "I"
    status_after: str | None = None
    phase: Phase = Phase.QUEUED
    answer: Answer = msgspec.field(default_factory=Answer)
    attempt: str | None = None
    tap: str = "postgres"
    messages: frozenset[str] = frozenset()
    raw: list[bytes] = []
    expected: deque[Expected] = msgspec.field(default_factory=deque)
    copying: bool = False
    unasked: bool = False
    """True if the tap sends it by itself: of its answer the client is told an error only."""
    in_vain: bool = False
    """True if it is a COMMIT whose checks have failed: what is sent instead ends the transaction,
    and the client has been told why."""
    refused: Failure | None = None
    """The error that the client is told in the place of its answer: it is not carried out."""
    _label: str | None = None

    def revert(self) -> None:
        """Put back what its messages changed in the session's names: no answer is expected."""
        while self.expected:
            self.expected.pop().revert()

    def ended_by(self, raw: bytes, why: Failure | None) -> None:
        """It is a COMMIT in vain, for which ``raw`` is sent, a simple query."""
        self.revert()
        self.raw[:] = [raw]
        self.ends, self.in_vain, self.refused = "query", True, why

    @property
    def lost(self) -> bool:
        """Return whether the connection ended before its answer did."""
        return self.answer.lost

    @property
    def label(self) -> str:
        """Its SQL in short, without literals; in lower-case words what is not SQL."""
        if self._label is None:
            self._label = labels.shortened(self._words())
        return self._label

    @property
    def label_when_run(self) -> str:
        """The label of the unit that runs what this one only parses; its own if it runs any."""
        if self.statements or not self.prepared:
            return self.label
        return labels.shortened(_texts(self.prepared))

    def _words(self) -> str:
        if self.ends == "function":
            return "function call"
        if self.statements:
            return _texts(self.statements)
        if self.prepared:
            return "; ".join(f"prepare {labels.normalised(s.sql)}" for s in self.prepared)
        if "E" in self.messages:
            return "empty query"
        if self.messages:
            return "describe or close"
        if self.ends == "sync" and self.continues:
            return COMMIT
        return "empty query" if self.ends == "query" else self.ends

    def as_request(self) -> dict[str, Any]:
        """The ``request`` of an effect.

        ``sql`` and ``params`` have one entry per statement run (or only prepared, if none is
        run); ``nulls`` is left out where no parameter is null.
        """
        statements = self.statements or self.prepared
        request: dict[str, Any] = {
            "session": self.session,
            "pid": self.pid,
            "status": self.status,
            "sql": [shown(statement.sql) for statement in statements],
            "params": [list(statement.params) for statement in statements],
        }
        if any(statement.nulls for statement in statements):
            request["nulls"] = [list(statement.nulls) for statement in statements]
        return request

    def as_answer(self) -> dict[str, Any] | None:
        """The ``answer`` of an effect; None when the connection was lost without any."""
        answer = self.answer
        if answer.lost and not answer.tags and answer.error is None:
            return None
        error = None
        if answer.error is not None:
            said = msgspec.to_builtins(answer.error)
            error = {key: text and shown(text) for key, text in said.items()}
        found: dict[str, Any] = {"tags": list(answer.tags), "error": error, "rows": answer.rows}
        if answer.sample:
            found["columns"] = list(answer.columns)
            found["sample"] = [list(row) for row in answer.sample[:_SHOWN]]
        if self.status_after is not None:
            found["status"] = self.status_after
        if answer.skipped:
            found["skipped"] = True
        return found


def label_of(statements: Sequence[Statement]) -> str:
    """Return the label of a step that runs these statements."""
    return f"postgres {labels.shortened(_texts(tuple(statements)))}"


def _texts(statements: tuple[Statement, ...]) -> str:
    texts = [labels.normalised(statement.sql) for statement in statements]
    return "; ".join(text or "unknown statement" for text in texts)
