"""One client's connection through the Postgres tap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from paidonce.harness.history import Effect, Recorder
from paidonce.harness.taps.faults import ErrorAnswer, cannot
from paidonce.harness.taps.gate import Gate
from paidonce.harness.taps.held import Carrier, HoldingTap
from paidonce.harness.taps.postgres import changing, errors, frontend
from paidonce.harness.taps.postgres import rewrite as rewritten
from paidonce.harness.taps.postgres.frames import STARTUP, Frame, Frames
from paidonce.harness.taps.postgres.passthrough import BATCH, LARGE, Skim
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.splitting import SplittingGate
from paidonce.harness.taps.postgres.units import CHECKS, Failure, Statement, Unit
from paidonce.harness.taps.protocol_error import ProtocolError

_NO_ENCRYPTION = b"N"
_PROTOCOL_VIOLATION = "08P01"
_CANNOT_CONNECT = "08001"
_AUTHENTICATION = ord("p")
_SYNC, _QUERY = ord("S"), ord("Q")
_MAY_COMMIT = frozenset({_SYNC, _QUERY})
_READY, _ERROR = ord("Z"), ord("E")


class Links(HoldingTap["Link"]):
    """The tap of links: what a link asks of the tap that made it."""

    splits: SplittingGate | None = None
    """The gate, where it is asked whether what is sent as one is carried out as two."""
    changing: changing.Changing | None = None
    """The changes of statements, where there are any."""

    def bind(self, journal: Recorder | None, gate: Gate | None) -> None:
        super().bind(journal, gate)
        # By its type: what is asked of an instance is found out anew each time.
        splits = gate is not None and issubclass(type(gate), SplittingGate)
        self.splits = cast(SplittingGate, gate) if splits else None


class Link(Carrier[Unit, Session]):
    """Joins a client to the server, in one of three ways.

    While the tap is not bound, bytes pass and are skimmed. Bound to a journal, they are read,
    recorded and passed. Bound to a gate, they are held. The way is chosen anew whenever a client
    sends something and nothing is under way.
    """

    def __init__(self, tap: Links, session: Session) -> None:
        super().__init__(tap, session)
        self._tap = tap
        self._front = Frames(frontend=True)
        self._back = Frames(frontend=False)
        self._skim: Skim | None = None
        self._too_soon: list[Frame] = []
        self._no_server: str | None = None
        self._as_simple: rewritten.AsSimple | None = None
        """Puts what is answered to a translated query in the words of a simple one's answer."""
        self._whole = None if tap.changing is None else changing.WholeUnits(tap.changing, session)

    @property
    def let_in(self) -> bool:
        return self.session.started

    # --- bytes of the client's ----------------------------------------------------------

    def from_client(self, data: bytes) -> None:
        try:
            self._follow(data)
        except ProtocolError as error:
            self._violated(error)

    def _follow(self, data: bytes) -> None:
        """Read all the client sends, and hold what is to be held."""
        if not self.session.started:
            self._begin(self._front.feed(data))
            return
        if self.at_rest():
            self._choose()
        if self._skim is not None:
            self.to_server(data)
            self.catch_up()
            self._skim.front(data)
            return
        # What passes is recorded before anybody can act on it, so a history has it in order.
        frames = self._front.feed(data)
        if (changes := self._tap.changing) is not None:
            frames = self._whole_units(changes.replaced(frames))
            data = b"".join([frame.raw for frame in frames])
        self._take(frames)
        if not self.holds:
            self.to_server(data)

    def _whole_units(self, frames: list[Frame]) -> list[Frame]:
        """The messages that are sent on now, with those that go before them."""
        if self._whole is None:
            return frames
        frames = self._whole.take(frames)
        self._as_simple = self._whole.as_simple or self._as_simple
        return frames

    def at_rest(self) -> bool:
        """Return whether nothing is under way in either direction."""
        if self._skim is not None:
            self.catch_up()
            return self._skim.at_rest
        between_messages = not (self._front.pending or self._back.pending)
        between_messages = between_messages and (self._whole is None or self._whole.between)
        return between_messages and self.idle and self.session.at_rest

    def _choose(self) -> None:
        """Hold, record or just pass from now on."""
        self.holds = self._tap.gate is not None
        if self._skim is not None and self._tap.bound:
            sent, received = self._skim.offsets
            self._front = Frames(frontend=True, started=True, offset=sent)
            self._back = Frames(frontend=False, offset=received)
            self._skim = None
            self.route_client(self.from_client)
            self.route_server(self.from_server)
        elif self._skim is None and not self._tap.bound and self._tap.changing is None:
            self._pass(
                Skim(self.session, front_offset=self._front.offset, back_offset=self._back.offset)
            )

    def _pass(self, skim: Skim) -> None:
        """Pass bytes at the least cost, and follow them later."""
        self._skim = skim
        assert self._client is not None
        assert self._server is not None
        tap, to_client, to_server = self._tap, self._client.write, self._server.write
        kept, keep, catch_up = skim.kept, skim.kept.append, self.catch_up

        def from_client(data: bytes) -> None:
            if tap.bound:
                self.from_client(data)
                return
            to_server(data)
            keep(None)
            keep(data)
            if len(kept) > BATCH or len(data) > LARGE:
                catch_up()

        def from_server(data: bytes) -> None:
            to_client(data)
            keep(data)
            if len(kept) > BATCH or len(data) > LARGE:
                catch_up()

        self.route_client(from_client)
        self.route_server(from_server)

    def catch_up(self) -> None:
        """Bring ``session`` up to date, if it is only skimmed."""
        if self._skim is not None:
            try:
                self._skim.catch_up()
            except ProtocolError as error:
                self._violated(error)

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self.session.carries(frame):
                if self.holds:
                    self.pass_on(frame.raw)
                continue
            if not self.holds or frame.kind not in _MAY_COMMIT:
                unit = self.session.sent(frame)
                if unit is not None:
                    unit.unasked = self._tap.changing is not None and changing.is_own(unit)
                    self.arrived(unit)
                continue
            parts = self._parts(frame)
            if self._checks(frame):
                self.arrived(self.session.checking(rewritten.simple(CHECKS)))
            for part in parts:
                unit = self.session.sent(part)
                if unit is not None:
                    if len(parts) > 1 and unit.ends == "flush":
                        unit.unasked = [statement.sql for statement in unit.statements] == [CHECKS]
                    self.arrived(unit)

    def _checks(self, frame: Frame) -> bool:
        """Return whether what a COMMIT would check is to be checked in a step before it."""
        splits, session = self._tap.splits, self.session
        if splits is None or session.status != "T" or session.in_flight is not None:
            return False
        if frame.kind == _SYNC:
            return bool(session.gathered) and splits.checks_first(session, session.gathered)
        if frame.kind != _QUERY or not session.at_rest:
            return False
        message = frontend.decode(frame)
        if not isinstance(message, frontend.Query):
            return False
        return splits.checks_first(session, (Statement(message.sql),))

    def _check(self, statements: Sequence[Statement]) -> str | None:
        """The name for a check before statements that commit by themselves; None for no check."""
        splits = self._tap.splits
        if splits is None or not splits.checks_first(self.session, statements):
            return None
        return f"check {self._tap.next_seq()}"

    def _parts(self, frame: Frame) -> Sequence[Frame]:
        """The message as it is sent on: what is to be committed apart has a Flush before its Sync.

        A simple query has none, so that it is made an extended one.
        """
        splits, session = self._tap.splits, self.session
        if splits is None or session.status != "I":
            return (frame,)
        if frame.kind == _SYNC:
            if session.gathered and splits.commits_apart(session, session.gathered):
                return rewritten.committed_apart(frame, self._check(session.gathered))
        elif frame.kind == _QUERY and session.at_rest:
            message = frontend.decode(frame)
            statements = (Statement(message.sql),) if isinstance(message, frontend.Query) else ()
            if (
                isinstance(message, frontend.Query)
                and splits.commits_apart(session, statements)
                and rewritten.can_be_extended(message.sql)
            ):
                self._as_simple = rewritten.AsSimple(message.sql)
                return rewritten.extended(frame, message.sql, self._check(statements))
        return (frame,)

    # --- startup ------------------------------------------------------------------------

    def _begin(self, frames: list[Frame]) -> None:
        """Encryption is refused; everything else passes."""
        for frame in frames:
            if frame.kind == _AUTHENTICATION:
                self.to_server(frame.raw)
            elif frame.kind != STARTUP:
                self._too_soon.append(frame)  # a client that does not wait to be let in
            else:
                self._begin_with(frame)

    def _begin_with(self, frame: Frame) -> None:
        message = frontend.decode(frame)
        match message:
            case frontend.SSLRequest() | frontend.GSSENCRequest():
                self.to_client(_NO_ENCRYPTION)
                return
            case _ if self._no_server is not None:
                self._refuse(_CANNOT_CONNECT, self._no_server)
                self.close()
                return
            case frontend.StartupMessage():
                self.session.begin(message)
            case frontend.CancelRequest(pid):
                self._record_cancel(pid)
            case _:
                pass
        self.to_server(frame.raw)

    def _let_in(self) -> None:
        """The session is ready for queries."""
        self._tap.changed()
        early, self._too_soon = self._too_soon, []
        if early:
            self.holds = self._tap.gate is not None
            if (changes := self._tap.changing) is not None:
                early = self._whole_units(changes.replaced(early))
            self._take(early)
            if not self.holds:
                self.to_server(b"".join(frame.raw for frame in early))

    # --- bytes of the server's ----------------------------------------------------------

    def from_server(self, data: bytes) -> None:
        try:
            self._hear(data)
        except ProtocolError as error:
            self._violated(error)

    def _hear(self, data: bytes) -> None:
        began = self.session.started
        passing: list[bytes] = []
        for heard_frame in self._back.feed(data):
            frame = heard_frame
            if frame.kind == _ERROR:
                frame = self.session.reworded(frame)
            hidden = self.session.hides(frame)
            heard = self.session.received(frame)
            if not hidden:
                words: tuple[bytes, ...] = (frame.raw,)
                if self._as_simple is not None:
                    words = self._told(self._as_simple, frame)
                for word in words:
                    if self.holds:
                        self.collect(word, at_once=heard.at_once, flush=heard.flush)
                    else:
                        passing.append(word)
            if heard.absorbed is not None:
                self.absorb(heard.absorbed)
            for unit in heard.done:
                if unit.unasked and unit.ends == "query" and unit.answer.error is not None:
                    self.session.commit_in_vain(rewritten.simple("ROLLBACK"))
                self.answered(unit)
        if not self.holds:
            # What the tap asks by itself is answered to nobody else.
            self.to_client(data if self._whole is None else b"".join(passing))
        if self.session.started and not began:
            self._let_in()

    def _told(self, as_simple: rewritten.AsSimple, frame: Frame) -> tuple[bytes, ...]:
        """Return what the client is told when the server says ``frame``."""
        told = as_simple.told(frame)
        if frame.kind == _READY:
            self._as_simple = None
        return told

    def answered(self, call: Unit) -> None:
        if self._tap.changing is not None:
            self._tap.changing.ran(call)
        super().answered(call)

    # --- faults -----------------------------------------------------------------------

    def fail(self, call: Unit, error: str) -> None:
        if error not in errors.ERRORS:
            raise cannot(ErrorAnswer(error), call.label, "request")
        if told := self.session.refuse(call, error):
            self.collect(told)

    def failed(self, call: Unit, error: str) -> bytes:
        if error != errors.TERMINATED:
            raise cannot(ErrorAnswer(error), call.label, "answer")
        return errors.message(errors.error(error))

    # --- ends ---------------------------------------------------------------------------

    def unreachable(self, error: OSError) -> None:
        # A client that asks for encryption shows no error until that is settled, so wait for it.
        self._no_server = f"the tap cannot reach the server: {error.strerror or error}"

    def _violated(self, error: ProtocolError) -> None:
        self._refuse(_PROTOCOL_VIOLATION, f"the tap cannot follow: {error}")
        self.close()

    def _refuse(self, sqlstate: str, text: str) -> None:
        self.to_client(errors.message(Failure("FATAL", sqlstate, text)))

    def _record_cancel(self, pid: int) -> None:
        """A request to cancel is no unit and is never held, but a history should show it."""
        journal = self._tap.journal
        if journal is None:
            return
        now = journal.now()
        journal.record(
            Effect(
                t=now,
                tap=self._tap.name,
                seq=self._tap.next_seq(),
                label="cancel",
                began=now,
                request={"session": self.session.id, "pid": pid, "sql": [], "params": []},
            )
        )
