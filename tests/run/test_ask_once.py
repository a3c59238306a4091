"""One request on a connection of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest

from paidonce.harness.http.client import NoAnswer
from paidonce.harness.http.once import ask_once


def received(connection):
    """A whole request: its body may come in a piece of its own."""
    request = b""
    while b"\r\n\r\n" not in request or (b"POST" in request and not request.endswith(b"\ne")):
        more = connection.recv(10_000)
        assert more, f"the request ended after {request!r}"
        request += more
    return request


@contextmanager
def server(answer):
    """Yield the URL of a server that says ``answer`` once, and the list of what it was asked."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                heard.append(received(connection))
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1000):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", heard
        thread.join(10)


def test_it_says_what_it_is_told_and_returns_the_whole_answer(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    answer = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok"
    with server(answer) as (url, heard):
        found = ask_once("POST", f"{url}/a?b=c", seconds=10, headers={"X-B": "d"}, body=b"e")
    assert heard[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert b"\r\nX-B: d\r\n" in heard[0]
    assert heard[0].endswith(b"\r\n\r\ne")
    assert (found.status, found.reason, found.body) == (302, "Found", b"ok")
    assert found.headers["x-a"] == "b"


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"hm\r\n"]
)
def test_what_is_no_whole_answer_is_none(answer):
    with server(answer) as (url, _), pytest.raises(NoAnswer, match=r"no answer from 127\.0\.0\.1"):
        ask_once("GET", url, seconds=10)


def test_no_server_and_a_silent_one_are_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(NoAnswer):
            ask_once("GET", url, seconds=0.05)
    with pytest.raises(NoAnswer):
        ask_once("GET", url, seconds=10)
