"""A loopback port whose connections are served one by one, each by a task of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.protocol_error import ProtocolError

_LIMIT = 65_536

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Listens from ``open`` to ``close``, and has ``serve`` deal with each connection.

    The connection is closed when that returns. A peer that goes away, or does not speak what it
    should, ends its own connection only: ``ConnectionError``, ``TimeoutError``, ``ProtocolError``,
    errors of TLS, and those of a ``StreamReader`` for what ends too soon or never.
    """

    def __init__(
        self,
        serve: Serve,
        *,
        port: int = 0,
        limit: int = _LIMIT,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``port`` 0 is any that is free; ``limit`` is of a ``StreamReader``, in bytes."""
        self._serve = serve
        self._wanted_port = port
        self._limit = limit
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None, "it is not listening"
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        """Begin to listen. Raises ``OSError``."""
        self._server = await asyncio.start_server(
            self._accept, HOST, self._wanted_port, limit=self._limit, ssl=self._tls
        )

    async def close(self) -> None:
        """Close the port and every connection, and wait until none is served any more."""
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # what a peer has not read yet would keep it open
        except (
            ConnectionError,
            TimeoutError,
            ProtocolError,
            ssl.SSLError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except asyncio.CancelledError:
                writer.transport.abort()
            except OSError:
                pass
