"""What a user of Locust sends, and what it makes of answers; in a process of its own, since Locust
replaces Python's blocking calls."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

SENDS = """
import json, sys
import gevent.select
from paidonce.harness.load.generate.sending import Sender
from paidonce.harness.http.client import Request

told = []
sender = Sender(sys.argv[1], lambda **what: told.append(what), patience=float(sys.argv[3]))
found = []
for method, path, headers, body in json.loads(sys.argv[2]):
    try:
        sent = sender.send(
            Request(method=method, path=path, headers=headers, body=body.encode())
        )
    except ValueError as error:
        found.append({"refused": str(error)})
        continue
    if path == "/once":  # until its end has come
        gevent.select.select(list(sender._pool._socket_queue.queue), [], [])
    sent.tell("named", "not as it should be" if sent.status >= 500 else "")
    found.append({"status": sent.status, "body": sent.body.decode(), "problem": sent.problem,
                  "type": sent.headers.get("content-type", "")})
for what in told:
    del what["response"]
    what["exception"] = str(what["exception"] or "")
print(json.dumps({"found": found, "told": told}))
"""
WITHIN_S = 60


class Shop(BaseHTTPRequestHandler):
    """Answers in one way for each path, and notes what it is asked."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[tuple[str, str, str | None, str, tuple[str, int]]]] = []
    wait = threading.Event()

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        told = (self.command, self.path, self.headers["Cookie"], body, self.client_address)
        self.asked.append(told)
        match self.path:
            case "/cut":
                self.close_connection = True
            case "/silent":
                self.wait.wait(WITHIN_S)
                self.close_connection = True
            case "/once":
                self._say(200, b"fine")
                self.close_connection = True  # without a word of it
            case "/moved":
                self._say(302, b"", Location="/elsewhere")
            case "/cookie":
                self._say(200, b"kept", Set_Cookie="session=abc; Path=/")
            case "/gzip":
                self._say(200, gzip.compress(b"small"), Content_Encoding="gzip")
            case "/chunked":
                self._say(200, None, Transfer_Encoding="chunked")
                self.wfile.write(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
            case "/broken":
                self._say(500, b"no")
            case _:
                self._say(200, b'{"a": 1}', Content_Type="application/json")

    do_POST = do_GET

    def _say(self, status: int, body: bytes | None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body or b"")


@contextmanager
def shop() -> Iterator[str]:
    Shop.asked.clear()
    Shop.wait.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        Shop.wait.set()
        server.shutdown()
        server.server_close()


def sent(*requests: tuple[str, str], patience: float = 30.0, **headers: str) -> Any:
    with shop() as url:
        asked = [[method, path, headers, "{}"] for method, path in requests]
        argv = [sys.executable, "-c", SENDS, url, json.dumps(asked), str(patience)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=WITHIN_S, check=True)
    return json.loads(done.stdout)


def test_answers_of_all_kinds_are_read_on_one_connection():
    paths = ("/plain", "/chunked", "/gzip", "/broken")
    told = sent(*(("POST", path) for path in paths))
    bodies = [(each["status"], each["body"]) for each in told["found"]]
    assert bodies == [(200, '{"a": 1}'), (200, "onetwo"), (200, "small"), (500, "no")]
    assert told["found"][0]["type"] == "application/json"
    assert [body for _, _, _, body, _ in Shop.asked] == ["{}"] * 4
    assert len({address for *_, address in Shop.asked}) == 1


def test_statistics_hear_of_each():
    first, second = sent(("GET", "/plain"), ("POST", "/broken"))["told"]
    assert (first["request_type"], first["name"], first["exception"]) == ("GET", "named", "")
    assert first["response_length"] == len('{"a": 1}')
    assert first["response_time"] > 0
    assert second["exception"] == "not as it should be"


def test_a_cookie_goes_with_the_requests_that_follow_it():
    sent(("GET", "/plain"), ("GET", "/cookie"), ("GET", "/plain"))
    assert [cookie for _, _, cookie, _, _ in Shop.asked] == [None, None, "session=abc"]


def test_a_redirection_is_an_answer():
    (found,) = sent(("GET", "/moved"))["found"]
    assert (found["status"], found["problem"]) == (302, "")
    assert [path for _, path, *_ in Shop.asked] == ["/moved"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_answered_is_not_sent_again(method):
    after, found = sent(("GET", "/plain"), (method, "/cut"))["found"]
    assert after["status"] == 200
    assert found["problem"]
    assert found["status"] == 0
    assert [path for _, path, *_ in Shop.asked] == ["/plain", "/cut"]


def test_a_connection_that_was_closed_meanwhile_is_not_used():
    found = sent(("GET", "/once"), ("GET", "/plain"), ("GET", "/plain"))["found"]
    assert [each["status"] for each in found] == [200, 200, 200]
    first, second, third = [address for *_, address in Shop.asked]
    assert first != second == third


def test_patience_has_an_end():
    (found,) = sent(("GET", "/silent"), patience=0.2)["found"]
    assert "timed out" in found["problem"]


def test_a_line_break_in_a_header_is_refused():
    (found,) = sent(("GET", "/plain"), Key="one\r\nOther: two")["found"]
    assert "line break" in found["refused"]
    assert Shop.asked == []


def test_a_path_of_other_letters_is_written_as_percent_signs():
    sent(("GET", "/zwölf teller"))
    assert [path for _, path, *_ in Shop.asked] == ["/zw%C3%B6lf%20teller"]
