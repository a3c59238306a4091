"""Ways in to the Stripe tap for services that insist on TLS, or on Stripe's own address.

    service --TLS------------------> entrance --HTTP--> Stripe tap --> Stripe in use
    service --CONNECT, then TLS----> proxy ----HTTP-->

A local authority is made for the run (trustme); its certificate is in a bundle together with the
usual ones, for NODE_EXTRA_CA_CERTS, SSL_CERT_FILE and the like. The proxy takes calls for Stripe's
hosts only, and turns all others away: nothing leaves the machine through it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from paidonce.harness.process.ports import HOST
from paidonce.harness.taps.proxy import reset_when_closed
from paidonce.harness.taps.stripe.listener import Listener
from paidonce.harness.taps.stripe.tunnel import pour, read_head

STRIPE_HOSTS = ("api.stripe.com", "files.stripe.com", "uploads.stripe.com")


class StripeTls:
    """Listens on two loopback ports: TLS at once, and an HTTP proxy that takes CONNECT.

    ``folder`` is where the bundle of certificates is written: those of SSL_CERT_FILE, if that is
    set, else Mozilla's, and the authority's. ``host`` is one more that leads to the tap. Use as an
    async context manager.
    """

    def __init__(self, tap_url: str, folder: Path, *, port: int = 0, host: str = "") -> None:
        # Imported where needed: few services insist on TLS.
        import certifi
        import trustme

        parts = urlsplit(tap_url)
        self._tap = (parts.hostname or HOST, parts.port or 80)
        self.bundle = folder / "paidonce-ca-bundle.pem"
        self.refused: set[str] = set()
        """Hosts the proxy was asked for and turned away."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["http/1.1"])
        authority = trustme.CA(organization_name="paidonce, for one run")
        self._hosts = (*STRIPE_HOSTS, *((host,) if host else ()))
        authority.issue_cert(*self._hosts, HOST, "localhost").configure_cert(self._context)
        usual = Path(os.environ.get("SSL_CERT_FILE") or certifi.where()).read_bytes()
        self.bundle.write_bytes(usual + b"\n" + authority.cert_pem.bytes())
        self._direct = Listener(self._carried, port=port, tls=self._context)
        self._proxy = Listener(self._proxied)

    @property
    def url(self) -> str:
        """The TLS address; its certificate is for it as well as for Stripe's hosts."""
        return f"https://{HOST}:{self._direct.port}"

    @property
    def proxy_url(self) -> str:
        """For HTTPS_PROXY."""
        return f"http://{HOST}:{self._proxy.port}"

    @property
    def ports(self) -> set[int]:
        """Both ports it listens on."""
        return {self._direct.port, self._proxy.port}

    async def __aenter__(self) -> Self:
        await self._direct.open()
        try:
            await self._proxy.open()
        except BaseException:
            await self._direct.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._direct.close()
        await self._proxy.close()
        self.bundle.unlink(missing_ok=True)

    async def _proxied(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_head(reader)
        host = asked.host if asked.tunnel else ""
        if host not in self._hosts:
            self.refused.add(host or "what was no CONNECT")
            writer.write(_NO % (host or "this").encode("latin-1", "replace"))
            await writer.drain()
        else:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._context)
            await self._carried(reader, writer)

    async def _carried(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join the connection to one of the tap's, until either ends."""
        tap_reader, tap_writer = await asyncio.open_connection(*self._tap)
        ways = [
            asyncio.ensure_future(pour(reader, tap_writer)),
            asyncio.ensure_future(pour(tap_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            ended = await asyncio.gather(*ways, return_exceptions=True)
            tap_writer.close()
        if isinstance(ended[1], ConnectionResetError):  # the tap lost it: so does the service
            reset_when_closed(writer.transport)
            writer.transport.abort()


_NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nX-Reason: no way to %b from here\r\n\r\n"
