"""Every message of the protocol as a Hypothesis strategy of (message, its bytes).

The encoder is written from the manual's section 54.7 and shares nothing with the parser but the
types, so that an error in one of them shows.
"""

from __future__ import annotations

import itertools
import struct

from hypothesis import strategies as st

from paidonce.harness.taps.postgres import backend as b
from paidonce.harness.taps.postgres import frontend as f

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
filled = words.filter(bool)
int16s = st.integers(-(2**15), 2**15 - 1)
int32s = st.integers(-(2**31), 2**31 - 1)
oids = st.integers(0, 2**32 - 1)
blobs = st.binary(max_size=40)
values = st.lists(st.none() | blobs, max_size=4).map(tuple)
formats = st.lists(st.integers(0, 1), max_size=4).map(tuple)


def z(text):
    return text.encode() + b"\0"


def i2(number):
    return struct.pack("!h", number)


def i4(number):
    return struct.pack("!i", number)


def u4(number):
    return struct.pack("!I", number)


def each(items, encode):
    return struct.pack("!H", len(items)) + b"".join(encode(item) for item in items)


def value(data):
    return i4(-1) if data is None else i4(len(data)) + data


def typed(kind, *parts):
    body = b"".join(parts)
    return kind.encode() + u4(len(body) + 4) + body


def untyped(*parts):
    body = b"".join(parts)
    return u4(len(body) + 4) + body


def pair(strategy, encode):
    return strategy.map(lambda message: (message, encode(message)))


ENCRYPTION = st.sampled_from(
    [
        (f.SSLRequest(), untyped(u4(80877103))),
        (f.GSSENCRequest(), untyped(u4(80877104))),
    ]
)
STARTUP = pair(
    st.builds(
        f.StartupMessage,
        st.tuples(st.just(3), st.integers(0, 9999)),
        st.lists(st.tuples(filled, words), max_size=4).map(tuple),
    ),
    lambda m: untyped(
        u4(m.version[0] << 16 | m.version[1]), *(z(n) + z(v) for n, v in m.parameters), b"\0"
    ),
)
CANCEL = pair(
    st.builds(f.CancelRequest, int32s, st.binary(min_size=4, max_size=256)),
    lambda m: untyped(u4(80877102), i4(m.pid), m.key),
)
FRONTEND = st.one_of(
    pair(st.builds(f.AuthenticationResponse, blobs), lambda m: typed("p", m.data)),
    pair(st.builds(f.Query, words), lambda m: typed("Q", z(m.sql))),
    pair(
        st.builds(f.Parse, words, words, st.lists(oids, max_size=3).map(tuple)),
        lambda m: typed("P", z(m.name), z(m.sql), each(m.types, u4)),
    ),
    pair(
        st.builds(f.Bind, words, words, formats, values, formats),
        lambda m: typed(
            "B",
            z(m.portal),
            z(m.statement),
            each(m.formats, i2),
            each(m.values, value),
            each(m.results, i2),
        ),
    ),
    pair(
        st.builds(f.Describe, st.sampled_from("SP"), words),
        lambda m: typed("D", m.subject.encode(), z(m.name)),
    ),
    pair(
        st.builds(f.Close, st.sampled_from("SP"), words),
        lambda m: typed("C", m.subject.encode(), z(m.name)),
    ),
    pair(st.builds(f.Execute, words, int32s), lambda m: typed("E", z(m.portal), i4(m.limit))),
    pair(
        st.builds(f.FunctionCall, oids, formats, values, int16s),
        lambda m: typed("F", u4(m.oid), each(m.formats, i2), each(m.values, value), i2(m.result)),
    ),
    pair(st.builds(f.CopyData, blobs), lambda m: typed("d", m.data)),
    pair(st.builds(f.CopyFail, words), lambda m: typed("f", z(m.reason))),
    st.sampled_from(
        [
            (f.Flush(), typed("H")),
            (f.Sync(), typed("S")),
            (f.CopyDone(), typed("c")),
            (f.Terminate(), typed("X")),
        ]
    ),
)

columns = st.builds(
    b.Column,
    name=words,
    table=oids,
    attribute=int16s,
    type=oids,
    size=int16s,
    modifier=int32s,
    format=st.integers(0, 1),
)
fields = st.lists(st.tuples(st.sampled_from("SVCMDHPpqWstcdnFLR"), words), max_size=5).map(tuple)


def column(c):
    numbers = struct.pack("!IhIhih", c.table, c.attribute, c.type, c.size, c.modifier, c.format)
    return z(c.name) + numbers


def report(kind):
    return lambda m: typed(kind, *(n.encode() + z(v) for n, v in m.fields), b"\0")


BACKEND = st.one_of(
    pair(st.builds(b.Authentication, int32s, blobs), lambda m: typed("R", i4(m.code), m.data)),
    pair(
        st.builds(b.BackendKeyData, int32s, st.binary(min_size=4, max_size=256)),
        lambda m: typed("K", i4(m.pid), m.key),
    ),
    pair(st.builds(b.ParameterStatus, words, words), lambda m: typed("S", z(m.name), z(m.value))),
    pair(
        st.builds(
            b.NegotiateProtocolVersion,
            st.tuples(st.just(3), st.integers(0, 9999)),
            st.lists(words, max_size=3).map(tuple),
        ),
        lambda m: typed(
            "v", u4(3 << 16 | m.version[1]), i4(len(m.unknown)), *(z(name) for name in m.unknown)
        ),
    ),
    pair(
        st.builds(b.ReadyForQuery, st.sampled_from("ITE")), lambda m: typed("Z", m.status.encode())
    ),
    pair(
        st.builds(b.RowDescription, st.lists(columns, max_size=3).map(tuple)),
        lambda m: typed("T", each(m.columns, column)),
    ),
    pair(st.builds(b.DataRow, values), lambda m: typed("D", each(m.values, value))),
    pair(st.builds(b.CommandComplete, words), lambda m: typed("C", z(m.tag))),
    pair(st.builds(b.ErrorResponse, fields), report("E")),
    pair(st.builds(b.NoticeResponse, fields), report("N")),
    pair(
        st.builds(b.ParameterDescription, st.lists(oids, max_size=3).map(tuple)),
        lambda m: typed("t", each(m.types, u4)),
    ),
    pair(
        st.builds(b.NotificationResponse, int32s, words, words),
        lambda m: typed("A", i4(m.pid), z(m.channel), z(m.payload)),
    ),
    pair(
        st.builds(b.CopyResponse, st.sampled_from("GHW"), st.integers(0, 1), formats),
        lambda m: typed(m.direction, bytes([m.format]), each(m.columns, i2)),
    ),
    pair(st.builds(b.CopyData, blobs), lambda m: typed("d", m.data)),
    pair(
        st.builds(b.FunctionCallResponse, st.none() | blobs), lambda m: typed("V", value(m.value))
    ),
    st.sampled_from(
        [
            (b.ParseComplete(), typed("1")),
            (b.BindComplete(), typed("2")),
            (b.CloseComplete(), typed("3")),
            (b.NoData(), typed("n")),
            (b.PortalSuspended(), typed("s")),
            (b.EmptyQueryResponse(), typed("I")),
            (b.CopyDone(), typed("c")),
        ]
    ),
)


@st.composite
def chunked(draw, data):
    """``data`` cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    edges = [0, *cuts, len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]
