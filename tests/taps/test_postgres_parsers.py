"""The parsers: whatever is encoded is read again, however it is cut; garbage is an error."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from postgres_messages import (
    BACKEND,
    CANCEL,
    ENCRYPTION,
    FRONTEND,
    STARTUP,
    chunked,
    typed,
    untyped,
)

from paidonce.harness.taps.postgres import backend, frontend
from paidonce.harness.taps.postgres.frames import LARGE_LIMIT, SMALL_LIMIT
from paidonce.harness.taps.protocol_error import ProtocolError


def parsed(parser, pieces):
    return [message for piece in pieces for message in parser.feed(piece)]


@given(
    st.lists(ENCRYPTION, max_size=2),
    STARTUP,
    st.lists(FRONTEND, max_size=8),
    st.data(),
)
def test_a_client_is_understood_however_its_bytes_are_cut(encryption, startup, rest, data):
    sent = [*encryption, startup, *rest]
    pieces = data.draw(chunked(b"".join(raw for _, raw in sent)))
    assert parsed(frontend.FrontendParser(), pieces) == [message for message, _ in sent]


@given(st.lists(BACKEND, max_size=10), st.data())
def test_a_server_is_understood_however_its_bytes_are_cut(sent, data):
    pieces = data.draw(chunked(b"".join(raw for _, raw in sent)))
    assert parsed(backend.BackendParser(), pieces) == [message for message, _ in sent]


@given(CANCEL, st.data())
def test_a_request_to_cancel(sent, data):
    message, raw = sent
    assert parsed(frontend.FrontendParser(), data.draw(chunked(raw))) == [message]


CLIENT = st.one_of(FRONTEND, STARTUP, CANCEL, ENCRYPTION)


@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        *((CLIENT, kind) for kind in frontend.FrontendMessage.__args__),
        *((BACKEND, kind) for kind in backend.BackendMessage.__args__),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_message_type_is_in_the_round_trips(strategy, kind):
    """The strategies cover both parsers' types, so none goes untested when one is added."""
    search = settings(max_examples=5_000, phases=[Phase.generate], derandomize=True)
    assert type(find(strategy, lambda sent: type(sent[0]) is kind, settings=search)[0]) is kind


@given(st.binary(max_size=300), st.booleans(), st.data())
def test_garbage_is_an_error_or_an_unfinished_message(garbage, started, data):
    for parser in (frontend.FrontendParser(started=started), backend.BackendParser()):
        with contextlib.suppress(ProtocolError):
            parsed(parser, data.draw(chunked(garbage)))


@given(st.one_of(FRONTEND, BACKEND), st.data())
def test_a_damaged_body_is_never_anything_but_a_protocol_error(sent, data):
    _, raw = sent
    damaged = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    for parser in (frontend.FrontendParser(started=True), backend.BackendParser()):
        with contextlib.suppress(ProtocolError):
            parser.feed(bytes(damaged))


@pytest.mark.parametrize(
    ("raw", "problem", "offset"),
    [
        (b"\x16\x03\x01\x02", "begins with TLS", 0),
        (untyped(b"\0\2\0\0"), "protocol version 2.0", 8),
        (b"\0\0\xff\xff\0\3\0\0", "startup packet of length 65535", 0),
        (b"\0\0\0\3", "startup packet of length 3", 0),
        (untyped(b"\0\3\0\0", b"user\0me"), "parameter user has no end", 13),
        (untyped(b"\x04\xd2\x16\x2e", b"\0\0\0\1ab"), "cancel key of 2 bytes", 14),
    ],
)
def test_what_is_wrong_with_a_startup_packet_is_said(raw, problem, offset):
    with pytest.raises(ProtocolError, match=problem) as caught:
        frontend.FrontendParser().feed(raw)
    assert caught.value.offset == offset
    assert f"at byte {offset}" in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "problem", "offset"),
    [
        (b"?\0\0\0\4", "unknown type 0x3f", 5),
        (b"Q\0\0\0\3", "'Q' of length 3", 5),
        (b"S\0\1\0\1", f"expected 4 to {SMALL_LIMIT}", 5),
        (b"Q\x40\0\0\0", f"expected 4 to {LARGE_LIMIT}", 5),
        (typed("S", b"x"), "Sync: 1 bytes more", 10),
        (typed("Q", b"no end"), "Query: query has no end", 10),
        (typed("D", b"Xname\0"), "subject 0x58, expected S or P", 11),
        (typed("B", b"\0\0\0\0\0\1\0\0\0\x09a"), "Bind: value runs past its end", 20),
    ],
)
def test_what_is_wrong_with_a_message_is_said(raw, problem, offset):
    parser = frontend.FrontendParser(started=True)
    parser.feed(typed("S"))
    with pytest.raises(ProtocolError, match=problem) as caught:
        parser.feed(raw)
    assert caught.value.offset == offset


def test_a_message_in_a_million_pieces_is_not_joined_a_million_times():
    """Time stays linear: pieces of an unfinished message are kept, not joined again."""
    raw = typed("d", b"x" * 4_000_000)
    parser = backend.BackendParser()
    found = parsed(parser, (raw[at : at + 64] for at in range(0, len(raw), 64)))
    assert [len(message.data) for message in found] == [4_000_000]
