"""A receiver of webhooks that verifies each with Stripe's own function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread

import stripe


class Receiver(ThreadingHTTPServer):
    """Answers with ``statuses`` in turn, and 200 when they are used up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        self.statuses: list[int] = []
        self.raw: Queue[tuple[str, bytes]] = Queue()

    def next(self, secret: str, seconds: float = 120) -> stripe.Event:
        """The next event, its signature verified."""
        try:
            signature, payload = self.raw.get(timeout=seconds)
        except Empty:
            raise AssertionError(f"no event came within {seconds} s") from None
        return stripe.Webhook.construct_event(payload, signature, secret)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # Before the answer, since the next one may come, on another thread, right after it.
        self.server.raw.put((self.headers["Stripe-Signature"], body))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if statuses else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = Thread(target=receiver.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
        thread.join(120)
