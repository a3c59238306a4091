"""The way out of a service under test: to everywhere but to Stripe itself.

    service --CONNECT--> egress --> anywhere, or the proxy that we were given
                           |
                           +-----> Stripe's own hosts: 403, and it is told

A service that does not heed the address it is given would call Stripe's, with a key that it has
from a file of its own, and move real money. It is given this proxy by the variables that most HTTP
clients heed (``paidonce.harness.service.egress``); see docs/security.md for those that do not.

Nothing of ours is added to what goes on: where a proxy was given to us (HTTPS_PROXY), the service's
request goes there as it is, with the credentials that the service has from the same variable.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.stripe.listener import Listener
from paidonce.harness.taps.stripe.tunnel import HEAD_LIMIT, ProxyRequest, pour, read_head

_CONNECT_SECONDS = 30.0
_REFUSED = "paidonce keeps a service under test from Stripe itself"


def stripes_own(host: str) -> bool:
    """Tell whether Stripe itself answers at ``host``: api., files., connect. and the others of
    https://docs.stripe.com/ips are all below one name."""
    host = host.rstrip(".").lower()
    return host == "stripe.com" or host.endswith(".stripe.com")


class EgressProxy:
    """Listens on a loopback port of its own, for as long as it is entered as a context manager.

    It goes through the proxy that our environment names, at the time when it is made.
    """

    def __init__(self) -> None:
        self.refused: set[str] = set()
        """Stripe's hosts that the service asked for."""
        self.carried: set[str] = set()
        """Other hosts that it asked for."""
        self._no_proxy = _said("no_proxy")
        beyond = _said("https_proxy") or _said("all_proxy")
        self._beyond = urlsplit(beyond if "://" in beyond or not beyond else f"http://{beyond}")
        self._listener = Listener(self._serve, limit=HEAD_LIMIT)

    @property
    def url(self) -> str:
        """For HTTPS_PROXY; with the credentials of the proxy beyond, if it has any."""
        credentials, at, _ = self._beyond.netloc.rpartition("@")
        return f"http://{credentials}{at}{HOST}:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    @property
    def can_go_on(self) -> bool:
        """Tell whether it can stand before the proxy that was given to us, if one was: it speaks
        HTTP, and not SOCKS."""
        return self._beyond.scheme in ("", "http", "https")

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
        asked = await read_head(reader)
        if stripes_own(asked.host):
            self.refused.add(asked.host)
            await _answer(writer, 403, _REFUSED, f"{asked.host} was asked for. {_INSTEAD}")
        elif not asked.tunnel:
            await _answer(writer, 405, "Method Not Allowed", "Only CONNECT is carried.")
        else:
            self.carried.add(asked.host)
            await self._carry(asked, reader, writer)

    async def _carry(
        self, asked: ProxyRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                out_reader, out_writer = await self._beyond_it(asked)
        except (OSError, TimeoutError) as error:
            await _answer(writer, 502, "Bad Gateway", f"{asked.host} does not answer: {error}")
            return
        ways = [
            asyncio.ensure_future(_one_way(reader, out_writer)),
            asyncio.ensure_future(_one_way(out_reader, writer)),
        ]
        try:
            if not self._direct(asked.host):
                out_writer.write(asked.head)
            else:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.wait(ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            out_writer.close()

    async def _beyond_it(
        self, asked: ProxyRequest
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._direct(asked.host):
            return await asyncio.open_connection(asked.host, asked.port)
        secured = self._beyond.scheme == "https"
        return await asyncio.open_connection(
            self._beyond.hostname,
            self._beyond.port or (443 if secured else 80),
            ssl=ssl.create_default_context() if secured else None,
        )

    def _direct(self, host: str) -> bool:
        return not self._beyond.netloc or _excepted(host, self._no_proxy)


_INSTEAD = "Give the service {stripe_url} or {stripe_tls_url}; see docs/security.md."


def _said(name: str) -> str:
    """Return what our environment says, in small letters first, as curl and others look."""
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def _excepted(host: str, no_proxy: str) -> bool:
    """Tell whether NO_PROXY has the host: by its name, a name above it, an address or a network."""
    for pattern in (one.strip().lower() for one in no_proxy.split(",")):
        name = pattern.partition(":")[0].lstrip("*").lstrip(".")
        if pattern == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False):
                return True
    return False


async def _one_way(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    """Carry what comes, and tell the other side that it has ended."""
    with contextlib.suppress(OSError):
        await pour(source, into)
    with contextlib.suppress(OSError, RuntimeError):
        if into.can_write_eof():
            into.write_eof()
        else:
            into.close()


async def _answer(writer: asyncio.StreamWriter, status: int, reason: str, text: str) -> None:
    body = f"{text}\n".encode("utf-8", "replace")
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode("latin-1") + body)
    await writer.drain()
