"""An event as a line of a history file: numbered, so that one that is missing is noticed.

A history that lost an event may look like one of a run in which it never happened, and an INVALID
may become a VALID. The number comes first in the line, as ``{"n":7,"type":…``.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from paidonce.harness.bounded import decode_json, encode_json
from paidonce.harness.history.events import Event

_HEAD = b'{"n":'


class _LineNumber(msgspec.Struct):
    n: int


def encoded(event: Event) -> bytes:
    """Return the event as JSON, without its number."""
    return encode_json(event)


def numbered(number: int, event: bytes) -> bytes:
    """Return the line of an encoded event, the ``number``-th of its history (from 1)."""
    return b"%s%d,%s\n" % (_HEAD, number, event[1:])


def as_lines(events: Iterable[Event], begin: int = 1) -> bytes:
    """Return events as lines, the first of them with the number ``begin``."""
    return b"".join(numbered(n, encoded(event)) for n, event in enumerate(events, start=begin))


def number_of(line: bytes) -> int | None:
    """Return the number of a line; None if it has none."""
    if line.startswith(_HEAD):
        text = line[len(_HEAD) : line.find(b",")]
        if text.isdigit() and len(text) < 18:
            return int(text)
    # Written again by somebody else's hand, in another order or with blanks.
    try:
        return decode_json(line, _LineNumber).n
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
