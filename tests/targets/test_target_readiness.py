"""What counts as an answer of a service that is ready."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from paidonce.harness.targets.run.launch import _Asking


@contextlib.contextmanager
def answering(*statuses):
    """A server whose answers have these statuses, one after the other, and the last for ever."""
    left = list(statuses)

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.mark.parametrize("status", [200, 204, 302, 401, 405])
def test_an_answer_says_that_it_is_ready(status):
    with answering(status) as port:
        assert _Asking("/health", port)()


@pytest.mark.parametrize("status", [404, 500, 503])
def test_what_does_not_say_so_is_told_in_the_end(status):
    with answering(status, 200) as port:
        asking = _Asking("/health", port)
        assert asking.words() == "answer /health"
        assert asking() is None
        assert asking.words() == f"answer /health otherwise than with {status}"
        assert asking()


def test_nobody_there_is_no_answer():
    with answering(200) as port:
        pass
    asking = _Asking("/health", port)
    assert asking() is None
    assert asking.words() == "answer /health"
