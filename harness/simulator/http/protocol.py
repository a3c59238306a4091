"""HTTP/1.1 on the wire: httptools reads the requests, and answers are written as they come.

A protocol of our own, because a simulator has to be able to do to a connection what no server
framework lets its application do: reset it, leave a request without an answer, send a body in
pieces. It is also a good deal quicker, for want of everything it does not do.

Requests on one connection are answered one after the other, in their order (pipelining): a few at a
time, so that other connections have their turn, and no more while the client reads no answers.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote

import httptools

from paidonce.harness.simulator.wire.messages import (
    MAX_BODY,
    MAX_CONTROL_BODY,
    Answering,
    ApiRequest,
    Reply,
    Reset,
    Silence,
    Slow,
)

MAX_HEADERS = 65_536
MAX_URL = 16_384
"""Bytes; servers in front of APIs take 8 to 32 kB."""
MAX_HEAD = 1_048_576
"""Bytes that came without the head of a request being complete, the end of what came before
included: whoever sends more is not going to complete it."""
TURN = 32
"""Requests of one connection that are answered before others have their turn."""
MOST_WAITING = 256
"""Requests of one connection that wait before no more is read from it."""

Application = Callable[[ApiRequest], Answering]

_REASONS = {
    200: "OK", 303: "See Other", 400: "Bad Request", 401: "Unauthorized",
    402: "Payment Required", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    413: "Payload Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip

_NAMES = {
    spelling.encode(): name.lower()
    for name in (
        *("Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Length"),
        *("Content-Type", "Host", "Idempotency-Key", "Stripe-Version", "User-Agent"),
        "X-Stripe-Client-User-Agent",
    )
    for spelling in (name, name.lower())
}
"""The names of headers as they mostly come, in lower case."""

# SO_LINGER with a time of zero makes close() send a reset instead of the usual end.
_LINGER_NOT = struct.pack("ii", 1, 0)


class Connections:
    """The connections of one server, and the application they speak to."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.open: set[Connection] = set()
        self.stopping = False
        self.rng = random.Random(0)
        self._last = asyncio.Event()

    def __call__(self) -> Connection:
        return Connection(self)

    def stop(self) -> None:
        """Close what is idle now, and the rest when it has been answered."""
        self.stopping = True
        for connection in list(self.open):
            connection.close_if_idle()

    async def closed(self) -> None:
        """Wait until the last connection is closed."""
        while self.open:
            self._last = asyncio.Event()
            await self._last.wait()

    def gone(self, connection: Connection) -> None:
        """A connection is closed."""
        self.open.discard(connection)
        if not self.open:
            self._last.set()

    def abort(self) -> None:
        """Close everything."""
        for connection in list(self.open):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client."""

    __slots__ = (
        "_all",
        "_answering",
        "_body",
        "_full",
        "_head_bytes",
        "_header_bytes",
        "_headers",
        "_in_head",
        "_keep_alive",
        "_limit",
        "_parser",
        "_path",
        "_paused",
        "_query",
        "_resuming",
        "_silent",
        "_size",
        "_too_large",
        "_transport",
        "_url",
        "_waiting",
    )

    def __init__(self, connections: Connections) -> None:
        self._all = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[ApiRequest | None, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._silent = False
        """Nothing more is answered on this connection, which is the client's to close."""
        self._full = False
        """The client does not read: what was written waits already."""
        self._paused = False
        """Nothing is read from the client."""
        self._resuming = False
        """Answering goes on as soon as others had their turn."""
        self._in_head = False
        self._head_bytes = 0
        self._begin()

    # ---- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are what this says without being declared so.
        self._transport = cast(asyncio.Transport, transport)
        self._all.open.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self._transport is not None and not self._waiting and self._answering is None:
                self._write(Reply(400, b'{"error":{"message":"This is not HTTP."}}'), False)
            self.abort()
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                if not self._waiting and self._answering is None:
                    self._write(self._too_large_reply(), False)
                self.abort()
                return
        if self._may_answer():
            self._answer()
        self._read_or_not()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._go_on_soon()

    def connection_lost(self, error: Exception | None) -> None:
        # What is under way goes on: Stripe does not know that its client is gone either.
        self._transport = None
        self._waiting.clear()
        self._all.gone(self)

    # ---- what the parser calls

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0

    def on_url(self, url: bytes) -> None:
        # In pieces, where a client's packets end within it.
        if len(self._url) + len(url) > MAX_URL:
            self._too_large = True
        else:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADERS:
            self._too_large = True
            return
        known = _NAMES.get(name)
        if known is None:
            known = name.decode("latin-1").lower()
        self._headers[known] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._in_head = False
        path, _, query = self._url.partition(b"?")
        if not path.startswith(b"/"):
            # The form for proxies, http://host/path.
            path = b"/" + path.partition(b"://")[2].partition(b"/")[2]
        text = path.partition(b"#")[0].decode("latin-1")
        self._path, self._query = unquote(text) if "%" in text else text, query
        # A saved state is as long as it is; only whoever may reset everything may send one.
        control = text.startswith("/_control/") and "paidonce-control" in self._headers
        self._limit = MAX_CONTROL_BODY if control else MAX_BODY
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._limit:
            self._too_large = True
            self._body.clear()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._too_large:
            self._waiting.append((None, False))
        else:
            request = ApiRequest(
                self._parser.get_method().decode("latin-1"),
                self._path,
                self._query,
                self._headers,
                self._body[0] if len(self._body) == 1 else b"".join(self._body),
            )
            self._waiting.append((request, self._parser.should_keep_alive()))
        self._begin()

    def _begin(self) -> None:
        self._url, self._path, self._query = b"", "", b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = self._header_bytes = 0
        self._limit = MAX_BODY
        self._too_large = False

    # ---- answering

    def _answer(self) -> None:
        """Answer what waits, for as long as nothing has to be waited for."""
        for _ in range(TURN):
            if not self._waiting or self._full:
                break
            request, keep_alive = self._waiting.popleft()
            reply = self._too_large_reply() if request is None else self._all.application(request)
            if not isinstance(reply, Reply) or reply.delivery is not None:
                head = request is not None and request.method == "HEAD"
                task = asyncio.get_running_loop().create_task(
                    self._answer_later(reply, keep_alive, head)
                )
                self._answering = task
                return
            self._write(reply, keep_alive, head=request is not None and request.method == "HEAD")
        else:
            self._go_on_soon()

    def _may_answer(self) -> bool:
        idle = self._answering is None and not self._silent and not self._resuming
        return bool(self._waiting) and idle and not self._full

    def _go_on_soon(self) -> None:
        """Answer more of what waits once others had their turn."""
        if self._may_answer():
            self._resuming = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._resuming = False
        if self._transport is not None and self._may_answer():
            self._answer()
        self._read_or_not()

    def _read_or_not(self) -> None:
        """Read from the client, unless enough of it waits."""
        if self._transport is None or self._transport.is_closing():
            return
        if not self._paused and len(self._waiting) > MOST_WAITING:
            self._paused = True
            self._transport.pause_reading()
        elif self._paused and len(self._waiting) < MOST_WAITING // 2:
            self._paused = False
            self._transport.resume_reading()

    async def _answer_later(self, answering: Answering, keep_alive: bool, head: bool) -> None:
        try:
            reply = answering if isinstance(answering, Reply) else await answering
            match reply.delivery:
                case None:
                    self._write(reply, keep_alive, head=head)
                case Reset():
                    self._reset()
                case Silence():
                    self._silent = True
                case Slow() as slow:
                    await self._write_slowly(reply, slow, keep_alive)
        finally:
            self._answering = None
        if self._transport is not None and self._may_answer():
            self._answer()
        elif self._all.stopping:
            self.close_if_idle()
        self._read_or_not()

    def _write(self, reply: Reply, keep_alive: bool, *, head: bool = False) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        keep_alive = keep_alive and not self._all.stopping
        start = _head(reply, keep_alive)
        transport.write(start if head else start + reply.body)
        if not keep_alive:
            self._waiting.clear()
            transport.close()

    async def _write_slowly(self, reply: Reply, slow: Slow, keep_alive: bool) -> None:
        if self._transport is None:
            return
        self._transport.write(_head(reply, keep_alive))
        for at in range(0, len(reply.body), slow.bytes):
            await asyncio.sleep(slow.pause.sample(self._all.rng) / 1000)
            if self._transport is None or self._transport.is_closing():
                return
            self._transport.write(reply.body[at : at + slow.bytes])
        if not keep_alive:
            self._transport.close()

    def _reset(self) -> None:
        if self._transport is None:
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def close_if_idle(self) -> None:
        """Close it, unless an answer is under way."""
        idle = self._answering is None and not self._waiting
        if (idle or self._silent) and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it, whatever is under way."""
        if self._answering is not None:
            self._answering.cancel()
        if self._transport is not None:
            self._transport.close()

    @staticmethod
    def _too_large_reply() -> Reply:
        return Reply(
            413,
            b'{"error":{"type":"invalid_request_error","message":"The request is too large: its '
            b'body may have %d bytes, its headers %d, its URL %d."}}'
            % (MAX_BODY, MAX_HEADERS, MAX_URL),
        )


def _head(reply: Reply, keep_alive: bool) -> bytes:
    text = (
        f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Status')}\r\n"
        f"content-type: {reply.content_type}\r\ncontent-length: {len(reply.body)}\r\n"
    )
    for name, value in reply.headers.items():
        text += f"{name}: {value}\r\n"
    text += "\r\n" if keep_alive else "connection: close\r\n\r\n"
    # A value a client sent comes back in two headers; what is not Latin-1 cannot have come in.
    return text.encode("latin-1", "replace")
