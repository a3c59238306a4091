"""Splits what commits by itself: carried out in one step and committed, or checked, in another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paidonce.harness.explore.control.sql_sessions import SqlSessions, session_name
from paidonce.harness.explore.control.watched import NOTHING_WATCHED, Watched
from paidonce.harness.taps.postgres import Statement
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.units import label_of


@dataclass(frozen=True)
class Splitting:
    """Says so for the sessions of one execution.

    ``apart`` are labels of statements that are committed in a step of their own whatever their text
    tells, as they are ``called`` in every execution; ``all_of_them`` if every statement is that
    could be. So are those that change what is ``watched``.
    """

    sessions: SqlSessions
    called: Callable[[str], str]
    apart: frozenset[str] = frozenset()
    all_of_them: bool = False
    watched: Watched = NOTHING_WATCHED

    def commits_apart(self, session: Session, statements: Sequence[Statement]) -> bool:
        """Tell whether statements are carried out in one step and committed in another."""
        name = session_name(session.id)
        if self.sessions.apart(name, statements):
            return True
        if not (self.all_of_them or self.apart or self.watched.tables):
            return False
        footprints = self.sessions.found(name, statements)
        if not self.sessions.could_be_apart(name, footprints):
            return False
        if self.watched.tables and self.watched.written_by(footprints):
            return True
        return self.all_of_them or self.called(label_of(statements)) in self.apart

    def checks_first(self, session: Session, statements: Sequence[Statement]) -> bool:
        """Tell whether what is put off until the commit is carried out in a step before it."""
        return self.sessions.checks(session_name(session.id), statements)
