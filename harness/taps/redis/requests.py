"""Reading what a client sends: arrays of bulk strings, or inline commands; no I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

from paidonce.harness.taps.redis.resp import BULK_LIMIT, LINE_LIMIT, BytesKept

_ARGUMENTS_LIMIT = 2**31 - 1
_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}
_SPACE = b" \t\n\v\f\r\0"


class Request(NamedTuple):
    """One command: its name and arguments, and its bytes. No arguments: the server ignores it."""

    args: tuple[bytes, ...]
    raw: bytes


class RequestReader:
    """Bytes of a client in, commands out."""

    def __init__(self) -> None:
        self._bytes = BytesKept("client")
        self._left = 0
        self._args: list[bytes] = []
        self._size: int | None = None

    @property
    def pending(self) -> int:
        """Bytes of an unfinished command that are being kept."""
        return len(self._bytes.kept)

    def feed(self, data: bytes) -> list[Request]:
        """The commands completed by ``data``. Raises ``ProtocolError``."""
        self._bytes.kept += data
        found: list[Request] = []
        while self._next():
            found.append(Request(tuple(self._args), self._bytes.used()))
            self._args = []
        return found

    def _next(self) -> bool:
        """Return whether a whole command is there now."""
        source = self._bytes
        if not self._left:
            if source.kept[source.at : source.at + 1] != b"*":
                return self._inline()
            line = source.line()
            if line is None:
                return False
            count = source.number(line[1:], -(2**63), _ARGUMENTS_LIMIT, "number of arguments")
            self._left = max(count, 0)
        while self._left:
            if not self._argument():
                return False
            self._left -= 1
        return True

    def _argument(self) -> bool:
        source = self._bytes
        if self._size is None:
            line = source.line()
            if line is None:
                return False
            if line[:1] != b"$":
                raise source.error(f"expected '$', got {line[:1].decode('latin-1')!r}")
            self._size = source.number(line[1:], 0, BULK_LIMIT, "argument length")
        data = source.bulk(self._size)
        if data is None:
            return False
        self._size = None
        self._args.append(data)
        return True

    def _inline(self) -> bool:
        """An inline command ends with a newline, before which a carriage return may stand."""
        source = self._bytes
        end = source.kept.find(b"\n", source.at)
        if end < 0:
            if len(source.kept) - source.at > LINE_LIMIT:
                raise source.error(f"an inline command of more than {LINE_LIMIT} bytes")
            return False
        line = bytes(source.kept[source.at : end]).removesuffix(b"\r")
        args = split(line)
        if args is None:
            raise source.error("unbalanced quotes in an inline command")
        source.at = end + 1
        self._args = args
        return True


_PLAIN = re.compile(rb"[^\"'" + _SPACE + rb"]+")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'', re.DOTALL)
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)


def split(line: bytes) -> list[bytes] | None:
    """The arguments of an inline command; None when its quotes are unbalanced.

    Double quotes understand ``\\n``, ``\\xff`` and the like, single quotes only ``\\'``; a
    closing quote must be followed by a space (the server's ``sdssplitargs``).
    """
    args: list[bytes] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _SPACE:
            at += 1
        if at == len(line):
            return args
        word = b""
        while at < len(line) and line[at] not in _SPACE:
            plain = _PLAIN.match(line, at)
            if plain is not None:
                word += plain.group()
                at = plain.end()
                continue
            quoted = _QUOTED.match(line, at)
            if quoted is None or (quoted.end() < len(line) and line[quoted.end()] not in _SPACE):
                return None
            at = quoted.end()
            if quoted.group(1) is not None:
                word += _ESCAPE.sub(_unescaped, quoted.group(1))
            else:
                word += quoted.group(2).replace(b"\\'", b"'")
        args.append(word)


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found.group(1)
    if code[:1] == b"x" and len(code) == 3:
        return bytes([int(code[1:], 16)])
    return _ESCAPES.get(code.decode("latin-1"), code)
