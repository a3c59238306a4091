"""Reading RESP2 and RESP3: replies of a server, and commands of a client; no I/O.

Both readers are incremental, take bytes in pieces of any size in linear time, and bound what
they keep: garbage is a ``ProtocolError`` and never waited for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from paidonce.harness.taps.protocol_error import ProtocolError

LINE_LIMIT = 65_536
"""Bytes of a line: an inline command, an error, a number (the server's PROTO_INLINE_MAX_SIZE)."""
BULK_LIMIT = 512 * 1024 * 1024
"""Bytes of one string (the server's default proto-max-bulk-len)."""
COUNT_LIMIT = 2**31 - 1
"""Elements of one aggregate."""
DEPTH_LIMIT = 128
"""Aggregates within aggregates."""


class Status(msgspec.Struct, frozen=True):
    """A simple string, such as OK."""

    text: str


class Failure(msgspec.Struct, frozen=True):
    """An error, simple or bulk."""

    text: str


class BigNumber(msgspec.Struct, frozen=True):
    """An integer that may exceed 64 bits, in decimal."""

    digits: str


class Verbatim(msgspec.Struct, frozen=True):
    """Text with its format (``txt``, ``mkd``)."""

    format: str
    text: bytes


class Map(msgspec.Struct, frozen=True):
    """Keys and values, in the order they came."""

    pairs: tuple[tuple[Reply, Reply], ...]


class Members(msgspec.Struct, frozen=True):
    """A set, in the order it came."""

    items: tuple[Reply, ...]


class Push(msgspec.Struct, frozen=True):
    """Something the server says unasked, such as a message on a channel."""

    items: tuple[Reply, ...]


Reply = (
    Status
    | Failure
    | BigNumber
    | Verbatim
    | Map
    | Members
    | Push
    | bytes
    | int
    | float
    | bool
    | None
    | tuple["Reply", ...]
)
"""A value. An array is a tuple, a bulk string bytes, a null of any kind None."""


class Heard(NamedTuple):
    """One whole reply and its bytes; attributes before it are in the bytes only."""

    reply: Reply
    raw: bytes


@dataclass
class _Aggregate:
    kind: int
    left: int
    items: list[Reply] = field(default_factory=list)


class BytesKept:
    """The bytes that have come and are not used yet."""

    def __init__(self, side: str) -> None:
        self.kept = bytearray()
        self.at = 0
        self.offset = 0
        self._searched = 0
        self._side = side

    def line(self) -> bytes | None:
        """The next line without its end, or None as long as it is not all there."""
        start = max(self.at, self._searched)
        end = self.kept.find(b"\r\n", start)
        length = (end if end >= 0 else len(self.kept)) - self.at
        if length > LINE_LIMIT:
            raise self.error(f"a line of more than {LINE_LIMIT} bytes")
        if end < 0:
            self._searched = max(self.at, len(self.kept) - 1)
            return None
        found = bytes(self.kept[self.at : end])
        self.at = end + 2
        return found

    def bulk(self, size: int) -> bytes | None:
        """``size`` bytes and a line end, or None as long as they are not all there."""
        end = self.at + size
        if len(self.kept) < end + 2:
            return None
        if self.kept[end : end + 2] != b"\r\n":
            self.at = end
            raise self.error("a string that is longer than it said")
        found = bytes(self.kept[self.at : end])
        self.at = end + 2
        return found

    def used(self) -> bytes:
        """All bytes up to here, which are done with."""
        raw = bytes(self.kept[: self.at])
        del self.kept[: self.at]
        self.offset += self.at
        self.at = self._searched = 0
        return raw

    def number(self, digits: bytes, least: int, most: int, what: str) -> int:
        if not digits.lstrip(b"+-").isdigit() or len(digits) > 20:
            raise self.error(f"{what} {digits[:24]!r}, expected a number")
        found = int(digits)
        if not least <= found <= most:
            raise self.error(f"{what} {found}, expected {least} to {most}")
        return found

    def error(self, problem: str) -> ProtocolError:
        return ProtocolError(f"Redis {self._side}: {problem}", self.offset + self.at)


_DONE = object()


class ReplyReader:
    """Bytes of a server in, replies out."""

    def __init__(self) -> None:
        self._bytes = BytesKept("server")
        self._open: list[_Aggregate] = []
        self._bulk: tuple[int, int] | None = None

    @property
    def pending(self) -> int:
        """Bytes of an unfinished reply that are being kept."""
        return len(self._bytes.kept)

    def feed(self, data: bytes) -> list[Heard]:
        """The replies completed by ``data``. Raises ``ProtocolError``."""
        self._bytes.kept += data
        found: list[Heard] = []
        while True:
            value = self._scalar_or_open()
            if value is _DONE:
                return found
            if isinstance(value, _Aggregate):
                if value.left:
                    continue
                self._open.pop()
                value = _closed(value)
            complete, reply = self._place(value)  # type: ignore[arg-type]
            if complete:
                found.append(Heard(reply, self._bytes.used()))

    def _place(self, value: Reply) -> tuple[bool, Reply]:
        """Put a value where it belongs; whether that completed a reply, and which."""
        while self._open:
            top = self._open[-1]
            top.items.append(value)
            top.left -= 1
            if top.left:
                return False, None
            self._open.pop()
            if top.kind == _ATTRIBUTE:
                return False, None  # what it is about follows
            value = _closed(top)
        return True, value

    def _scalar_or_open(self) -> object:
        """The next value, an aggregate just begun, or ``_DONE`` when bytes are missing."""
        if self._bulk is not None:
            kind, size = self._bulk
            data = self._bytes.bulk(size)
            if data is None:
                return _DONE
            self._bulk = None
            return self._string(kind, data)
        line = self._bytes.line()
        if line is None:
            # A first byte that begins no reply is noticed before its line is there.
            at = self._bytes.at
            if len(self._bytes.kept) > at and self._bytes.kept[at] not in _KINDS:
                raise self._bytes.error(f"a reply of unknown type {chr(self._bytes.kept[at])!r}")
            return _DONE
        if not line or line[0] not in _KINDS:
            raise self._bytes.error(f"a reply of unknown type {chr(line[0]) if line else ''!r}")
        return self._begun(line[0], line[1:])

    def _begun(self, kind: int, rest: bytes) -> object:
        source = self._bytes
        match chr(kind):
            case "+":
                return Status(_text(rest))
            case "-":
                return Failure(_text(rest))
            case ":":
                return source.number(rest, -(2**63), 2**63 - 1, "integer")
            case "_":
                return None
            case "#":
                if rest not in (b"t", b"f"):
                    raise source.error(f"boolean {rest[:8]!r}, expected t or f")
                return rest == b"t"
            case ",":
                return self._double(rest)
            case "(":
                digits = rest.lstrip(b"+-")
                if not digits.isdigit() or len(rest) - len(digits) > 1:
                    raise source.error(f"big number {rest[:24]!r}, expected digits")
                return BigNumber(rest.decode("ascii"))
            case "$" | "!" | "=":
                size = source.number(rest, -1, BULK_LIMIT, "string length")
                if size < 0:
                    return None
                self._bulk = (kind, size)
                return self._scalar_or_open()
            case _:
                return self._aggregate(kind, rest)

    def _aggregate(self, kind: int, rest: bytes) -> object:
        count = self._bytes.number(rest, -1, COUNT_LIMIT, "number of elements")
        if count < 0:
            return None
        if len(self._open) >= DEPTH_LIMIT:
            raise self._bytes.error(f"more than {DEPTH_LIMIT} aggregates within each other")
        opened = _Aggregate(kind, count * 2 if kind in _PAIRED else count)
        if kind == _ATTRIBUTE and not count:
            return self._scalar_or_open()
        self._open.append(opened)
        return opened

    def _string(self, kind: int, data: bytes) -> Reply:
        if kind == ord("!"):
            return Failure(_text(data))
        if kind == ord("="):
            if data[3:4] != b":":
                raise self._bytes.error("verbatim string without a format")
            return Verbatim(_text(data[:3]), data[4:])
        return data

    def _double(self, rest: bytes) -> float:
        try:
            if b"_" in rest or rest.strip() != rest:
                raise ValueError
            return float(rest)
        except ValueError:
            raise self._bytes.error(f"double {rest[:24]!r}, expected a number") from None


_ATTRIBUTE = ord("|")
_PAIRED = frozenset(b"%|")
_KINDS = frozenset(b"+-:_#,($!=*%~>|")


def _closed(aggregate: _Aggregate) -> Reply:
    items = aggregate.items
    match chr(aggregate.kind):
        case "%":
            return Map(tuple(zip(items[::2], items[1::2], strict=True)))
        case "~":
            return Members(tuple(items))
        case ">":
            return Push(tuple(items))
        case _:
            return tuple(items)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
