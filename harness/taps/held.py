"""Taking calls across a pair of connections: at once and recorded, or one by one past a gate.

A tap tells its carrier which calls have arrived and which are answered; everything that is the
same for every protocol is here: who waits behind whom, whose answer is kept back, what is
recorded, and what becomes of calls when one side is gone.
"""

from __future__ import annotations

import asyncio
import enum
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from paidonce.harness.history import Effect, Fault, Recorder
from paidonce.harness.process.latch import Latch
from paidonce.harness.taps.faults import AtTap, ErrorAnswer, LostAnswer, NoContact, cannot
from paidonce.harness.taps.gate import Call, ForeseeingGate, Gate
from paidonce.harness.taps.proxy import Pair, Proxy, port_of
from paidonce.harness.taps.tap import TapSession


class Phase(enum.Enum):
    """Where a call is."""

    QUEUED = "behind another call of its connection"
    AT_REQUEST = "held before the server"
    SENT = "with the server"
    AT_ANSWER = "held before the client"
    DONE = "done"


class Carried(Call, Protocol):
    """A call as the carrier needs it. ``raw`` are its bytes."""

    phase: Phase
    raw: list[bytes]

    @property
    def lost(self) -> bool:
        """Return whether the connection ended before its answer did."""
        ...

    def as_request(self) -> dict[str, Any]: ...

    def as_answer(self) -> dict[str, Any] | None: ...


C = TypeVar("C", bound=Carried)


class Follows(TapSession, Protocol[C]):
    """Follows what a connection carries: which call is which, and which answer is whose."""

    answering: C | None
    """The call whose answer is being held."""

    @property
    def in_flight(self) -> C | None:
        """The next call of the connection: held, or with the server."""
        ...

    def forwarded(self, call: C, /) -> tuple[C, ...]:
        """``call`` was given to the server. Returns calls that need no answer any more."""
        ...

    def lost(self) -> tuple[C, ...]:
        """The server has closed the connection. Returns the calls never answered."""
        ...


S = TypeVar("S", bound=Follows[Any])


class _Passing(msgspec.Struct, Generic[C], eq=False):
    """A call on its way, and for whom it is recorded. ``answer`` are bytes kept back."""

    call: C
    journal: Recorder | None
    gate: Gate | None
    began: int
    answered: Latch = msgspec.field(default_factory=Latch)
    answer: list[bytes] = []


class Carrier(Pair, Generic[C, S]):
    """A pair whose calls are recorded or held; a ``paidonce.harness.taps.gate.Connection``."""

    def __init__(self, proxy: HoldingTap[Any], session: S) -> None:
        super().__init__(proxy)
        self.session = session
        self._holding_tap = proxy
        self.holds = False
        """True if calls go past a gate now; changed only while none is under way."""
        self._passing: dict[C, _Passing[C]] = {}
        self._line: deque[_Passing[C]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._collected: list[bytes] = []
        self._client_gone = False
        self._server_gone = False

    @property
    def id(self) -> int:
        return self.session.id

    def hung_up(self) -> bool:
        return self._client_gone

    @property
    def peer(self) -> int | None:
        """Return the port from which the service has connected."""
        return None if self._client is None else port_of(self._client)

    @property
    def idle(self) -> bool:
        """Return whether no call is under way."""
        return not self._passing and not self._line

    @property
    def let_in(self) -> bool:
        """Return whether the server has let the client in, so that there is a session."""
        return True

    # --- what a tap adds ----------------------------------------------------------------

    @abstractmethod
    def fail(self, call: C, error: str) -> None:
        """Have the server answer ``call``, not sent yet, with an error instead of doing it.

        Raises ``ValueError`` where the protocol has no such error there.
        """

    @abstractmethod
    def failed(self, call: C, error: str) -> bytes:
        """The error in the place of an answer that has come; the connection ends with it.

        Raises ``ValueError`` where the protocol has no such error there.
        """

    # --- what a tap tells ---------------------------------------------------------------

    def arrived(self, call: C) -> None:
        """A call is complete. Where calls are not held, its bytes go on right after this."""
        journal = self.proxy.journal
        began = 0 if journal is None else journal.now()
        passing = _Passing(call, journal, self.proxy.gate if self.holds else None, began)
        self._passing[call] = passing
        if self.holds:
            if self._line and isinstance(passing.gate, ForeseeingGate):
                passing.gate.queued(call, self)
            self._line.append(passing)
            if self._task is None:
                self._task = asyncio.ensure_future(self._carry())
        else:
            for done in self.session.forwarded(call):
                self.answered(done)
        self.proxy.changed()

    def answered(self, call: C) -> None:
        """The server has answered ``call``, or never will."""
        passing = self._passing.pop(call)
        if passing in self._line:
            passing.answer, self._collected = self._collected, []
            passing.answered.set()
            self.proxy.changed()
        else:
            self._settle(passing, delivered=not self._client_gone)

    def absorb(self, call: C) -> None:
        """``call`` turned out to belong to the one under way: send it, and think no more of it."""
        passing = self._passing.pop(call)
        call.phase = Phase.DONE
        if passing in self._line:
            self._line.remove(passing)
            self.to_server(b"".join(call.raw))

    def pass_on(self, data: bytes) -> None:
        """Bytes of the client's that are no call keep their place behind calls not sent yet."""
        if self._line and self._line[-1].call.phase in (Phase.QUEUED, Phase.AT_REQUEST):
            self._line[-1].call.raw.append(data)
        else:
            self.to_server(data)

    def collect(self, data: bytes, *, at_once: bool = False, flush: bool = False) -> None:
        """Bytes of the server's: part of an answer that is kept back, unless ``at_once``.

        What comes in the middle of an answer keeps its place. ``flush``: the client has to see the
        answer so far to get on.
        """
        if at_once and not self._collected:
            self.to_client(data)
            return
        self._collected.append(data)
        if flush:
            self._deliver_collected()

    # --- carrying -----------------------------------------------------------------------

    async def _carry(self) -> None:
        """Take held calls to the server and back, one after the other."""
        try:
            while self._line:
                await self._carry_one(self._line[0])
                self._line.popleft()
        except BaseException as error:
            self.abort()
            if not isinstance(error, Exception) or self._holding_tap.on_failure is None:
                raise
            self._holding_tap.on_failure(error)
        finally:
            self._task = None
        if self._client_gone or self._server_gone:
            self.close()

    async def _carry_one(self, passing: _Passing[C]) -> None:
        call, gate = passing.call, passing.gate
        assert gate is not None, "without a gate nothing is held"
        if passing.answered.is_set():  # the connection was lost before its turn
            if isinstance(gate, ForeseeingGate):
                gate.lost(call)
            self._settle(passing, delivered=False)
            return
        call.phase = Phase.AT_REQUEST
        self.proxy.changed()
        fault = await gate.request(call, self)
        if not passing.answered.is_set():
            self._send(passing, fault)
            await passing.answered.wait()
        call.phase = Phase.AT_ANSWER
        self.session.answering = call
        self.proxy.changed()
        fault = await gate.answer(call, self)
        self.session.answering = None
        self._deliver(passing, fault)

    def _send(self, passing: _Passing[C], fault: AtTap | None) -> None:
        """Give a call to the server, or see that ``fault`` happens to it instead."""
        call = passing.call
        match fault:
            case None:
                pass
            case NoContact():
                self._record(passing, fault)
                self._end()
                return
            case ErrorAnswer(error):
                self.fail(call, error)
                self._record(passing, fault)
            case _:
                raise cannot(fault, call.label, "request")
        self.to_server(b"".join(call.raw))
        for done in self.session.forwarded(call):
            self.answered(done)
        self.proxy.changed()

    def _deliver(self, passing: _Passing[C], fault: AtTap | None) -> None:
        """Give an answer to the client, or see that ``fault`` happens to it instead."""
        call = passing.call
        if fault is None or call.lost:
            self._settle(passing, delivered=not self._client_gone)
            self.to_client(b"".join(passing.answer))
            return
        told = b""
        match fault:
            case LostAnswer():
                pass
            case ErrorAnswer(error):
                told = self.failed(call, error)
            case _:
                raise cannot(fault, call.label, "answer")
        self._record(passing, fault)
        self._settle(passing, delivered=False)
        self._end(told)

    def _end(self, last: bytes = b"") -> None:
        """End the connection by a fault, and every call that is under way on it.

        ``last`` is what the client is told before: without, the connection is reset.
        """
        if last:
            self.to_client(last)
            self.close()
        else:
            self.reset()
        self.server_gone()

    def _record(self, passing: _Passing[C], fault: AtTap) -> None:
        call, journal = passing.call, passing.journal
        if journal is not None and journal is self.proxy.journal:
            detail = f"{call.label}: {fault.label}"
            journal.record(
                Fault(t=journal.now(), tap=call.tap, kind=fault.kind, detail=detail, seq=call.seq)
            )

    def _settle(self, passing: _Passing[C], *, delivered: bool) -> None:
        call, journal = passing.call, passing.journal
        call.phase = Phase.DONE
        # Not into a history that is over: its run has ended and its verdict is known.
        if journal is not None and journal is self.proxy.journal:
            journal.record(
                Effect(
                    t=journal.now(),
                    tap=call.tap,
                    seq=call.seq,
                    label=call.label,
                    began=passing.began,
                    attempt=call.attempt,
                    request=call.as_request(),
                    answer=call.as_answer(),
                    delivered=delivered and not call.lost,
                )
            )
        self.proxy.changed()

    def _deliver_collected(self) -> None:
        self.to_client(b"".join(self._collected))
        self._collected = []

    # --- ends ---------------------------------------------------------------------------

    def client_gone(self) -> None:
        if self._client_gone:
            return
        self._client_gone = True
        if self._task is None:
            # What the client sent is carried out all the same, as a network would have it.
            if self._passing:
                self.server_eof()
            else:
                self.close()
        self.proxy.changed()

    def server_gone(self) -> None:
        if self._server_gone:
            return
        self._server_gone = True
        for call in self.session.lost():
            self.answered(call)
        if self._task is None:
            self._deliver_collected()
            self.close()
        self.proxy.changed()

    def closed(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._holding_tap.forget(self)


L = TypeVar("L", bound=Carrier[Any, Any])


class HoldingTap(Proxy, Generic[L]):
    """A tap of carriers, which knows those that are open."""

    name: str

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.on_close: Callable[[TapSession], None] | None = None
        """Called with the session of a connection that the server had let in and is no more."""
        self.on_failure: Callable[[Exception], None] | None = None
        """Called with what a gate raised; without, it is raised in a task that nobody waits for."""
        self._opened = 0
        self._links: dict[int, L] = {}

    @abstractmethod
    def new_link(self, number: int) -> L:
        """The carrier of the connection of this number, which has just been accepted."""

    @property
    def sessions(self) -> tuple[Any, ...]:
        """The sessions of the connections that are open, in the order they came."""
        return tuple(link.session for link in self._links.values() if link.let_in)

    @property
    def in_flight(self) -> tuple[Any, ...]:
        """Every connection's next call: held, or with the server."""
        return tuple(s.in_flight for s in self.sessions if s.in_flight is not None)

    def peer(self, session: int) -> int | None:
        """Return the port from which an open connection was made, by its number."""
        link = self._links.get(session)
        return None if link is None else link.peer

    def new_pair(self) -> L:
        self._opened += 1
        link = self._links[self._opened] = self.new_link(self._opened)
        return link

    def forget(self, link: L) -> None:
        """Take note that ``link`` is closed."""
        self._links.pop(link.session.id, None)
        if self.on_close is not None and link.let_in:
            self.on_close(link.session)
        self.changed()
