"""The settings that one session has made for itself, whoever was told of them.

A pool sets up each connection once (``SET SESSION CHARACTERISTICS``, ``SET search_path``), before
anything is held: what the connection's statements mean later depends on it.
"""

from __future__ import annotations

import re

from paidonce.harness.taps.postgres.units import Statement, Unit

_LASTS = re.compile(
    r"\s*(?:set|reset|discard)\b(?!\s+(?:local|transaction|constraints)\b)|.*\bset_config\s*\(",
    re.IGNORECASE | re.DOTALL,
)
_TAGS = frozenset({"SET", "RESET", "DISCARD ALL"})
SETS = frozenset({b"SET", b"set", b"Set", b"RES", b"res", b"DIS", b"dis"})
"""The beginnings of statements that may set something: all that is looked at where nothing is
recorded or held."""
_MOST = 64
"""Texts that are kept: a session has a few, unless it composes them of values."""


class Lasting:
    """The statements that have set anything for longer than their transaction, in order."""

    def __init__(self) -> None:
        self._made: dict[Statement, None] = {}
        self._open: list[Statement] = []

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Those of transactions that were committed."""
        return tuple(self._made)

    def sent(self, sql: str) -> None:
        """A statement passed that nobody looks at the answer of: it is taken to be carried out, and
        its transaction to be committed."""
        if _LASTS.match(sql) is not None:
            self._keep(Statement(sql))

    def answered(self, unit: Unit, status: str) -> None:
        """The server has answered a unit, with this transaction status after it."""
        tags = unit.answer.tags
        if unit.answer.error is None:
            self._open += [statement for statement in unit.statements if _sets(statement, tags)]
        if status != "I":
            return
        if self._open and "ROLLBACK" not in tags:
            for statement in self._open:
                self._keep(statement)
        self._open = []

    def _keep(self, statement: Statement) -> None:
        self._made.pop(statement, None)
        self._made[statement] = None
        if len(self._made) > _MOST:
            del self._made[next(iter(self._made))]


def _sets(statement: Statement, tags: list[str]) -> bool:
    sql = statement.sql
    if _TAGS.isdisjoint(tags) and "set_config" not in sql:  # as nearly always
        return False
    return _LASTS.match(sql) is not None
