"""Requests of a service to Stripe as httptools reads them, and answers as bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import httptools
import msgspec

from paidonce.harness.taps.protocol_error import ProtocolError

MAX_HEAD = 65_536
"""Bytes that came without the head of a request being complete: Stripe takes fewer."""


_KEY = b"idempotency-key"


class HttpRequest(msgspec.Struct, frozen=True):
    """A whole request; ``headers`` in their order, names in lower case. ``keeps``: the connection
    may be used again."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    keeps: bool

    def keyed(self, key: str) -> HttpRequest:
        """Return the same request with this idempotency key, whichever it had."""
        others = [header for header in self.headers if header[0] != _KEY]
        return msgspec.structs.replace(self, headers=(*others, (_KEY, key.encode("latin-1"))))


class HttpRequests:
    """Those of one connection, one behind the other."""

    def __init__(self) -> None:
        self._whole: deque[HttpRequest] = deque()
        self._owed: int = 0
        """Bytes of a body that the parser does not read, as it takes up an offer to upgrade."""
        self._begin()

    def next(self) -> HttpRequest | None:
        """The next request; None as long as it is not whole."""
        return self._whole.popleft() if self._whole else None

    def feed(self, data: bytes) -> None:
        """Take what came. Raises ``ProtocolError``; the connection is of no use after that."""
        if self._in_head:
            self._head_bytes += len(data)
        while data:
            if self._owed:
                self._body.append(data[: self._owed])
                self._owed, data = max(self._owed - len(data), 0), data[self._owed :]
                if not self._owed:
                    self._complete()
                    self._begin()
                continue
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as asked:
                # It goes on as it was (RFC 9110, section 7.8): nobody has to take such an offer.
                data = data[asked.args[0] :]
                if not self._owed:
                    self._begin()
            except httptools.HttpParserError as error:
                raise ProtocolError(f"no HTTP request: {error}", 0) from error
        if self._in_head and self._head_bytes > MAX_HEAD:
            raise ProtocolError(f"the head of a request has more than {MAX_HEAD} bytes", 0)

    def _begin(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._in_head, self._head_bytes = True, 0
        self._owed = 0
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    # --- what the parser calls --------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._target, self._headers, self._body = b"", [], []

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self._in_head = False

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            named = dict(self._headers)
            if b"transfer-encoding" in named:
                raise ProtocolError("a body in chunks comes with an offer to upgrade", 0)
            self._owed = int(named.get(b"content-length", b"0"))
            if self._owed:
                return
        self._complete()

    def _complete(self) -> None:
        parser = self._parser
        keeps = parser.get_http_version() == "1.1" and parser.should_keep_alive()
        self._whole.append(
            HttpRequest(
                parser.get_method().decode("ascii"),
                self._target.decode("latin-1"),
                tuple(self._headers),
                b"".join(self._body),
                keeps,
            )
        )
        self._in_head, self._head_bytes = True, 0


def answer_bytes(
    status: int, reason: str, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, keeps: bool
) -> bytes:
    """An answer with these headers and its length; all of it, since every write wakes the service.

    ``keeps`` as the request has it.
    """
    head = [f"HTTP/1.1 {status} {reason}\r\n".encode("latin-1")]
    head += [b"%b: %b\r\n" % pair for pair in headers]
    head.append(b"content-length: %d\r\n" % len(body))
    if not keeps:
        head.append(b"Connection: close\r\n")
    return b"".join((*head, b"\r\n", body))
