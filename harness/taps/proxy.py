"""The part that taps for byte streams share: a loopback port, and pairs of joined connections.

Transports and protocols are used, not streams: a byte that merely passes costs one call in and
one call out. A pair stops reading from one side while the other does not keep up.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self, cast

from paidonce.harness.history import Recorder
from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.gate import Gate

_EARLY_LIMIT = 65_536
"""Bytes a client may send before the server is connected; startup needs far fewer."""


class _Half(asyncio.Protocol):
    """One of the two connections of a pair."""

    def __init__(self, pair: Pair, *, of_client: bool) -> None:
        self._pair = pair
        self._of_client = of_client
        self.redirect(pair.first_bytes if of_client else pair.from_server)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the base class.
        joined = cast(asyncio.Transport, transport)
        if self._of_client:
            self._pair.client_connected(joined)
        else:
            self._pair.server_connected(joined)

    def redirect(self, take: Callable[[bytes], None]) -> None:
        """Give what comes in to ``take`` from now on."""
        self.data_received = take  # type: ignore[method-assign, assignment]

    def eof_received(self) -> bool:
        if self._of_client:
            self._pair.client_gone()
        else:
            self._pair.server_gone()
        return True  # the pair closes when what is under way has been dealt with

    def connection_lost(self, error: Exception | None) -> None:
        if self._of_client:
            self._pair.client_gone()
        else:
            self._pair.server_gone()
        self._pair.half_closed(of_client=self._of_client)

    def pause_writing(self) -> None:
        self._pair.throttle(of_client=self._of_client, pause=True)

    def resume_writing(self) -> None:
        self._pair.throttle(of_client=self._of_client, pause=False)


class Pair(ABC):
    """A client's connection and the one to the server that stands for it."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self._client: asyncio.Transport | None = None
        self._server: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._open = 0
        self._early: list[bytes] = []

    # --- what a tap adds ----------------------------------------------------------------

    @abstractmethod
    def from_client(self, data: bytes) -> None:
        """Bytes of the client's, once the server is connected (or cannot be)."""

    @abstractmethod
    def from_server(self, data: bytes) -> None:
        """Bytes of the server's."""

    @abstractmethod
    def client_gone(self) -> None:
        """The client sends nothing any more. May be called more than once."""

    @abstractmethod
    def server_gone(self) -> None:
        """The server sends nothing any more. May be called more than once."""

    @abstractmethod
    def unreachable(self, error: OSError) -> None:
        """The server cannot be connected to; the client is to be told when it has spoken."""

    @abstractmethod
    def closed(self) -> None:
        """Both connections are gone."""

    # --- what it uses -------------------------------------------------------------------

    def to_client(self, data: bytes) -> None:
        """Send to the client, if it is there."""
        if data and self._client is not None and not self._client.is_closing():
            self._client.write(data)

    def to_server(self, data: bytes) -> None:
        """Send to the server, if it is there."""
        if data and self._server is not None and not self._server.is_closing():
            self._server.write(data)

    def server_eof(self) -> None:
        """Tell the server that nothing more will come; its answers are still read."""
        if self._server is not None and not self._server.is_closing():
            self._server.write_eof()

    def close(self) -> None:
        """Close both connections once what was written is sent."""
        for transport in (self._client, self._server):
            if transport is not None:
                transport.close()
        self._stop_connecting()

    def reset(self) -> None:
        """Close both connections at once, the client's by a reset, as a network would."""
        if self._client is not None:
            reset_when_closed(self._client)
        self.abort()

    def abort(self) -> None:
        """Close both connections at once."""
        for transport in (self._client, self._server):
            if transport is not None:
                transport.abort()
        self._stop_connecting()

    def route_client(self, take: Callable[[bytes], None]) -> None:
        """Bytes of the client's go to ``take`` from now on, in the place of ``from_client``."""
        assert self._client is not None
        _reroute(self._client, take)

    def route_server(self, take: Callable[[bytes], None]) -> None:
        """Bytes of the server's go to ``take`` from now on, in the place of ``from_server``."""
        assert self._server is not None
        _reroute(self._server, take)

    # --- plumbing -----------------------------------------------------------------------

    def client_connected(self, transport: asyncio.Transport) -> None:
        self._client = transport
        self._open += 1
        self.proxy.joined(self)
        self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        try:
            await self.proxy.connect_upstream(lambda: _Half(self, of_client=False))
        except OSError as error:
            self.unreachable(error)
            self._complete()
        finally:
            self._connecting = None

    def _stop_connecting(self) -> None:
        # Once there is a connection, uvloop would end it without telling anybody
        # (``create_connection`` closes its handle, and not its transport, when it is cancelled).
        if self._connecting is not None and self._server is None:
            self._connecting.cancel()

    def server_connected(self, transport: asyncio.Transport) -> None:
        self._server = transport
        self._open += 1
        assert self._client is not None
        if self._client.is_closing():
            transport.close()
        else:
            self._complete()

    def _complete(self) -> None:
        assert self._client is not None
        self.route_client(self.from_client)
        early, self._early = self._early, []
        for data in early:
            self.from_client(data)

    def first_bytes(self, data: bytes) -> None:
        """Bytes of the client's while the server is being connected."""
        self._early.append(data)
        if sum(map(len, self._early)) > _EARLY_LIMIT:
            self.abort()

    def half_closed(self, *, of_client: bool) -> None:
        self._open -= 1
        if of_client:
            self._stop_connecting()
        if self._open == 0:
            self.proxy.parted(self)
            self.closed()

    def throttle(self, *, of_client: bool, pause: bool) -> None:
        """The client (or the server) does not keep up, or does again."""
        other = self._server if of_client else self._client
        if other is None or other.is_closing():
            return
        if pause:
            other.pause_reading()
        else:
            other.resume_reading()


def _reroute(transport: asyncio.Transport, take: Callable[[bytes], None]) -> None:
    half = cast(_Half, transport.get_protocol())
    half.redirect(take)
    transport.set_protocol(half)  # uvloop looks at a protocol's methods only once


def reset_when_closed(transport: asyncio.BaseTransport) -> None:
    """Have a connection reset, and not ended in good order, once it is closed.

    A socket that is not to linger at all sends a reset (``SO_LINGER`` in socket(7)); what is not
    TCP is just closed.
    """
    joined = transport.get_extra_info("socket")
    if joined is not None and joined.family != socket.AF_UNIX:
        joined.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def port_of(transport: asyncio.BaseTransport) -> int | None:
    """The port at the other end of a connection; None where it is not TCP."""
    found = transport.get_extra_info("peername")
    return found[1] if isinstance(found, tuple) and len(found) > 1 else None


class Proxy(ABC):
    """Listens on a loopback port of its own; every connection becomes a pair.

    ``bind`` says which journal and gate the calls from now on belong to; ``on_change`` is called
    without arguments whenever a call arrives or is answered, or a connection opens or closes,
    so that a controller need not poll. Leaving the context closes the port and every connection.
    """

    def __init__(self, port: int = 0) -> None:
        """``port`` is the one to listen on; 0 for any that is free."""
        self._wanted_port = port
        self.journal: Recorder | None = None
        self.gate: Gate | None = None
        self.bound = False
        self.on_change: Callable[[], None] | None = None
        self._listeners: list[asyncio.Server] = []
        self._pairs: set[Pair] = set()
        self._seq = itertools.count(1)
        self._none_left = asyncio.Event()

    def bind(self, journal: Recorder | None, gate: Gate | None) -> None:
        """Record to ``journal`` and ask ``gate`` from now on (both None: pass, unrecorded).

        What is under way on a connection is finished under the old ones.
        """
        self.journal = journal
        self.gate = gate
        self.bound = journal is not None or gate is not None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._listeners, "the tap is not listening"
        return int(self._listeners[0].sockets[0].getsockname()[1])

    def changed(self) -> None:
        """Tell whoever wants to know."""
        if self.on_change is not None:
            self.on_change()

    def next_seq(self) -> int:
        """The number of the next call."""
        return next(self._seq)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(self.accept, HOST, self._wanted_port))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for pair in list(self._pairs):
            pair.abort()
        while self._pairs:
            self._none_left.clear()
            await self._none_left.wait()

    def accept(self) -> asyncio.Protocol:
        """The protocol of a connection that a client is making."""
        return _Half(self.new_pair(), of_client=True)

    def joined(self, pair: Pair) -> None:
        self._pairs.add(pair)

    def parted(self, pair: Pair) -> None:
        self._pairs.discard(pair)
        if not self._pairs:
            self._none_left.set()

    @abstractmethod
    def new_pair(self) -> Pair:
        """A pair for a connection that has just been accepted."""

    @abstractmethod
    async def connect_upstream(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Connect to the server. Raises ``OSError``."""
