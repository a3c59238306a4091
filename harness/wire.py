"""An HTTP client that can stop one byte short: the means of a burst.

A request is written up to its last byte on a connection that has been used before, so that
neither the handshake nor the network's path is part of the race. When the last bytes of many
such requests are written one right after the other, the requests become complete at the service
within microseconds of each other. (The technique is known from security testing as last-byte
synchronisation: J. Kettle, "Smashing the state machine", PortSwigger Research, 2023,
https://portswigger.net/research/smashing-the-state-machine.)
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from harness.target import Request

_READ_SIZE = 65536


@dataclass(frozen=True)
class Answer:
    """A complete answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoAnswer(Exception):
    """The connection ended, or could not be made, before an answer had come."""


class Wire:
    """One keep-alive connection to the service, used for one request at a time."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._prefix = parts.path.rstrip("/")
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._parser = h11.Connection(h11.CLIENT)
        self._held_back = b""
        self._suspect = False

    async def warm(self, path: str) -> None:
        """Connect and ask once for ``path``, so that the next request is on a used connection.

        Raises ``NoAnswer``.
        """
        await self.send(Request(method="GET", path=path))
        await self.receive()

    async def send(self, request: Request) -> None:
        """Write a whole request. Raises ``NoAnswer``."""
        await self.prepare(request)
        self.release()

    async def prepare(self, request: Request) -> None:
        """Write a request up to its last byte, connecting first if need be. Raises ``NoAnswer``."""
        await self._ready()
        assert self._writer is not None
        headers = [
            ("Host", f"{self._host}:{self._port}"),
            ("Accept", "application/json"),
            *request.headers.items(),
        ]
        if request.body or request.method not in ("GET", "HEAD"):
            headers.append(("Content-Length", str(len(request.body))))
        head = h11.Request(
            method=request.method, target=self._prefix + request.path, headers=headers
        )
        data = self._parser.send(head) or b""
        if request.body:
            data += self._parser.send(h11.Data(data=request.body)) or b""
        data += self._parser.send(h11.EndOfMessage()) or b""
        self._held_back = data[-1:]
        try:
            self._writer.write(data[:-1])
            await self._writer.drain()
        except OSError as error:
            raise NoAnswer(f"the connection broke while sending: {error}") from error

    def release(self) -> None:
        """Write the last byte; returns at once."""
        assert self._writer is not None
        self._writer.write(self._held_back)
        self._held_back = b""

    async def receive(self) -> Answer:
        """Wait for the answer, however long it takes. Raises ``NoAnswer``."""
        assert self._reader is not None
        head: h11.Response | None = None
        chunks: list[bytes] = []
        while True:
            try:
                event = self._parser.next_event()
            except h11.ProtocolError as error:
                raise NoAnswer(f"the service sent no valid HTTP answer: {error}") from error
            if event is h11.NEED_DATA:
                try:
                    self._parser.receive_data(await self._reader.read(_READ_SIZE))
                except OSError as error:
                    raise NoAnswer(f"the connection broke: {error}") from error
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in head.headers}
                self._suspect = head.status_code >= 500
                return Answer(head.status_code, headers, b"".join(chunks))
            elif isinstance(event, h11.ConnectionClosed):
                raise NoAnswer("the service closed the connection without an answer")

    async def close(self) -> None:
        """Close the connection; closing twice is harmless."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
            self._reader = self._writer = None

    async def _ready(self) -> None:
        """Have a connection on which a new request can be sent."""
        if self._writer is not None:
            reusable = self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE
            # After an unhandled error many servers close the connection without saying so; a
            # request sent on it would be lost, and look like an operation of unknown outcome.
            if (
                reusable
                and not self._suspect
                and not (self._reader is None or self._reader.at_eof())
            ):
                self._parser.start_next_cycle()
                return
            await self.close()
        try:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise NoAnswer(f"no connection to {self._host}:{self._port}: {error}") from error
        self._parser = h11.Connection(h11.CLIENT)
        self._suspect = False
