"""A tap of a protocol of its own, a line each way, before a store that speaks it.

``GET key`` is answered the value or ``-``; ``PUT key value`` is answered ``DONE``; ``ADD key
value``, which stores it only where nothing is stored, ``DONE`` or ``THERE``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from paidonce.harness.explore.control.attempts import Arrival
from paidonce.harness.explore.control.readers import TapKind
from paidonce.harness.explore.control.readers.base import CallReader
from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.explore.naming.answer_digest import AnswerDigest, heard_text
from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.faults import Faults
from paidonce.harness.taps.held import Carrier, HoldingTap, Phase
from paidonce.harness.testbed.openers import Dependencies, Opened


class LineStore:
    """The server: one line in, one line out."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.told: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.told.append(line.decode().strip())
            writer.write(f"{self._answer(*line.decode().split())}\n".encode())
        writer.close()

    def _answer(self, verb: str, key: str, value: str = "") -> str:
        if verb == "GET":
            return self.values.get(key, "-")
        if verb == "ADD" and key in self.values:
            return "THERE"
        self.values[key] = value
        return "DONE"


@dataclass(eq=False)
class Line:
    """A call: one line, and the line that is its answer."""

    seq: int
    session: int
    words: tuple[str, ...]
    raw: list[bytes]
    phase: Phase = Phase.QUEUED
    answer: str = ""
    lost: bool = False
    attempt: str | None = None
    tap: str = "lines"

    @property
    def label(self) -> str:
        return self.words[0]

    @property
    def key(self) -> str:
        return self.words[1]

    def as_request(self) -> dict[str, Any]:
        return {"session": self.session, "line": " ".join(self.words)}

    def as_answer(self) -> dict[str, Any] | None:
        return None if self.lost else {"line": self.answer}


@dataclass
class LineSession:
    """Which line answers which."""

    id: int
    next_seq: Callable[[], int]
    lines: deque[Line] = field(default_factory=deque)
    answering: Line | None = None

    @property
    def in_flight(self) -> Line | None:
        return self.answering or (self.lines[0] if self.lines else None)

    def sent(self, raw: bytes) -> Line:
        line = Line(self.next_seq(), self.id, tuple(raw.decode().split()), [raw])
        self.lines.append(line)
        return line

    def received(self, raw: bytes) -> Line:
        line = self.lines.popleft()
        line.answer = raw.decode().strip()
        return line

    def forwarded(self, call: Line) -> tuple[Line, ...]:
        call.phase = Phase.SENT
        return ()

    def lost(self) -> tuple[Line, ...]:
        lost, self.lines = tuple(self.lines), deque()
        for line in lost:
            line.lost = True
        return lost


class LineLink(Carrier[Line, LineSession]):
    """Joins a client to the store."""

    _sent = _received = b""

    def from_client(self, data: bytes) -> None:
        if self.idle and not self._sent:
            self.holds = self.proxy.gate is not None
        *lines, self._sent = (self._sent + data).split(b"\n")
        for line in lines:
            self.arrived(self.session.sent(line + b"\n"))
        if not self.holds:
            self.to_server(data)

    def from_server(self, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            call = self.session.received(line)
            if self.holds:
                self.collect(line + b"\n")
            self.answered(call)
        if not self.holds:
            self.to_client(data)

    def unreachable(self, error: OSError) -> None:
        self.close()

    def fail(self, call: Line, error: str) -> None:
        raise ValueError("the protocol has no errors")

    def failed(self, call: Line, error: str) -> bytes:
        raise ValueError("the protocol has no errors")


class LineTap(HoldingTap[LineLink]):
    """Listens on a loopback port of its own and forwards to the store."""

    name = "lines"
    faults = Faults((), ())

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self._upstream = upstream

    def new_link(self, number: int) -> LineLink:
        return LineLink(self, LineSession(number, self.next_seq))

    async def connect_upstream(self, factory: Callable[[], asyncio.Protocol]) -> None:
        await asyncio.get_running_loop().create_connection(factory, HOST, self._upstream)


class LineReader(CallReader[Line]):
    """A line touches its key."""

    def touches(self, call: Line, arrival: Arrival) -> Footprint:
        touched = frozenset({Resource(("lines",), (("key", call.key),))})
        return Footprint(looks=touched) if call.label == "GET" else Footprint(publishes=touched)

    def heard(self, call: Line) -> AnswerDigest:
        return heard_text(call.answer, self.reading.names, whole=not call.lost)


STORES: list[LineStore] = []
"""Those that were opened, for a test to look into."""


@asynccontextmanager
async def before_a_store(around: Dependencies) -> AsyncIterator[Opened]:
    """Open a store, and a tap before it."""
    store = LineStore()
    server = await asyncio.start_server(store.serve, HOST, 0)
    STORES.append(store)
    async with server, LineTap(server.sockets[0].getsockname()[1]) as tap:
        yield Opened(tap, {"lines_url": f"lines://{HOST}:{tap.port}"})


LINES = TapKind(
    LineTap.name, "the store", LineReader, before_a_store, places=("lines_url",), stores=True
)
