"""Follows statements through a session: what each touches there, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.sql import timeouts
from paidonce.harness.explore.footprint.sql.calls import ADVISORY
from paidonce.harness.explore.footprint.sql.changed_columns import ChangedColumns
from paidonce.harness.explore.footprint.sql.footprints import Footprints
from paidonce.harness.explore.footprint.sql.rw_conflicts import AMONG_OTHERS, among_serializable
from paidonce.harness.explore.footprint.sql.sent import Sent
from paidonce.harness.explore.footprint.sql.session import NONE, Resources, Session
from paidonce.harness.explore.footprint.sql.statement_footprint import UNKNOWN, StatementFootprint
from paidonce.harness.explore.footprint.sql.transaction_ends import (
    ONE_SNAPSHOT,
    begin,
    discard,
    end,
    roll_back_to,
    take_snapshot,
    whole_row,
    whole_table,
)
from paidonce.harness.sql_trees import ast

_ENDINGS = frozenset({"commit", "rollback", "rollback to"})
_ALL_OF_THE_SESSION = frozenset({Resource((ADVISORY,))})
"""The footprint of ``pg_advisory_unlock_all``, with which asyncpg gives a connection back."""
_NAMELESS = _ENDINGS | {"begin", "savepoint", "release", "set", "discard", "prepare", "execute"}
"""The kinds of statements that can be read without knowing what names mean."""


class SessionSteps:
    """Takes sessions through statements, each given those before it.

    Whoever begins with another unit sets ``unchecked``, ``risked`` and ``run`` back.
    """

    def __init__(self, footprints: Footprints, changed: ChangedColumns) -> None:
        self._footprints = footprints
        self._changed = changed
        self.unchecked = False
        """True if a statement of this unit runs triggers as it commits."""
        self.risked: Resources = NONE
        """Locks held already, which a statement of this unit would let go of if it failed."""
        self.run: list[StatementFootprint] = []
        """The statements of this unit that look, lock or write."""

    @property
    def alone(self) -> str:
        """The table of which this unit changes rows, and does nothing else; else empty."""
        return self.run[0].alone if len(self.run) == 1 else ""

    def text(self, session: Session, sent: Sent) -> Footprint:
        """Follow a text of statements, each read with the path that those before it leave."""
        total, made, footprints = LOCAL, 0, self.read(session, sent)
        while made < len(footprints):
            path = session.path
            total = total.union(self._step(session, footprints[made]))
            made += 1
            if session.path != path:
                footprints = self.read(session, sent)
        self._times(session, sent, footprints)
        return total

    def _times(
        self, session: Session, sent: Sent, footprints: Sequence[StatementFootprint]
    ) -> None:
        """Follow what a text sets by calling a function."""
        if not (self._footprints.may_set_timeouts(sent.sql) or _calls(footprints)):
            return
        for name, value, local in timeouts.called(sent.sql, sent.params):
            session.set_timeout(name, value, local=local)
        functions = self._footprints.catalog.timing
        named = {name for function, names in functions if function in sent.sql for name in names}
        if _calls(footprints):
            named |= timeouts.mentioned(sent.sql)
        for name in sorted(named):
            session.set_timeout(name, timeouts.UNKNOWN, local=False)

    def read(self, session: Session, sent: Sent) -> Sequence[StatementFootprint]:
        """Return the footprints that the statements of a text have by themselves."""
        if not sent.sql:
            return (UNKNOWN,)
        path = session.path or ()
        footprints = self._footprints.of(sent.sql, sent.params, nulls=sent.nulls, path=path)
        if session.path is not None:
            return footprints
        return tuple(
            footprint
            if footprint.kind in _NAMELESS
            else msgspec.structs.replace(
                UNKNOWN, kind=footprint.kind, several=UNKNOWN.several if footprint.several else ()
            )
            for footprint in footprints
        )

    def _step(self, session: Session, statement: StatementFootprint) -> Footprint:
        node = statement.node
        if session.failed and statement.kind not in _ENDINGS:
            return LOCAL
        match statement.kind:
            case "begin":
                begin(session, node)
            case "commit" | "rollback":
                unchecked = bool(session.deferred) and not session.failed
                self.unchecked |= statement.kind == "commit" and unchecked
                return end(session, node, commit=statement.kind == "commit")
            case "savepoint":
                session.savepoints = (*session.savepoints, session.savepoint(node.savepoint_name))
            case "release":
                session.back_to(node.savepoint_name, keep=False)
            case "rollback to":
                return roll_back_to(session, node.savepoint_name)
            case "set":
                session.set(node, self._footprints.catalog)
            case "prepare":
                session.prepared[node.name] = node.query
                return take_snapshot(session) if session.inside else LOCAL
            case "discard":
                return discard(session, node)
            case "unlisten" if not session.listens:
                pass
            case "execute":
                return self._data(session, self.executed(session, node))
            case "fetch":
                # A cursor FOR UPDATE locks as it goes.
                return self._data(session, session.cursors.get(node.portalname, UNKNOWN))
            case _:
                if statement.kind == "listen":
                    session.listens = True
                if statement.kind == "declare":
                    session.cursors[node.portalname] = statement
                if statement.kind == "constraints" and not node.deferred:
                    statement = msgspec.structs.replace(
                        statement, looks=statement.looks | session.deferred
                    )
                    session.deferred = NONE if node.constraints is None else session.deferred
                return self._data(session, statement)
        return LOCAL

    def executed(self, session: Session, node: ast.ExecuteStmt) -> StatementFootprint:
        """Return the footprint of the statement that an EXECUTE runs."""
        query = session.prepared.get(node.name)
        if query is None or session.path is None:
            return msgspec.structs.replace(UNKNOWN, kind="call")
        params = self._footprints.constants(node.params or ())
        return self._footprints.of_tree(query, params, session.path)

    def parsed(self, session: Session, sent: Sent) -> Footprint:
        """Follow a statement that is parsed, and not run yet."""
        isolation = session.isolation if session.inside else session.default_isolation
        if session.failed or isolation not in ONE_SNAPSHOT:
            return LOCAL
        footprints: Sequence[StatementFootprint] = (UNKNOWN,)
        if sent.sql and session.path is not None:
            footprints = self._footprints.of(
                sent.sql, sent.params, nulls=sent.nulls, path=session.path
            )
        if not any(footprint.snapshot for footprint in footprints):
            return LOCAL
        if not session.inside:
            session.begin()
            session.implicit = True
        return take_snapshot(session)

    def _data(self, session: Session, statement: StatementFootprint) -> Footprint:
        """Follow a statement that looks, locks or writes."""
        self._changed.learn(statement.modifies)
        self.run.append(statement)
        if not session.inside:
            session.begin()
            session.implicit = True
        looks, locks, may_fail = statement.looks, statement.locks, statement.may_fail
        if session.isolation in ONE_SNAPSHOT:
            may_fail = True
            locks = frozenset(whole_row(lock) for lock in locks)
            if session.isolation == "serializable" and statement.snapshot:
                looks = frozenset(whole_table(look) for look in looks)
                locks |= among_serializable(looks, locks | statement.writes) | {AMONG_OTHERS}
            if statement.snapshot and not session.implicit:
                taken = take_snapshot(session)
                looks, locks = looks | taken.looks, locks | taken.locks
        held = session.held
        session.held |= locks
        session.written |= statement.writes | statement.at_once
        session.looked |= looks
        session.deferred |= statement.deferred
        if statement.session == _ALL_OF_THE_SESSION and session.path is not None:
            locks |= session.session_locks  # and of no other session's
            session.session_locks = NONE
        else:
            session.session_locks |= statement.session
            locks |= statement.session
        if statement.unsettles:
            session.path = None
        if statement.unsettles == "session":
            session.session_path = None
        if may_fail:
            self.risked |= held
        return Footprint(looks, locks, statement.at_once)


def _calls(footprints: Sequence[StatementFootprint]) -> bool:
    for footprint in footprints:  # noqa: SIM110 - asked of every unit, a generator takes longer
        if footprint.kind == "call":
            return True
    return False
