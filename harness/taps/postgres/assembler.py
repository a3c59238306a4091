"""Gathering a client's messages into units, with names resolved: what SQL a Bind stands for.

Names take effect when they are sent, as a client that pipelines relies on; where the server
later turns out not to have carried a message out, the session puts the name back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest

from paidonce.harness.taps.postgres import frontend
from paidonce.harness.taps.postgres.backend import Column
from paidonce.harness.taps.postgres.frames import Frame
from paidonce.harness.taps.postgres.units import Ending, Expected, Statement, Unit
from paidonce.harness.taps.postgres.values import as_text, formats_of

_UNIT_ENDS: dict[int, Ending] = {
    ord("Q"): "query",
    ord("F"): "function",
    ord("S"): "sync",
    ord("H"): "flush",
}


@dataclass
class Prepared:
    """A prepared statement: its text, and types and columns as far as they were described."""

    sql: str
    name: str
    types: tuple[int, ...] = ()
    columns: tuple[Column, ...] | None = None


@dataclass
class Portal:
    """A bound statement. ``results`` are the format codes asked for."""

    statement: Statement
    prepared: Prepared | None
    results: tuple[int, ...] = ()

    @property
    def empty(self) -> bool:
        """Return whether it is known to say nothing: what drivers and pools send for a ping."""
        return self.prepared is not None and not self.prepared.sql.strip()


@dataclass
class Gathering:
    """The unit that is being sent, and every name the session has given."""

    statements: dict[str, Prepared] = field(default_factory=dict)
    portals: dict[str, Portal] = field(default_factory=dict)
    _raw: list[bytes] = field(default_factory=list)
    _run: list[Portal] = field(default_factory=list)
    _parsed: list[Prepared] = field(default_factory=list)
    _expected: deque[Expected] = field(default_factory=deque)
    _continues: bool = False

    @property
    def empty(self) -> bool:
        """Return whether no message of an unfinished unit is waiting for its end."""
        return not self._raw

    @property
    def at_rest(self) -> bool:
        """Return whether in addition no implicit transaction is open behind a Flush."""
        return not self._raw and not self._continues

    @property
    def ran(self) -> tuple[Statement, ...]:
        """The statements that the unfinished unit will run."""
        return tuple([portal.statement for portal in self._run if not portal.empty])

    def add(
        self, frame: Frame, next_seq: Callable[[], int], *, session: int, pid: int | None
    ) -> Unit | None:
        """Take one message; returns the unit that it ends, if it ends one.

        ``next_seq`` numbers units. Raises ``ProtocolError``.
        """
        self._raw.append(frame.raw)
        message, ends = frontend.decode(frame), _UNIT_ENDS.get(frame.kind)
        if ends != "sync":
            self._understand(message)
        if ends is None:
            return None
        ran = {id(portal.prepared) for portal in self._run}
        unit = Unit(
            seq=next_seq(),
            session=session,
            pid=pid,
            ends=ends,
            statements=self.ran,
            prepared=tuple(
                [Statement(one.sql, name=one.name) for one in self._parsed if id(one) not in ran]
            ),
            continues=self._continues,
            raw=self._raw,
            expected=self._expected,
            messages=frozenset([expected.kind for expected in self._expected]),
        )
        self._raw, self._run, self._parsed = [], [], []
        self._expected = deque()
        self._continues = ends == "flush"
        return unit

    def _understand(self, message: frontend.FrontendMessage) -> None:
        match message:
            case frontend.Query(sql):
                self._run.append(Portal(Statement(sql), Prepared(sql, "")))
            case frontend.Parse(name, sql, types):
                new = Prepared(sql, name, types)
                undo = (self.statements, name, self.statements.get(name))
                self.statements[name] = new
                self._parsed.append(new)
                self._expected.append(Expected("P", undo, new))
            case frontend.Bind(portal):
                undo_portal = (self.portals, portal, self.portals.get(portal))
                self.portals[portal] = self._bound(message)
                self._expected.append(Expected("B", undo_portal))
            case frontend.Describe(subject, name):
                self._expected.append(Expected("D", None, self._described(subject, name)))
            case frontend.Execute(name):
                run = self.portals.get(name) or Portal(Statement(""), None)
                self._run.append(run)
                self._expected.append(Expected("E", None, run))
            case frontend.Close(subject, name):
                if subject == "S":
                    gone = (self.statements, name, self.statements.pop(name, None))
                    self._expected.append(Expected("C", gone))
                else:
                    shut = (self.portals, name, self.portals.pop(name, None))
                    self._expected.append(Expected("C", shut))
            case _:
                pass

    def _bound(self, bind: frontend.Bind) -> Portal:
        prepared = self.statements.get(bind.statement)
        values, types = bind.values, () if prepared is None else prepared.types
        told = zip_longest(types[: len(values)], formats_of(bind.formats, len(values)), values)
        params = tuple([as_text(value, form, type_ or 0) for type_, form, value in told])
        nulls = tuple([n for n, value in enumerate(values) if value is None])
        sql = "" if prepared is None else prepared.sql
        return Portal(Statement(sql, params, nulls, bind.statement), prepared, bind.results)

    def _described(self, subject: frontend.Subject, name: str) -> Prepared | None:
        if subject == "S":
            return self.statements.get(name)
        portal = self.portals.get(name)
        return None if portal is None else portal.prepared
