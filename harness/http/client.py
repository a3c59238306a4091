"""An HTTP/1.1 client that can stop one byte short: the means of a burst.

A request is written up to its last byte on a connection that has been used before, so that
neither the handshake nor the network's path is part of the race. When the last bytes of many
such requests are written one right after the other, the requests become complete at the service
within microseconds of each other. (The technique is known from security testing as last-byte
synchronisation: J. Kettle, "Smashing the state machine", PortSwigger Research, 2023,
https://portswigger.net/research/smashing-the-state-machine.)

It serves wherever the harness speaks HTTP many times a second: a request and its answer cost it
a tenth of what they cost a general client.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterable, Mapping
from typing import cast
from urllib.parse import urlsplit

import httptools
import msgspec

from paidonce.harness.http.tls import context

_FRESH_S = 1.0
"""A connection that was used so recently has not been closed for idleness by any service (the
shortest keep-alive that is common is gunicorn's, of 2 s). One that was not may be closed by the
server at the very moment at which it is used again, and then nobody can tell whether the request
was taken (RFC 9112, section 9.3.1): so it is not used again, and no answer is ever lost by that."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request ready to be sent; ``body`` is JSON text or empty."""

    method: str
    path: str
    headers: dict[str, str] = {}
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """A complete answer; header names in ``headers`` are lower case, ``raw_headers`` as sent."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()
    reason: str = ""


class NoAnswer(Exception):
    """The connection ended, or could not be made, before an answer had come."""


class Wire:
    """One keep-alive connection to a server, used for one request at a time."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or (443 if self._tls else 80)
        self._prefix = parts.path.rstrip("/")
        self._host_header = parts.netloc.rpartition("@")[2].encode()
        self._line: _Line | None = None
        self._held_back = b""

    async def warm(self, path: str) -> None:
        """Have a connection that has just been used: ask for ``path`` once, unless there is one.

        Raises ``NoAnswer``.
        """
        if self._line is None or not self._line.reusable:
            await self.ask(Request(method="GET", path=path))

    async def connect(self) -> None:
        """Have a connection, used or not. Raises ``NoAnswer``."""
        await self._ready()

    async def ask(self, request: Request) -> Answer:
        """Send a request and wait for its answer, however long it takes. Raises ``NoAnswer``."""
        await self.send(request)
        return await self.receive()

    async def send(self, request: Request) -> None:
        """Write a whole request. Raises ``NoAnswer``."""
        await self.prepare(request, ahead=False)
        self.release()

    async def prepare(self, request: Request, *, ahead: bool = True) -> None:
        """Have a request ready to be released, connecting first if need be.

        It is written up to its last byte; without ``ahead`` none of it is, so that it goes out in
        one piece and wakes the server once. Raises ``NoAnswer``.
        """
        headers = [(b"Accept", b"application/json")]
        headers += [(n.encode("latin-1"), v.encode("latin-1")) for n, v in request.headers.items()]
        await self.prepare_raw(request.method, request.path, headers, request.body, ahead=ahead)

    async def prepare_raw(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
        body: bytes,
        *,
        ahead: bool = True,
    ) -> None:
        """``prepare`` for headers as they are; Host and Content-Length are added."""
        line = await self._ready()
        head = [
            f"{method} {self._prefix}{path} HTTP/1.1\r\n".encode("latin-1"),
            b"Host: " + self._host_header + b"\r\n",
            *(name + b": " + value + b"\r\n" for name, value in headers),
        ]
        if body or method not in ("GET", "HEAD"):
            head.append(b"Content-Length: %d\r\n" % len(body))
        data = b"".join((*head, b"\r\n", body))
        line.expect(head_only=method == "HEAD")
        self._held_back = data[-1:] if ahead else data
        if ahead:
            line.write(data[:-1])
            await line.drained()

    def release(self) -> None:
        """Write what was held back; returns at once."""
        assert self._line is not None
        self._line.write(self._held_back)
        self._held_back = b""

    async def receive(self) -> Answer:
        """Wait for the answer, however long it takes. Raises ``NoAnswer``."""
        assert self._line is not None
        return await self._line.answer()

    async def close(self) -> None:
        """Close the connection; closing twice is harmless."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _ready(self) -> _Line:
        """Have a connection on which a new request can be sent."""
        if self._line is not None:
            if self._line.reusable:
                return self._line
            await self.close()
        loop = asyncio.get_running_loop()
        try:
            _, self._line = await loop.create_connection(
                _Line, self._host, self._port, ssl=context() if self._tls else None
            )
        except OSError as error:
            raise NoAnswer(f"no connection to {self._host}:{self._port}: {error}") from error
        return self._line


class Wires:
    """As many wires to one server as are used at the same time."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self._base_url = base_url
        self._headers = dict(headers or {})
        self._idle: list[Wire] = []

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request on a wire nobody else uses now, and wait for its answer.

        Raises ``NoAnswer``.
        """
        wire = self._idle.pop() if self._idle else Wire(self._base_url)
        said = {**self._headers, **(headers or {})}
        try:
            answer = await wire.ask(Request(method=method, path=path, headers=said, body=body))
        except BaseException:
            await wire.close()
            raise
        self._idle.append(wire)
        return answer

    async def close(self) -> None:
        """Close those that are idle."""
        while self._idle:
            await self._idle.pop().close()


@functools.lru_cache(maxsize=256)
def _lower(name: bytes) -> str:
    return name.decode("latin-1").lower()


class _Line(asyncio.Protocol):
    """One connection, and the answer that is coming in on it."""

    def __init__(self) -> None:
        self.used = time.monotonic()
        self._transport: asyncio.Transport | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._gone = asyncio.Event()
        self._broken: str | None = None
        self._expecting = False
        self._suspect = False
        self._arrived: asyncio.Future[Answer] | None = None
        self._fresh()

    # --- its user's side --------------------------------------------------------------------

    @property
    def reusable(self) -> bool:
        """Tell whether another request may be sent: the last was answered just now, and nothing is
        wrong.

        After an unhandled error many servers close the connection without saying so; a request
        sent on it would be lost, and look like an operation of unknown outcome.
        """
        if self._expecting or self._suspect or self._broken is not None:
            return False
        return time.monotonic() - self.used <= _FRESH_S

    def expect(self, *, head_only: bool) -> None:
        """An answer is to come."""
        self._fresh()
        self._head_only = head_only
        self._expecting = True
        self._arrived = asyncio.get_running_loop().create_future()

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        await self._room.wait()
        if self._broken is not None and self._arrived is not None and not self._arrived.done():
            raise NoAnswer(f"the connection broke while sending: {self._broken}")

    async def answer(self) -> Answer:
        assert self._arrived is not None
        return await asyncio.shield(self._arrived)

    async def close(self) -> None:
        assert self._transport is not None
        self._fail("the connection was closed before an answer had come")
        self._transport.close()
        await self._gone.wait()

    # --- the connection's side --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the base class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._expecting:
            self._break("it said something nobody had asked for")
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(f"the service sent no valid HTTP answer: {error}")

    def eof_received(self) -> bool:
        self._end(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error)
        self._room.set()
        self._gone.set()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def _end(self, error: Exception | None) -> None:
        if self._expecting and self._begun and not self._framed and error is None:
            self._complete()  # RFC 9112, section 6.3: the end of the connection ends the body
        if self._broken is None:
            self._broken = "the service closed it" if error is None else str(error)
        if error is not None:
            self._fail(f"the connection broke: {error}")
        elif self._begun:
            self._fail("the service sent no valid HTTP answer: it ended in the middle")
        else:
            self._fail("the service closed the connection without an answer")

    def _break(self, why: str) -> None:
        self._broken = why
        self._fail(why)
        if self._transport is not None:
            self._transport.close()

    def _fail(self, why: str) -> None:
        if self._expecting and self._arrived is not None and not self._arrived.done():
            self._arrived.set_exception(NoAnswer(why))
            self._arrived.exception()  # whether anybody still asks is their business

    # --- the parser's side ------------------------------------------------------------------

    def _fresh(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = False
        self._begun = self._framed = False
        self._reason = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def on_message_begin(self) -> None:
        self._begun, self._headers, self._reason = True, [], b""

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        names = {name.lower() for name, _ in self._headers}
        self._framed = bool(names & {b"content-length", b"transfer-encoding"})
        if self._head_only and self._parser.get_status_code() >= 200:
            self._complete()

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:  # else an interim answer: RFC 9110, 15.2
            self._complete()

    def _complete(self) -> None:
        if not self._expecting:
            return
        self._expecting = False
        self.used = time.monotonic()
        status = self._parser.get_status_code()
        self._suspect = status >= 500 or not self._parser.should_keep_alive() or self._head_only
        headers = {_lower(n): v.decode("latin-1") for n, v in self._headers}
        answer = Answer(
            status,
            headers,
            b"".join(self._body),
            tuple(self._headers),
            self._reason.decode("latin-1"),
        )
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(answer)
