"""Values as text, from either wire format, for types whose binary format is simple and stable.

The text is the server's own, with DateStyle ISO and in UTC.

The formats are those of the types' ``*_send`` functions; OIDs are those of ``pg_type.dat``,
which never change for built-in types.
"""

from __future__ import annotations

import contextlib
import datetime
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal

TEXT, BINARY = 0, 1
_EPOCH = datetime.datetime(2000, 1, 1)
_FLOAT4_DIGITS, _FLOAT8_DIGITS = 6, 15
"""The precision of these types to the server (FLT_DIG and DBL_DIG of C)."""
_MICROSECOND = datetime.timedelta(microseconds=1)


def as_text(value: bytes | None, format: int, oid: int) -> str | None:
    """``value`` as the server would print it; None for null and for what cannot be told."""
    if value is None:
        return None
    if format == TEXT:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    reader = _BINARY.get(oid)
    if reader is None:
        return None
    try:
        return reader(value)
    except (struct.error, ValueError, OverflowError, ArithmeticError, IndexError):
        return None


def formats_of(formats: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The formats of as many values; see ``format_of``."""
    if len(formats) == count:
        return formats
    return tuple([format_of(formats, index) for index in range(count)])


def format_of(formats: tuple[int, ...], index: int) -> int:
    """The format of value ``index`` where none, one for all, or one each is given."""
    if not formats:
        return TEXT
    if len(formats) == 1:
        return formats[0]
    return formats[index] if index < len(formats) else TEXT


def _integer(size: int, signed: bool = True) -> Callable[[bytes], str]:
    def read(value: bytes) -> str:
        if len(value) != size:
            raise ValueError("not an integer of this size")
        return str(int.from_bytes(value, "big", signed=signed))

    return read


def _bool(value: bytes) -> str:
    return {b"\0": "f", b"\1": "t"}.get(value) or _refuse()


def _refuse() -> str:
    raise ValueError("not a value of this type")


def _uuid(value: bytes) -> str:
    return str(uuid.UUID(bytes=value))


def _string(value: bytes) -> str:
    return value.decode("utf-8")


def _jsonb(value: bytes) -> str:
    return value[1:].decode("utf-8") if value[:1] == b"\1" else _refuse()


def _bytea(value: bytes) -> str:
    return "\\x" + value.hex()


def _float4(value: bytes) -> str:
    number: float = struct.unpack("!f", value)[0]
    for digits in range(1, 9):  # the fewest that give the same float4 again
        text = f"{number:.{digits}g}"
        with contextlib.suppress(OverflowError):
            if struct.pack("!f", float(text)) == value:
                return _plain(text, _FLOAT4_DIGITS)
    return _plain(f"{number:.9g}", _FLOAT4_DIGITS)


def _float8(value: bytes) -> str:
    return _plain(repr(struct.unpack("!d", value)[0]), _FLOAT8_DIGITS)


def _plain(text: str, most: int) -> str:
    """A float's shortest digits in the server's layout.

    Numbers of more than ``most`` digits before the point have an exponent, as do those below
    0.0001.
    """
    number = Decimal(text)
    if number.is_nan():
        return "NaN"
    if number.is_infinite():
        return "-Infinity" if number < 0 else "Infinity"
    sign, digits, _ = number.as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    minus, power = "-" if sign else "", number.adjusted()
    if number == 0:
        return f"{minus}0"
    if not -5 < power < most:
        fraction = f".{shown[1:]}" if shown[1:] else ""
        return f"{minus}{shown[0]}{fraction}e{power:+03d}"
    whole = shown[: power + 1].ljust(power + 1, "0") if power >= 0 else "0"
    rest = shown[power + 1 :] if power >= 0 else "0" * (-power - 1) + shown
    return f"{minus}{whole}.{rest}" if rest else f"{minus}{whole}"


def _date(value: bytes) -> str:
    days: int = struct.unpack("!i", value)[0]
    if days in (2**31 - 1, -(2**31)):
        return "infinity" if days > 0 else "-infinity"
    return (_EPOCH.date() + datetime.timedelta(days=days)).isoformat()


def _timestamp(zone: str) -> Callable[[bytes], str]:
    def read(value: bytes) -> str:
        micros: int = struct.unpack("!q", value)[0]
        if micros in (2**63 - 1, -(2**63)):
            return "infinity" if micros > 0 else "-infinity"
        text = (_EPOCH + micros * _MICROSECOND).isoformat(sep=" ")
        return (text.rstrip("0") if "." in text else text) + zone

    return read


def _numeric(value: bytes) -> str:
    """Base-10000 digits with the weight of the first (numeric_send)."""
    count, weight, sign, scale = struct.unpack_from("!HhHH", value)
    if sign in _SPECIAL_NUMERIC:
        return _SPECIAL_NUMERIC[sign]
    groups = struct.unpack_from(f"!{count}H", value, 8)
    if len(value) != 8 + 2 * count or sign not in (0, 0x4000) or any(g > 9999 for g in groups):
        raise ValueError("not a numeric")
    digits = tuple(int(digit) for group in groups for digit in f"{group:04d}")
    number = Decimal((int(sign == 0x4000), digits or (0,), 4 * (weight - count + 1)))
    return f"{number:.{scale}f}"


_SPECIAL_NUMERIC = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}

_BINARY: dict[int, Callable[[bytes], str]] = {
    16: _bool,
    17: _bytea,
    18: _string,  # "char"
    19: _string,  # name
    20: _integer(8),
    21: _integer(2),
    23: _integer(4),
    25: _string,
    26: _integer(4, signed=False),  # oid
    114: _string,  # json
    700: _float4,
    701: _float8,
    705: _string,  # unknown
    1042: _string,  # character
    1043: _string,  # character varying
    1082: _date,
    1114: _timestamp(""),
    1184: _timestamp("+00"),
    1700: _numeric,
    2950: _uuid,
    3802: _jsonb,
}
