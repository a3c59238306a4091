"""What a service sends to Stripe is read whole, however it comes, and answered in one piece."""

from __future__ import annotations

import pytest

from paidonce.harness.taps.protocol_error import ProtocolError
from paidonce.harness.taps.stripe.requests import MAX_HEAD, HttpRequests, answer_bytes

CREATE = (
    b"POST /v1/payment_intents?expand[]=a HTTP/1.1\r\nHost: s\r\nIdempotency-KEY:  k 1 \r\n"
    b"Content-Length: 10\r\n\r\namount=500"
)
LIST = b"GET /v1/charges HTTP/1.1\r\nHost: s\r\n\r\n"


def read(*pieces: bytes):
    requests = HttpRequests()
    found = []
    for piece in pieces:
        requests.feed(piece)
        while (request := requests.next()) is not None:
            found.append(request)
    return found


def test_a_request_is_the_same_in_one_piece_and_byte_by_byte():
    (whole,) = read(CREATE)
    assert read(*(CREATE[at : at + 1] for at in range(len(CREATE)))) == [whole]
    assert (whole.method, whole.target) == ("POST", "/v1/payment_intents?expand[]=a")
    assert whole.headers == (
        (b"host", b"s"),
        (b"idempotency-key", b"k 1"),
        (b"content-length", b"10"),
    )
    assert (whole.body, whole.keeps) == (b"amount=500", True)


def test_requests_that_come_at_once_are_told_apart():
    found = read(CREATE + LIST + LIST[:20], LIST[20:])
    assert [one.method for one in found] == ["POST", "GET", "GET"]
    assert [one.body for one in found] == [b"amount=500", b"", b""]


def test_a_body_in_chunks_is_put_together():
    head = b"POST /v1/refunds HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    (found,) = read(head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    assert found.body == b"abcde"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/charges HTTP/1.0\r\n",
        b"GET /v1/charges HTTP/1.0\r\nConnection: keep-alive\r\n",
        b"GET /v1/charges HTTP/1.1\r\nConnection: close\r\n",
    ],
)
def test_a_connection_that_is_not_to_be_used_again_is_closed(head):
    (found,) = read(head + b"\r\n")
    assert not found.keeps


@pytest.mark.parametrize("body", [b"", b"amount=500"])
def test_an_offer_to_speak_something_else_is_passed_over(body):
    head = b"POST /v1/refunds HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    head += b"Content-Length: %d\r\n\r\n" % len(body)
    found = read(head + body + LIST, LIST)
    assert [one.method for one in found] == ["POST", "GET", "GET"]
    assert (found[0].body, found[0].keeps) == (body, True)
    assert (
        read(*((head + body + LIST)[at : at + 1] for at in range(len(head + body + LIST))))
        == (found[:2])
    )


def test_what_is_no_http_is_told():
    with pytest.raises(ProtocolError, match="no HTTP request"):
        read(b"\x00\x01nonsense\r\n\r\n")


def test_a_head_without_end_is_not_read_for_ever():
    endless = HttpRequests()
    endless.feed(b"GET /v1/charges HTTP/1.1\r\n")
    line = b"A: " + b"b" * 1000 + b"\r\n"
    for _ in range(MAX_HEAD // len(line)):
        endless.feed(line)
    with pytest.raises(ProtocolError, match=str(MAX_HEAD)):
        endless.feed(line)


def test_an_answer_has_its_length_and_says_whether_it_is_the_last():
    headers = [(b"Request-Id", b"req_1")]
    assert answer_bytes(200, "OK", headers, b"{}", keeps=True) == (
        b"HTTP/1.1 200 OK\r\nRequest-Id: req_1\r\ncontent-length: 2\r\n\r\n{}"
    )
    last = answer_bytes(402, "Payment Required", [], b"", keeps=False)
    assert last.startswith(b"HTTP/1.1 402 Payment Required\r\n")
    assert b"\r\nConnection: close\r\n\r\n" in last
