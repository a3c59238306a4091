"""RESP values as Hypothesis strategies of (value, its bytes), written from the specification."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from paidonce.harness.taps.redis import resp as r

lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
blobs = st.binary(max_size=40)


def line(kind, text):
    return kind.encode() + (text if isinstance(text, bytes) else str(text).encode()) + b"\r\n"


def bulk(kind, data):
    return line(kind, len(data)) + data + b"\r\n"


def joined(kind, parts, size=None):
    values = [value for value, _ in parts]
    raw = line(kind, len(parts) if size is None else size) + b"".join(raw for _, raw in parts)
    return values, raw


SCALARS = st.one_of(
    lines.map(lambda t: (r.Status(t), line("+", t))),
    lines.map(lambda t: (r.Failure(t), line("-", t))),
    blobs.map(lambda d: (d, bulk("$", d))),
    lines.map(lambda t: (r.Failure(t), bulk("!", t.encode()))),
    blobs.map(lambda d: (r.Verbatim("txt", d), bulk("=", b"txt:" + d))),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: (n, line(":", n))),
    st.integers().map(lambda n: (r.BigNumber(str(n)), line("(", n))),
    st.floats(allow_nan=False).map(
        lambda x: (x, line(",", repr(x) if math.isfinite(x) else str(x)))
    ),
    st.booleans().map(lambda b: (b, line("#", "t" if b else "f"))),
    st.sampled_from([(None, b"_\r\n"), (None, b"$-1\r\n"), (None, b"*-1\r\n")]),
)


def _array(parts):
    values, raw = joined("*", parts)
    return tuple(values), raw


def _set(parts):
    values, raw = joined("~", parts)
    return r.Members(tuple(values)), raw


def _map(parts):
    values, raw = joined("%", parts, len(parts) // 2)
    return r.Map(tuple(zip(values[::2], values[1::2], strict=True))), raw


def _with_attribute(parts):
    _, attribute = joined("|", parts[:2], 1)
    value, raw = parts[2]
    return value, attribute + raw


def _nested(children):
    some = st.lists(children, max_size=4)
    return st.one_of(
        some.map(_array),
        some.map(_set),
        some.filter(lambda parts: len(parts) % 2 == 0).map(_map),
        st.lists(children, min_size=3, max_size=3).map(_with_attribute),
    )


REPLIES = st.recursive(SCALARS, _nested, max_leaves=12)


def _push(parts):
    values, raw = joined(">", parts)
    return r.Push(tuple(values)), raw


PUSHES = st.lists(REPLIES, min_size=1, max_size=3).map(_push)


def command(*args):
    """A command as clients send it."""
    words = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return line("*", len(words)) + b"".join(bulk("$", word) for word in words)
