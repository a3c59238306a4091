"""Requests and answers as the rest of the simulator sees them, and ASGI at the edge.

ASGI: https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

MAX_BODY = 1_048_576

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request read to its end. Header names are in lower case."""

    method: str
    path: str
    query: bytes
    headers: dict[str, str]
    body: bytes


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer ready to be sent, always JSON."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class BodyTooLarge(Exception):
    """The body is longer than ``MAX_BODY`` bytes."""


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The whole request. Raises ``BodyTooLarge`` or ``ClientGone``."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise BodyTooLarge
        parts.append(chunk)
        if not message.get("more_body", False):
            break
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers={
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        },
        body=parts[0] if len(parts) == 1 else b"".join(parts),
    )


async def send_reply(send: Send, reply: Reply) -> None:
    """Send the answer; a client that has gone away is nobody's error."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(reply.body)),
    ]
    headers += [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in reply.headers.items()
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
