"""The Stripe tap: an HTTP/1.1 reverse proxy that records every call, and lets a gate hold it.

What the service asks is read by ``requests``; each of its connections has a wire to Stripe. This
module only moves bytes and asks the gate. A call whose service has hung up is carried to Stripe
all the same, as a network would: its effect happens, its answer is lost, and the history says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from paidonce.harness.errors import Unavailable
from paidonce.harness.history import Effect, Fault, Recorder
from paidonce.harness.http.client import Answer, NoAnswer, Wire
from paidonce.harness.process.ports import HOST
from paidonce.harness.simulator.domain.errors import DEFECT
from paidonce.harness.simulator.domain.touched import ASKED, TOLD
from paidonce.harness.simulator.wire.auth import presented
from paidonce.harness.simulator.wire.live_keys import live_key_in, masked
from paidonce.harness.taps.changes import Keyed
from paidonce.harness.taps.faults import AtTap, ErrorAnswer, Faults, LostAnswer, NoContact, cannot
from paidonce.harness.taps.gate import Gate
from paidonce.harness.taps.protocol_error import ProtocolError
from paidonce.harness.taps.proxy import port_of, reset_when_closed
from paidonce.harness.taps.stripe import refusals
from paidonce.harness.taps.stripe.calls import Attribution, StripeCall, read_answer, read_call
from paidonce.harness.taps.stripe.keying import key_for
from paidonce.harness.taps.stripe.listener import Listener
from paidonce.harness.taps.stripe.requests import HttpRequest, HttpRequests, answer_bytes
from paidonce.harness.taps.tap import TapSession

_HOP_BY_HOP = {
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"host",
    b"content-length",
    b"accept-encoding",
    TOLD.encode(),
}
_READ_SIZE = 65536


@dataclass
class _Connection:
    """One connection from the service; ``call`` is the one under way."""

    id: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: Wire
    requests: HttpRequests = field(default_factory=HttpRequests)
    call: StripeCall | None = None

    def hung_up(self) -> bool:
        return self.reader.at_eof() or self.writer.is_closing()

    def reset(self) -> None:
        """End it as a network would that lost it."""
        reset_when_closed(self.writer.transport)
        self.writer.transport.abort()


class StripeTap:
    """Listens on a loopback port of its own and forwards to ``upstream``.

    ``bind`` says which journal and gate the calls from now on belong to. Use as an async context
    manager; leaving it closes the port and every connection.
    """

    name = "stripe"

    def __init__(
        self, upstream: str, *, metadata_key: str, timeout_s: float = 90.0, port: int = 0
    ) -> None:
        self._listener = Listener(self._serve, port=port)
        self._upstream = upstream.rstrip("/")
        self._metadata_key = metadata_key
        self._attribution = Attribution(metadata_key)
        self._timeout_s = timeout_s
        self._journal: Recorder | None = None
        self._gate: Gate | None = None
        self._connections: dict[int, _Connection] = {}
        self._numbers = itertools.count(1)
        self._seq = 0
        self.on_change: Callable[[], None] | None = None
        self.on_close: Callable[[TapSession], None] | None = None
        self.on_failure: Callable[[Exception], None] | None = None
        self.tells = False
        """True if ``upstream`` is asked to tell what a call touches; the service sees nothing of it
        (see ``paidonce.harness.simulator.domain.touched``)."""
        self.live_keys: set[str] = set()
        """Keys of real accounts with which calls came, as they may be shown: none went on."""
        self.carried = 0
        """Calls taken to Stripe and back since the tap was opened."""
        self.came: Counter[Keyed] = Counter()
        """How often each change was made in a call of an attempt's."""
        self.passed: Counter[Keyed] = Counter()
        """How often each was made, whoever called."""
        self._keyed: dict[str, Keyed] = {}
        self.busy_seconds = 0.0
        """How long those took in all."""

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    @property
    def url(self) -> str:
        """The address the service is told to use for Stripe."""
        return f"http://{HOST}:{self.port}"

    @property
    def sessions(self) -> tuple[TapSession, ...]:
        """The connections that are open, in the order they came."""
        return tuple(self._connections.values())

    def peer(self, session: int) -> int | None:
        """Return the port from which an open connection was made, by its number."""
        connection = self._connections.get(session)
        return None if connection is None else port_of(connection.writer.transport)

    @property
    def in_flight(self) -> tuple[StripeCall, ...]:
        """Every connection's call under way: held, or with Stripe."""
        return tuple(c.call for c in self._connections.values() if c.call is not None)

    @property
    def faults(self) -> Faults:
        """Return the faults that a gate may return to it."""
        return refusals.FAULTS_OF_OURS if self.tells else refusals.FAULTS

    def bind(self, journal: Recorder | None, gate: Gate | None) -> None:
        """Record to ``journal`` and ask ``gate`` from now on (None: pass, unrecorded)."""
        self._journal = journal
        self._gate = gate
        self._attribution = Attribution(self._metadata_key)

    def change(self, changes: Iterable[Keyed]) -> None:
        """Make these changes to calls from now on, and none of those before."""
        self._keyed = {change.label: change for change in changes}
        self.came.clear()
        self.passed.clear()

    async def __aenter__(self) -> Self:
        await self._listener.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(next(self._numbers), reader, writer, Wire(self._upstream))
        self._connections[connection.id] = connection
        self._changed()
        try:
            while await self._serve_one(connection):
                pass
        except (ConnectionError, ProtocolError):
            pass
        except Exception as error:
            if self.on_failure is None:
                raise
            self.on_failure(error)
        finally:
            del self._connections[connection.id]
            if self.on_close is not None:
                self.on_close(connection)
            self._changed()
            writer.close()
            with contextlib.suppress(asyncio.CancelledError):
                await connection.upstream.close()

    async def _serve_one(self, connection: _Connection) -> bool:
        """Carry one call; False when the connection is not to be used again."""
        request = await _receive(connection)
        if request is None:
            return False
        headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in request.headers}
        self._seq += 1
        call = read_call(self._seq, request.method, request.target, headers, request.body)
        change = self._keyed.get(call.label)
        if change is not None:
            call.idempotency_key = key_for(request)
            request = request.keyed(call.idempotency_key)
        connection.call = call
        self._changed()
        began = time.monotonic()
        try:
            answer = await self._carry(call, request, connection)
        finally:
            connection.call = None
            self._changed()
        if change is not None:
            self.passed[change] += 1
            if call.attempt is not None:
                self.came[change] += 1
        self.carried += 1
        self.busy_seconds += time.monotonic() - began
        if answer is None or connection.hung_up():
            return False
        told = [(n, v) for n, v in answer.raw_headers if n.lower() not in _HOP_BY_HOP]
        connection.writer.write(
            answer_bytes(answer.status, answer.reason, told, answer.body, keeps=request.keeps)
        )
        await connection.writer.drain()
        return request.keeps

    def _changed(self) -> None:
        """Tell whoever wants to know."""
        if self.on_change is not None:
            self.on_change()

    async def _carry(
        self,
        call: StripeCall,
        request: HttpRequest,
        connection: _Connection,
    ) -> Answer | None:
        """Take the call to Stripe and back; None when the service gets no answer."""
        journal, gate = self._journal, self._gate
        began = journal.now() if journal is not None else 0
        order = self._attribution.order_of(call)
        fault = None if gate is None else await gate.request(call, connection)
        self._record(journal, call, fault)
        headers = [(n, v) for n, v in request.headers if n not in _HOP_BY_HOP]
        if isinstance(fault, NoContact):
            connection.reset()
            answer = None
        elif live := _live_key(request):
            self.live_keys.add(masked(live))
            answer = refusals.live_key_refused(live)
        elif (answer := self._refused(call, fault, headers)) is None:
            answer = await self._from_stripe(request, headers, connection)
        summary = None if answer is None else read_answer(answer.status, answer.body)
        if answer is not None and summary is not None:
            call.touched = answer.headers.get(TOLD)
            if self.on_failure is not None and (defect := answer.headers.get(DEFECT)):
                self.on_failure(_of_ours(call, defect))
            call.status = answer.status
            call.answer_text = answer.body.decode("utf-8", "replace")
            self._attribution.learn(order, summary)
        # A call ends for the gate also where its answer was lost on the way.
        fault = None if gate is None else await gate.answer(call, connection)
        told = answer
        if answer is not None and fault is not None:
            self._record(journal, call, fault)
            told = self._instead(call, fault, connection)
        delivered = told is not None and told is answer and not connection.hung_up()
        if journal is not None and journal is self._journal:
            journal.record(
                Effect(
                    t=journal.now(),
                    tap=call.tap,
                    seq=call.seq,
                    label=call.label,
                    began=began,
                    attempt=call.attempt,
                    order=order,
                    request=call.as_request(),
                    answer=summary,
                    delivered=delivered,
                )
            )
        return None if connection.hung_up() else told

    def _refused(
        self, call: StripeCall, fault: AtTap | None, headers: list[tuple[bytes, bytes]]
    ) -> Answer | None:
        """The answer to a call that does not go to Stripe; None where it goes.

        Where Stripe itself is to fail at it, the call says so by a header.
        """
        match fault:
            case None:
                return refusals.refusal(call, refusals.KEY_IN_USE) if call.in_use else None
            case ErrorAnswer(error) if error in refusals.ANSWERED:
                return refusals.refusal(call, error)
            case ErrorAnswer(error) if self.tells and (asked := refusals.asked_for(error)):
                headers.append(asked)
                return None
            case _:
                raise cannot(fault, call.label, "request")

    def _instead(self, call: StripeCall, fault: AtTap, connection: _Connection) -> Answer | None:
        """Return what the service gets in the place of Stripe's answer, if anything."""
        match fault:
            case LostAnswer():
                connection.reset()
                return None
            case ErrorAnswer(refusals.API_ERROR):
                return refusals.refusal(call, refusals.API_ERROR)
            case _:
                raise cannot(fault, call.label, "answer")

    def _record(self, journal: Recorder | None, call: StripeCall, fault: AtTap | None) -> None:
        if fault is None or journal is None or journal is not self._journal:
            return
        detail = f"{call.label}: {fault.label}"
        journal.record(
            Fault(t=journal.now(), tap=call.tap, kind=fault.kind, detail=detail, seq=call.seq)
        )

    async def _from_stripe(
        self,
        request: HttpRequest,
        headers: list[tuple[bytes, bytes]],
        connection: _Connection,
    ) -> Answer | None:
        """Stripe's answer; None where it is lost."""
        try:
            async with asyncio.timeout(self._timeout_s):
                if self.tells:
                    headers.append((ASKED.encode(), b"1"))
                await connection.upstream.prepare_raw(
                    request.method, request.target, headers, request.body, ahead=False
                )
                connection.upstream.release()
                return await connection.upstream.receive()
        except (NoAnswer, TimeoutError):
            await connection.upstream.close()
            return None


def _live_key(request: HttpRequest) -> str | None:
    """The key of a real account that a call presents, in any header."""
    for name, value in request.headers:
        text = value.decode("latin-1")
        if live_key := live_key_in(presented(text) if name == b"authorization" else text):
            return live_key
    return None


async def _receive(connection: _Connection) -> HttpRequest | None:
    """The next request; None where the service sends no more."""
    while (request := connection.requests.next()) is None:
        data = await connection.reader.read(_READ_SIZE)
        if not data:
            return None
        connection.requests.feed(data)
    return request


def _of_ours(call: StripeCall, defect: str) -> Unavailable:
    """Return the error that ends a search in which our Stripe failed by itself: what a service does
    after that says nothing about it."""
    return Unavailable(
        "Stripe",
        f"the simulator failed at {call.label} with {defect}",
        "That is a defect of the simulator's, and not of the service: please report it.",
    )
