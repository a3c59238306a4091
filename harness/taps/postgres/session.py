"""One session as the tap sees it: state that follows both directions of a connection.

Pure: frames go in, and what comes out says what they mean. Answers are matched to messages as
section 54.2.3 has it: every message of the extended protocol gets exactly one answer that ends
its own; after an error nothing is answered until the Sync, which ReadyForQuery answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from paidonce.harness.taps.held import Phase
from paidonce.harness.taps.postgres import backend, errors, frontend
from paidonce.harness.taps.postgres import rewrite as rewritten
from paidonce.harness.taps.postgres.assembler import Gathering, Portal, Prepared
from paidonce.harness.taps.postgres.frames import Frame
from paidonce.harness.taps.postgres.lasting import Lasting
from paidonce.harness.taps.postgres.units import CHECKS, Failure, Statement, Unit
from paidonce.harness.taps.postgres.values import as_text, format_of

_COPY_FRAMES = frozenset(b"dcf")
_TERMINATE = ord("X")
_SYNC = ord("S")
_FLUSH = ord("H")
_ENDS_ONE = frozenset(b"123TnCsI")
_ASYNCHRONOUS = frozenset(b"SN")
_SAYS_NO_MORE = frozenset(b"123nIs")
"""Messages of the server's that end the answer to one of the client's and say nothing else."""
_NOTIFICATION = ord("A")
_PARAMETER_STATUS = ord("S")
_OF_A_UNIT = frozenset(b"PBDECQF")
_TOLD_ANYWAY = frozenset(b"EANS")
_NOTICE = frozenset(b"N")
_ERROR = ord("E")


class MessageMeaning(NamedTuple):
    """The meaning of a message of the server's.

    ``at_once``: it is no part of an answer, and may overtake one that is held. ``flush``: the
    client has to see the answer so far to get on. ``done``: units that are answered now.
    ``absorbed``: a unit that turned out to be part of the one in flight, and is to be sent now.
    """

    at_once: bool = False
    flush: bool = False
    done: tuple[Unit, ...] = ()
    absorbed: Unit | None = None


_PART = MessageMeaning()
_AT_ONCE = MessageMeaning(at_once=True)


class Session:
    """State of one connection. ``id`` numbers a tap's connections from 1.

    ``status`` is the transaction status (I idle, T in a transaction, E in a failed one), ""
    before the first ReadyForQuery. ``pid`` and ``key`` come from BackendKeyData. ``units`` are
    those not answered, in order, ``answering`` is one whose answer is being held. Nothing is
    kept of units that pass while the tap neither records nor holds. ``tap`` is the tap's name.
    """

    def __init__(
        self, id: int, next_seq: Callable[[], int], *, sample: int = 0, tap: str = "postgres"
    ) -> None:
        self.id = id
        self._tap = tap
        self.pid: int | None = None
        self.key = b""
        self.version: tuple[int, int] = (3, 0)
        self.startup: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.lasting = Lasting()
        self.status = ""
        self.units: deque[Unit] = deque()
        self.answering: Unit | None = None
        self._gathering = Gathering()
        self._next_seq = next_seq
        self._sample = sample
        self._skipping = False
        self._rows: tuple[backend.Column, ...] | None = None
        self._why_in_vain: Failure | None = None
        self._early: list[tuple[int, backend.BackendMessage]] = []
        """The messages of the server about a unit whose end was not here yet."""

    @property
    def started(self) -> bool:
        """Return whether the server has said that it is ready for queries."""
        return self.status != ""

    @property
    def in_flight(self) -> Unit | None:
        """The unit whose answer is held, or else the next to be answered, or None."""
        if self.answering is not None:
            return self.answering
        return self.units[0] if self.units else None

    @property
    def at_rest(self) -> bool:
        """Return whether nothing is unanswered and no unit is half sent."""
        return not self.units and self.answering is None and self._gathering.at_rest

    @property
    def answered(self) -> bool:
        """Return whether the same holds but for a Sync that is to come: a client that prepares a
        statement, is told of it at a Flush, and then runs it, has an answer to all it has sent."""
        return not self.units and self.answering is None and self._gathering.empty

    @property
    def gathered(self) -> tuple[Statement, ...]:
        """The statements that the unit being sent will run."""
        return self._gathering.ran

    def hides(self, frame: Frame) -> bool:
        """Return whether the client is not told what the server says next, since it did not send
        that."""
        if not self.units or self.units[0].phase is not Phase.SENT:
            return False
        unit = self.units[0]
        if unit.unasked:
            # Outside of a block, it is warned that the statement makes no sense there.
            told = _TOLD_ANYWAY if unit.ends == "query" else _TOLD_ANYWAY - _NOTICE
            return frame.kind not in told
        if unit.in_vain:
            return frame.kind not in rewritten.IN_VAIN
        return unit.refused is not None and frame.kind not in errors.told(unit.refused)

    @property
    def statements(self) -> dict[str, Prepared]:
        """Prepared statements by name."""
        return self._gathering.statements

    # --- what the client sends -------------------------------------------------------

    def begin(self, message: frontend.StartupMessage) -> None:
        """The client's startup message."""
        self.version = message.version
        self.startup = dict(message.parameters)

    def sent(self, frame: Frame) -> Unit | None:
        """One message of the client's, after startup.

        Returns the unit it completes; the caller forwards that and calls ``forwarded``. Where
        ``carries`` says so the message is none of a unit's and is just to be passed on.
        Raises ``ProtocolError``.
        """
        unit = self._gathering.add(frame, self._next_seq, session=self.id, pid=self.pid)
        if unit is not None:
            unit.tap = self._tap
            self.units.append(unit)
            if self.units[0] is unit:
                unit.status = self.status
        return unit

    def checking(self, raw: bytes) -> Unit:
        """A unit of the tap's own, before the one that is being sent: ``CHECKS``."""
        unit = Unit(
            seq=self._next_seq(),
            session=self.id,
            pid=self.pid,
            ends="query",
            statements=(Statement(CHECKS),),
            status=self.status,
            unasked=True,
            raw=[raw],
            tap=self._tap,
        )
        self.units.append(unit)
        return unit

    def commit_in_vain(self, raw: bytes) -> None:
        """The checks before a COMMIT have failed, of which the client is told: its transaction is
        to be ended by ``raw``, and nothing more to be said of that."""
        unit = self.units[0]
        unit.ended_by(raw, self._why_in_vain)

    def refuse(self, unit: Unit, sqlstate: str) -> bytes:
        """Put into the place of ``unit``, which was not sent, what is answered an error.

        Returns what the client is to be told before the server answers.
        """
        return errors.refuse(unit, sqlstate, skipped=self._skipping and unit.ends == "sync")

    def reworded(self, frame: Frame) -> Frame:
        """The message of the server's as the client is told it, who knows what it had sent."""
        unit = self.units[0] if self.units else None
        if frame.kind != _ERROR or unit is None or unit.phase is not Phase.SENT:
            return frame
        return errors.reworded(unit, frame)

    def carries(self, frame: Frame) -> bool:
        """Return whether a message belongs to no unit.

        COPY data, Terminate, a Flush of nothing, the Sync behind COPY data.
        """
        kind = frame.kind
        if kind in _OF_A_UNIT:
            return False
        if kind in _COPY_FRAMES or kind == _TERMINATE:
            return True
        if kind == _FLUSH:
            return self._gathering.empty
        if kind == _SYNC:
            for unit in self.units:
                if unit.copying:
                    return True
        return False

    def forwarded(self, unit: Unit) -> tuple[Unit, ...]:
        """``unit`` was given to the server. Returns the units that need no answer any more."""
        unit.phase = Phase.SENT
        done: tuple[Unit, ...] = ()
        if self._early and self.units[0] is unit:
            early, self._early = self._early, []
            for kind, message in early:
                if unit in done:
                    break
                done += self._part(unit, kind, message).done
        return (*done, *self._settled())

    # --- what the server sends -------------------------------------------------------

    def received(self, frame: Frame) -> MessageMeaning:
        """One message of the server's. Raises ``ProtocolError``."""
        if frame.kind == _NOTIFICATION:
            return _AT_ONCE
        message = backend.decode(frame)
        if frame.kind == _PARAMETER_STATUS and isinstance(message, backend.ParameterStatus):
            self.parameters[message.name] = message.value
        unit = self.units[0] if self.units and self.units[0].phase is Phase.SENT else None
        if unit is None:
            return self._out_of_turn(frame.kind, message)
        return self._part(unit, frame.kind, message)

    def lost(self) -> tuple[Unit, ...]:
        """The server has closed the connection. Returns the units that are never answered."""
        gone = tuple(self.units)
        for unit in gone:
            unit.answer.lost = True
            self._finish(unit)
        return gone

    def _out_of_turn(self, kind: int, message: backend.BackendMessage) -> MessageMeaning:
        match message:
            case backend.BackendKeyData(pid, key):
                self.pid, self.key = pid, key
            case backend.NegotiateProtocolVersion(version):
                self.version = min(self.version, version)
            case backend.ReadyForQuery(status):
                self.status = status
            case _ if not self._gathering.empty:
                # Where nothing is held the server has the first messages of a unit before the tap
                # has the last: an error, or many rows, do not wait for the Sync.
                self._early.append((kind, message))
            case _:
                pass
        return _AT_ONCE

    def _part(self, unit: Unit, kind: int, message: backend.BackendMessage) -> MessageMeaning:
        if kind in _SAYS_NO_MORE:
            return self._ended_one(unit)
        answer = unit.answer
        match message:
            case backend.DataRow(values):
                answer.rows += 1
                if len(answer.sample) < self._sample:
                    answer.sample.append(self._shown(unit, values))
                return _PART
            case backend.ReadyForQuery(status):
                return self._ready(unit, status)
            case backend.ErrorResponse(fields):
                return self._failed(unit, dict(fields))
            case backend.RowDescription(columns):
                self._rows = columns
                answer.columns = tuple(column.name for column in columns)
                if unit.expected and isinstance(unit.expected[0].about, Prepared):
                    unit.expected[0].about.columns = columns
            case backend.CommandComplete(tag):
                answer.tags.append(tag)
                self.forget(tag)
            case backend.ParameterDescription(types):
                if unit.expected and isinstance(unit.expected[0].about, Prepared):
                    unit.expected[0].about.types = types
            case backend.CopyResponse(direction):
                if direction != "H":
                    return MessageMeaning(flush=True, absorbed=self._copy_in(unit))
            case _:
                pass
        return self._ended_one(unit) if kind in _ENDS_ONE else _PART

    def _ended_one(self, unit: Unit) -> MessageMeaning:
        """The answer to one of the unit's messages is complete."""
        if unit.expected:
            unit.expected.popleft()
            if not unit.expected and unit.ends == "flush":
                self._finish(unit)
                return MessageMeaning(done=(unit, *self._settled()))
        return _PART

    def _ready(self, unit: Unit, status: str) -> MessageMeaning:
        if unit.in_vain:
            unit.answer.error = unit.refused
        self.status = unit.status_after = status
        self._skipping = False
        if status == "I":
            self._gathering.portals.clear()
        self.lasting.answered(unit, status)
        self._finish(unit)
        return MessageMeaning(done=(unit, *self._settled()))

    def _failed(self, unit: Unit, found: dict[str, str]) -> MessageMeaning:
        unit.answer.error = Failure(
            severity=found.get("V", found.get("S", "ERROR")),
            sqlstate=found.get("C", "XX000"),
            message=found.get("M", ""),
            detail=found.get("D"),
            constraint=found.get("n"),
        )
        # A Query behind extended messages is itself skipped when one of those has failed.
        if unit.unasked:
            self._why_in_vain = unit.answer.error
        skips = unit.ends == "flush" or (unit.ends == "query" and bool(unit.expected))
        unit.revert()
        if not skips:
            return _PART
        self._skipping = True
        self._finish(unit)
        return MessageMeaning(done=(unit, *self._settled()))

    def _settled(self) -> tuple[Unit, ...]:
        """Forwarded units at the head of the line that will get no answer."""
        if not self.units:
            return ()
        done: list[Unit] = []
        while self.units and self.units[0].phase is Phase.SENT:
            unit = self.units[0]
            if self._skipping and unit.ends != "sync":
                unit.answer.skipped = True
            elif self._skipping:
                unit.answer.skipped = bool(unit.expected)
                unit.revert()
                break
            elif unit.ends != "flush" or unit.expected:
                break
            unit.revert()
            self._finish(unit)
            done.append(unit)
        return tuple(done)

    def _finish(self, unit: Unit) -> None:
        unit.revert()
        self.units.remove(unit)
        self._rows = None
        if self.units:
            self.units[0].status = self.status

    def _copy_in(self, unit: Unit) -> Unit | None:
        """The server reads COPY data now, and ignores any Sync until that is over.

        So the Sync that ended an extended unit is void, and the client sends another one (libpq
        does); where it is here already, it was taken for a unit of its own.
        """
        if unit.ends != "sync":
            return None
        if len(self.units) > 1 and not self.units[1].messages and self.units[1].ends == "sync":
            absorbed = self.units[1]
            del self.units[1]
            absorbed.phase = Phase.DONE
            return absorbed
        unit.copying = True
        return None

    def forget(self, tag: str) -> None:
        """A statement with this command tag was carried out: it may have undone names."""
        if tag in ("DEALLOCATE ALL", "DISCARD ALL"):
            self._gathering.statements.clear()
            self._gathering.portals.clear()

    def _shown(self, unit: Unit, values: tuple[bytes | None, ...]) -> tuple[str | None, ...]:
        """A row as text, with what is known of its columns."""
        portal = unit.expected[0].about if unit.expected else None
        columns = self._rows
        results: tuple[int, ...] = ()
        if isinstance(portal, Portal):
            results = portal.results
            if columns is None and portal.prepared is not None:
                columns = portal.prepared.columns
                unit.answer.columns = tuple(column.name for column in columns or ())
        shown: list[str | None] = []
        for n, value in enumerate(values):
            column = columns[n] if columns is not None and n < len(columns) else None
            if isinstance(portal, Portal):
                form = format_of(results, n)
            else:
                form = 0 if column is None else column.format
            shown.append(as_text(value, form, 0 if column is None else column.type))
        return tuple(shown)
