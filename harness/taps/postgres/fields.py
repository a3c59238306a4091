"""Reading and writing the data types of message bodies (section 54.6).

Text is UTF-8 here. Bytes that are not (a client may use another encoding) survive a round trip
as surrogate escapes.
"""

from __future__ import annotations

import struct

from paidonce.harness.taps.protocol_error import ProtocolError

_INT16 = struct.Struct("!h")
_UINT16 = struct.Struct("!H")
_INT32 = struct.Struct("!i")
_UINT32 = struct.Struct("!I")


class Reader:
    """A cursor over one message body. Every method raises ``ProtocolError`` past its end."""

    def __init__(self, body: bytes, offset: int, what: str) -> None:
        self._body = body
        self._at = 0
        self._offset = offset
        self._what = what

    def _take(self, count: int, wanted: str) -> int:
        """Move over ``count`` bytes; returns where they begin."""
        at = self._at
        if count < 0 or at + count > len(self._body):
            raise ProtocolError(f"{self._what}: {wanted} runs past its end", self._offset + at)
        self._at = at + count
        return at

    def byte(self, wanted: str) -> int:
        return self._body[self._take(1, wanted)]

    def int16(self, wanted: str) -> int:
        return int(_INT16.unpack_from(self._body, self._take(2, wanted))[0])

    def count16(self, wanted: str) -> int:
        """A number of things. They are unsigned: a statement may have 65 535 parameters."""
        return int(_UINT16.unpack_from(self._body, self._take(2, wanted))[0])

    def int32(self, wanted: str) -> int:
        return int(_INT32.unpack_from(self._body, self._take(4, wanted))[0])

    def oid(self, wanted: str) -> int:
        return int(_UINT32.unpack_from(self._body, self._take(4, wanted))[0])

    def text(self, wanted: str) -> str:
        """A string up to its terminating zero byte."""
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise ProtocolError(f"{self._what}: {wanted} has no end", self._offset + self._at)
        found = self._body[self._at : end]
        self._at = end + 1
        return decoded(found)

    def raw(self, count: int, wanted: str) -> bytes:
        at = self._take(count, wanted)
        return self._body[at : at + count]

    def value(self, wanted: str) -> bytes | None:
        """A length and that many bytes; a length of -1 is null."""
        count = self.int32(wanted)
        return None if count == -1 else self.raw(count, wanted)

    def values(self, count: int, wanted: str) -> tuple[bytes | None, ...]:
        """That many of them, as ``value`` reads each; most messages consist of little else."""
        body, at, end = self._body, self._at, len(self._body)
        found, length_at = list[bytes | None](), _INT32.unpack_from
        for _ in range(count):
            length = length_at(body, at)[0] if at + 4 <= end else -2
            at += 4
            if 0 <= length <= end - at:
                found.append(body[at : at + length])
                at += length
            else:  # null, or the message is too short
                self._at = at - 4
                found.append(self.value(wanted))
                at = self._at
        self._at = at
        return tuple(found)

    def int16s(self, count: int, wanted: str) -> tuple[int, ...]:
        """That many numbers."""
        if self._at + 2 * count > len(self._body):
            return tuple([self.int16(wanted) for _ in range(count)])
        at = self._take(2 * count, wanted)
        return struct.unpack_from(f"!{count}h", self._body, at)

    def rest(self) -> bytes:
        return self.raw(len(self._body) - self._at, "the rest")

    @property
    def more(self) -> bool:
        return self._at < len(self._body)

    def error(self, problem: str) -> ProtocolError:
        return ProtocolError(f"{self._what}: {problem}", self._offset + self._at)

    def end(self) -> None:
        """Nothing may follow."""
        if self.more:
            left = len(self._body) - self._at
            raise self.error(f"{left} bytes more than it should have")


def decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def shown(text: str) -> str:
    """Return the text as it can be written: bytes that are no UTF-8, as a database in LATIN1 sends
    them, are escapes in it."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def string(text: str) -> bytes:
    """A zero-terminated string; it must not contain a zero byte itself."""
    assert "\0" not in text, "a protocol string ends at its first zero byte"
    return encoded(text) + b"\0"


def int16(number: int) -> bytes:
    return _INT16.pack(number)


def count16(number: int) -> bytes:
    return _UINT16.pack(number)


def int32(number: int) -> bytes:
    return _INT32.pack(number)


def oid(number: int) -> bytes:
    return _UINT32.pack(number)


def value(data: bytes | None) -> bytes:
    return int32(-1) if data is None else int32(len(data)) + data


def message(kind: bytes, *parts: bytes) -> bytes:
    """A whole message: type byte, length, body."""
    body = b"".join(parts)
    return kind + int32(len(body) + 4) + body
