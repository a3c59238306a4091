"""Cutting a byte stream into messages: a type byte, a length, a body (section 54.1).

The first message of a frontend has no type byte; it may be preceded by requests for encryption,
which have none either. Lengths are bounded as the server and libpq bound them, so that garbage
is noticed at once and never waited for.
"""

from __future__ import annotations

import struct

import msgspec

from paidonce.harness.taps.protocol_error import ProtocolError

STARTUP = 0
"""The kind of a frame without a type byte."""

SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102
_TLS_HANDSHAKE = 0x16

STARTUP_LIMIT = 10_000
"""Bytes of a startup packet (the server's MAX_STARTUP_PACKET_LENGTH)."""
SMALL_LIMIT = 65_536
"""Bytes of messages that carry no data of the user's; the server itself allows 10 000 to 65 535."""
LARGE_LIMIT = 0x3FFFFFFF
"""Bytes of any other message (the server's PQ_LARGE_MESSAGE_LIMIT)."""

_LARGE_FRONTEND = frozenset(b"QPBFd")
_SMALL_FRONTEND = frozenset(b"EDCHSXcfp")
_LARGE_BACKEND = frozenset(b"TDdVENAt")
_SMALL_BACKEND = frozenset(b"RKSZC123nsIvGHWc")
_HEADER = struct.Struct("!BI")
_INT = struct.Struct("!I")


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message as it came. ``kind`` is its type byte, ``raw`` all of its bytes."""

    kind: int
    raw: bytes
    offset: int

    @property
    def body(self) -> bytes:
        """Return what follows the length."""
        return self.raw[4 if self.kind == STARTUP else 5 :]

    @property
    def body_offset(self) -> int:
        """Return where the body begins in the stream."""
        return self.offset + (4 if self.kind == STARTUP else 5)


class Frames:
    """An incremental cutter; bytes may arrive in pieces of any size."""

    def __init__(self, *, frontend: bool, started: bool = False, offset: int = 0) -> None:
        self._small = _SMALL_FRONTEND if frontend else _SMALL_BACKEND
        self._large = _LARGE_FRONTEND if frontend else _LARGE_BACKEND
        self._side = "frontend" if frontend else "backend"
        self._typed = started or not frontend
        self._pieces: list[bytes] = []
        self._size = 0
        self._need = 0
        self.offset = offset

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are being kept."""
        return self._size

    def feed(self, data: bytes) -> list[Frame]:
        """The messages completed by ``data``.

        Raises ``ProtocolError``; the stream is of no use after that.
        """
        if self._pieces:
            self._pieces.append(data)
            self._size += len(data)
            if self._size < self._need:
                return []
            data = b"".join(self._pieces)
            self._pieces.clear()
        frames: list[Frame] = []
        start, end, total = 0, len(data), 0
        header, small, large = _HEADER.unpack_from, self._small, self._large
        while start < end:
            kind = STARTUP
            if self._typed and end - start >= _HEADER.size:
                kind, length = header(data, start)
                # Nearly all messages are such; what is wrong with one is told by ``_length``.
                limit = SMALL_LIMIT if kind in small else LARGE_LIMIT if kind in large else 0
                total = 1 + length if 4 <= length <= limit else self._length(data, start, end)
            else:
                total = self._length(data, start, end)
            if total > end - start:
                break
            raw = data if total == end else data[start : start + total]
            frames.append(Frame(kind, raw, self.offset))
            if not self._typed:
                self._typed = _INT.unpack_from(data, start + 4)[0] not in (
                    SSL_REQUEST,
                    GSSENC_REQUEST,
                    CANCEL_REQUEST,
                )
            start += total
            self.offset += total
        self._size = end - start
        self._need = total
        if self._size:
            self._pieces = [data[start:]]
        return frames

    def _length(self, data: bytes, start: int, end: int) -> int:
        """Bytes the message at ``start`` has, or at least has as far as can be told yet."""
        if not self._typed:
            return self._startup_length(data, start, end)
        kind = data[start]
        if kind in self._small:
            limit = SMALL_LIMIT
        elif kind in self._large:
            limit = LARGE_LIMIT
        else:
            raise ProtocolError(f"{self._side} message of unknown type 0x{kind:02x}", self.offset)
        if end - start < 5:
            return 5
        length: int = _HEADER.unpack_from(data, start)[1]
        if not 4 <= length <= limit:
            raise ProtocolError(
                f"{self._side} message {chr(kind)!r} of length {length}, expected 4 to {limit}",
                self.offset,
            )
        return 1 + length

    def _startup_length(self, data: bytes, start: int, end: int) -> int:
        if end > start and data[start] == _TLS_HANDSHAKE:
            raise ProtocolError(
                "the client begins with TLS; connect with sslmode=disable here", self.offset
            )
        if end - start < 4:
            return 4
        length: int = _INT.unpack_from(data, start)[0]
        if not 8 <= length <= STARTUP_LIMIT:
            raise ProtocolError(
                f"startup packet of length {length}, expected 8 to {STARTUP_LIMIT}", self.offset
            )
        return length
