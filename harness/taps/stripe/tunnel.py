"""Parts that proxies of ours share: the head of a CONNECT, and bytes poured to the other side.

https://www.rfc-editor.org/rfc/rfc9110#name-connect
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

HEAD_LIMIT = 16_384
_CHUNK = 65_536


@dataclass(frozen=True)
class ProxyRequest:
    """A request to a proxy. ``host`` is empty where it is no request for a host of which a
    proxy could know; ``tunnel`` tells whether it is a CONNECT."""

    host: str
    port: int
    tunnel: bool
    head: bytes


async def read_head(reader: asyncio.StreamReader) -> ProxyRequest:
    """Read the head of one request.

    Raises ``ConnectionError`` and ``asyncio.IncompleteReadError`` where none comes, and
    ``asyncio.LimitOverrunError`` where it has no end.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
    if len(head) > HEAD_LIMIT or len(words) != 3:
        return ProxyRequest("", 0, False, head)
    method, target, _ = words
    if method == "CONNECT":
        host, port = _place(target, 443)
        return ProxyRequest(host, port, True, head)
    scheme, there, rest = target.partition("://")
    if not there:
        return ProxyRequest("", 0, False, head)
    host, port = _place(rest.split("/", 1)[0].rpartition("@")[2], 443 if scheme == "https" else 80)
    return ProxyRequest(host, port, False, head)


async def pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    """Carry all that comes, until its end."""
    while data := await source.read(_CHUNK):
        into.write(data)
        await into.drain()


def _place(text: str, port: int) -> tuple[str, int]:
    """The host, without brackets and in small letters, and the port, ``port`` if none is said."""
    if text.endswith("]") or ":" not in text:
        host, said = text, ""
    else:
        host, _, said = text.rpartition(":")
    number = int(said) if said.isascii() and said.isdigit() else port
    return host.strip("[]").rstrip(".").lower(), number
