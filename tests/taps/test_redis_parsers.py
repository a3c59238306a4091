"""Reading RESP: whatever is encoded is read again, however it is cut; garbage is an error."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from postgres_messages import chunked
from redis_values import PUSHES, REPLIES, bulk, command, line

from paidonce.harness.taps.protocol_error import ProtocolError
from paidonce.harness.taps.redis.requests import RequestReader, split
from paidonce.harness.taps.redis.resp import (
    BULK_LIMIT,
    DEPTH_LIMIT,
    LINE_LIMIT,
    BigNumber,
    Failure,
    Map,
    ReplyReader,
)

words = st.lists(st.binary(max_size=20), min_size=1, max_size=5)


@given(st.lists(st.one_of(REPLIES, PUSHES), max_size=6), st.data())
def test_replies_are_understood_however_they_are_cut(replies, data):
    reader = ReplyReader()
    pieces = data.draw(chunked(b"".join(raw for _, raw in replies)))
    heard = [found for piece in pieces for found in reader.feed(piece)]
    assert [found.reply for found in heard] == [value for value, _ in replies]
    assert [found.raw for found in heard] == [raw for _, raw in replies]
    assert reader.pending == 0


@given(st.lists(words, max_size=6), st.data())
def test_commands_are_understood_however_they_are_cut(commands, data):
    reader = RequestReader()
    pieces = data.draw(chunked(b"".join(command(*args) for args in commands)))
    found = [request for piece in pieces for request in reader.feed(piece)]
    assert [list(request.args) for request in found] == commands
    assert [request.raw for request in found] == [command(*args) for args in commands]


@given(st.binary(max_size=200), st.data())
def test_garbage_is_an_error_or_an_unfinished_value(garbage, data):
    for reader in (ReplyReader(), RequestReader()):
        with contextlib.suppress(ProtocolError):
            for piece in data.draw(chunked(garbage)):
                reader.feed(piece)


@given(REPLIES, st.data())
def test_a_damaged_reply_is_never_anything_but_a_protocol_error(reply, data):
    damaged = bytearray(reply[1])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        ReplyReader().feed(bytes(damaged))


@pytest.mark.parametrize(
    ("raw", "problem", "offset"),
    [
        (b"hello", "unknown type 'h'", 5),
        (b":12a\r\n", "integer b'12a', expected a number", 11),
        (b":9223372036854775808\r\n", "expected -9223372036854775808 to", 27),
        (line("$", BULK_LIMIT + 1), "string length", 17),
        (b"$2\r\nabcd\r\n", "longer than it said", 11),
        (b"*-2\r\n", "number of elements -2", 10),
        (b"#x\r\n", "expected t or f", 9),
        (b",one\r\n", "double b'one'", 11),
        (b"(1.5\r\n", "big number b'1.5'", 11),
        (b"=3\r\ntxt\r\n", "without a format", 14),
        (b"+" + b"x" * LINE_LIMIT + b"x", f"more than {LINE_LIMIT} bytes", 5),
        (b"*1\r\n" * (DEPTH_LIMIT + 1), f"more than {DEPTH_LIMIT} aggregates", 5 + 4 * 129),
        (b"$?\r\n", "expected a number", 9),
    ],
)
def test_what_is_wrong_with_a_reply_is_said(raw, problem, offset):
    reader = ReplyReader()
    reader.feed(b"+OK\r\n")
    with pytest.raises(ProtocolError) as caught:
        reader.feed(raw)
    assert problem in str(caught.value)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"*1\r\n+OK\r\n", "expected '$', got '+'"),
        (b"*x\r\n", "number of arguments b'x'"),
        (b"*1\r\n$-1\r\n", "argument length -1"),
        (b"SET 'a\r\n", "unbalanced quotes"),
        (b"x" * (LINE_LIMIT + 1), f"more than {LINE_LIMIT} bytes"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(raw, problem):
    with pytest.raises(ProtocolError) as caught:
        RequestReader().feed(raw)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        (b"PING", [b"PING"]),
        (b"  set  a   b ", [b"set", b"a", b"b"]),
        (b'set k "a b\\n\\x41\\"\\q"', [b"set", b"k", b'a b\nA"q']),
        (b"set k 'a\\'b\\n'", [b"set", b"k", b"a'b\\n"]),
        (b'a"b"', [b"ab"]),
        (b"set \"\" ''", [b"set", b"", b""]),
        (b"", []),
        (b'"open', None),
        (b'"a"b', None),
    ],
)
def test_inline_commands(text, args):
    assert split(text) == args


def test_inline_commands_and_empty_ones_among_others():
    found = RequestReader().feed(b"PING\r\n\r\n*0\r\n" + command("GET", "k") + b"ECHO hi\n")
    assert [request.args for request in found] == [
        (b"PING",),
        (),
        (),
        (b"GET", b"k"),
        (b"ECHO", b"hi"),
    ]


def test_a_large_string_in_small_pieces():
    raw = bulk("$", b"x" * 3_000_000)
    reader = ReplyReader()
    found = [h for at in range(0, len(raw), 100) for h in reader.feed(raw[at : at + 100])]
    assert [len(heard.reply) for heard in found] == [3_000_000]


def test_big_numbers_errors_and_maps_keep_their_kind():
    raw = (
        b"*3\r\n(-3492890328409238509324850943850943825024385\r\n!5\r\nERR x\r\n%1\r\n+a\r\n:1\r\n"
    )
    ((reply, _),) = ReplyReader().feed(raw)
    assert reply[0] == BigNumber("-3492890328409238509324850943850943825024385")
    assert reply[1] == Failure("ERR x")
    assert isinstance(reply[2], Map)
