"""A service that has one answer for everything, as fast as Python can: nothing to wait for.

    python benchmarks/generators/answers.py

Prints its port. ``POST /orders`` is answered with an order, ``POST .../payments`` with "a payment
is in progress" (so that the order stays the one everybody fights over), ``GET /count`` with how
many requests were answered, and everything else with as long an answer.
"""

from __future__ import annotations

import asyncio

import httptools
import uvloop


def _answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


_ORDER = _answer(
    "201 Created", b'{"id":"order-1","amount":500,"currency":"usd","payment_status":"unpaid"}'
)
_BUSY = _answer("409 Conflict", b'{"error":{"code":"payment_in_progress"}}')
_NOTHING = _answer("200 OK", b'{"fine":"this is as long an answer"}  ')


class Answering(asyncio.Protocol):
    """One connection."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, path: bytes) -> None:
        self._path = path

    def on_message_complete(self) -> None:
        if self._path == b"/count":
            answer = _answer("200 OK", str(Answering.answered).encode())
        else:
            Answering.answered += 1
            answer = _NOTHING
            if self._path.endswith(b"/payments"):
                answer = _BUSY
            elif self._path == b"/orders":
                answer = _ORDER
        self._transport.write(answer)  # type: ignore[attr-defined]


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
