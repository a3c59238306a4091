"""When two values of a column are the same: one text for all the ways to write a value.

Two rows may be told apart by a column only if values that are equal to Postgres have one text.
Types for which that cannot be had (floating point, timestamps with their time zones, json,
anything with a nondeterministic collation) tell no rows apart here.
"""

from __future__ import annotations

import functools
import re
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

Family = Literal["int", "numeric", "text", "varchar", "char", "bool", "uuid", "date", "other"]

FAMILIES: dict[str, Family] = {
    "int2": "int",
    "int4": "int",
    "int8": "int",
    "oid": "int",
    "numeric": "numeric",
    "text": "text",
    "varchar": "varchar",
    "bpchar": "char",
    "bool": "bool",
    "uuid": "uuid",
    "date": "date",
}
"""By the name in ``pg_type`` (schema ``pg_catalog``). Enumerations are ``text``."""

_INTEGER = re.compile(r"[+-]?\d{1,30}")
_NUMERIC = re.compile(r"[+-]?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,2})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_HEX = re.compile(r"[0-9a-f]{32}")
_WORDS = ("true", "false", "yes", "no", "on", "off")
_BLANKS = " \t\n\r\f\v"


class ColumnType(msgspec.Struct, frozen=True):
    """A type as far as it matters for telling values apart.

    ``modifier`` is ``atttypmod``: -1, or a length or precision that values are cut to.
    """

    family: Family = "other"
    modifier: int = -1

    def compared(self, text: str) -> str | None:
        """The one text of a value this is compared with; None if it cannot be told."""
        return canonical(self.family, text)

    def stored(self, text: str) -> str | None:
        """The one text of a value once it is in the column; None if it cannot be told."""
        if self.modifier >= 0:
            if self.family == "varchar" and text.endswith(" "):
                return None  # spaces beyond the length are cut off without an error
            if self.family == "numeric":
                return self._rounded(text)
        return canonical(self.family, text)

    def _rounded(self, text: str) -> str | None:
        # numeric's modifier: precision in the upper half, scale (eleven bits) in the lower.
        scale = (self.modifier - 4) & 0x7FF
        found = canonical("numeric", text)
        if found is None or scale > 0x3FF or len(found.partition(".")[2]) > scale:
            return None
        return found


def canonical(family: Family, text: str) -> str | None:
    """The one text for all values equal to ``text``; None if there is none or it is not one."""
    if family in ("text", "varchar"):
        return text
    match family:
        case "char":
            return text.rstrip(" ")
        case "int":
            return _integer(text.strip(_BLANKS))
        case "numeric":
            return _numeric(text.strip(_BLANKS))
        case "bool":
            return _bool(text.strip(_BLANKS).lower())
        case "uuid":
            return _uuid(text)
        case "date":
            return text if _DATE.fullmatch(text) else None
        case _:
            return None


@functools.lru_cache(maxsize=1024)
def _integer(text: str) -> str | None:
    if _INTEGER.fullmatch(text):
        return str(int(text))
    found = _numeric(text)
    return found if found is not None and "." not in found else None


def _numeric(text: str) -> str | None:
    if not _NUMERIC.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    shown = format(number, "f")
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return "0" if shown in ("-0", "+0", "0", "-", "+") else shown


def _bool(text: str) -> str | None:
    # Any unambiguous beginning of these words will do (manual, section 8.6).
    if text in ("1", "0"):
        return "true" if text == "1" else "false"
    found = {word for word in _WORDS if text and word.startswith(text)}
    if len(found) != 1:
        return None
    return "true" if found.pop() in ("true", "yes", "on") else "false"


def _uuid(text: str) -> str | None:
    digits = text.strip().lower().strip("{}").replace("-", "")
    if not _HEX.fullmatch(digits):
        return None
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
