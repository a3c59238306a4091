"""Postgres's own hashes of text, with which services make keys for advisory locks.

The functions are those of ``src/common/hashfn.c``, which is Bob Jenkins's lookup3
(https://burtleburtle.net/bob/c/lookup3.c, public domain) with the seed mixed in beforehand. They
take the bytes of a text and are the same on every little-endian server; with a deterministic
collation ``hashtext`` hashes just those bytes.
"""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF
_TRIPLE = struct.Struct("<III")
_SOURCES: dict[str, str] = {}
_KEPT = 10_000


def hashtext(text: str) -> int:
    """``hashtext(text)``: a signed 32-bit number."""
    _, _, c = _hash(text.encode(), 0)
    return _remembered(c - (1 << 32) if c >> 31 else c, f"hashtext({text})")


def hashtextextended(text: str, seed: int) -> int:
    """``hashtextextended(text, seed)``: a signed 64-bit number."""
    _, b, c = _hash(text.encode(), seed & 0xFFFFFFFFFFFFFFFF)
    found = (b << 32) | c
    number = found - (1 << 64) if found >> 63 else found
    return _remembered(number, f"hashtextextended({text}, {seed})")


def source(number: str) -> str | None:
    """Return the text that a number was calculated from, as far as that is remembered.

    A number that is the hash of a generated value is a generated value as well.
    """
    return _SOURCES.get(number)


def _remembered(number: int, text: str) -> int:
    if len(_SOURCES) >= _KEPT:
        _SOURCES.clear()
    _SOURCES[str(number)] = text
    return number


def _hash(data: bytes, seed: int) -> tuple[int, int, int]:
    a = b = c = (0x9E3779B9 + len(data) + 3923095) & _MASK
    if seed:
        a, b, c = _mix((a + (seed >> 32)) & _MASK, (b + (seed & _MASK)) & _MASK, c)
    whole = len(data) // 12 * 12
    for at in range(0, whole, 12):
        x, y, z = _TRIPLE.unpack_from(data, at)
        a, b, c = _mix((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
    rest = data[whole:]
    # The lowest byte of c is reserved for the length, which is in it already.
    x, y, _ = _TRIPLE.unpack(rest.ljust(12, b"\0"))
    z = int.from_bytes(rest[8:], "little") << 8
    return _final((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)


def _rotated(x: int, by: int) -> int:
    return ((x << by) | (x >> (32 - by))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    a = ((a - c) & _MASK) ^ _rotated(c, 4)
    c = (c + b) & _MASK
    b = ((b - a) & _MASK) ^ _rotated(a, 6)
    a = (a + c) & _MASK
    c = ((c - b) & _MASK) ^ _rotated(b, 8)
    b = (b + a) & _MASK
    a = ((a - c) & _MASK) ^ _rotated(c, 16)
    c = (c + b) & _MASK
    b = ((b - a) & _MASK) ^ _rotated(a, 19)
    a = (a + c) & _MASK
    c = ((c - b) & _MASK) ^ _rotated(b, 4)
    b = (b + a) & _MASK
    return a, b, c


def _final(a: int, b: int, c: int) -> tuple[int, int, int]:
    c = ((c ^ b) - _rotated(b, 14)) & _MASK
    a = ((a ^ c) - _rotated(c, 11)) & _MASK
    b = ((b ^ a) - _rotated(a, 25)) & _MASK
    c = ((c ^ b) - _rotated(b, 16)) & _MASK
    a = ((a ^ c) - _rotated(c, 4)) & _MASK
    b = ((b ^ a) - _rotated(a, 14)) & _MASK
    c = ((c ^ b) - _rotated(b, 24)) & _MASK
    return a, b, c
