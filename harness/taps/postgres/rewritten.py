"""A client's messages put in other words, so that a statement and its commit are two units.

A Flush has the server carry out what it was sent; the Sync behind it commits (section 54.2.3). A
simple query is committed before it is answered; the same statement as an extended query is not.
"""

from __future__ import annotations

from harness.taps.postgres import fields
from harness.taps.postgres.frames import Frame

_FLUSH, _SYNC = fields.message(b"H"), fields.message(b"S")

UNASKED = frozenset(b"12n")
"""What a client that sent a simple query is not answered: ParseComplete, BindComplete, NoData."""


def committed_apart(sync: Frame) -> tuple[Frame, ...]:
    """A Flush, and then the Sync."""
    return _frames(sync, _FLUSH, sync.raw)


def extended(query: Frame, sql: str) -> tuple[Frame, ...]:
    """The simple query of one statement as an extended one, committed apart.

    Parameters there are none, and results are asked for as text, as a simple query has them.
    """
    none = fields.count16(0)
    return _frames(
        query,
        fields.message(b"P", fields.string(""), fields.string(sql), none),
        fields.message(b"B", fields.string(""), fields.string(""), none, none, none),
        fields.message(b"D", b"P", fields.string("")),
        fields.message(b"E", fields.string(""), fields.int32(0)),
        _FLUSH,
        _SYNC,
    )


def _frames(like: Frame, *messages: bytes) -> tuple[Frame, ...]:
    return tuple(Frame(message[0], message, like.offset) for message in messages)
