"""A Stripe in front of the simulator that tests can make slow, silent or broken."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

DEADLINE_S = 120.0
_BROKEN = b'{"error": {"type": "api_error", "message": "Something went wrong on Stripe\'s end."}}'


@dataclass(frozen=True)
class Seen:
    """One POST that arrived."""

    path: str
    key: str | None
    body: str


@dataclass
class Gate:
    """Holds every POST until opened; ``arrived`` counts those that wait or have passed."""

    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    opened: threading.Event = field(default_factory=threading.Event)

    def wait_for_arrival(self) -> None:
        assert self.arrived.acquire(timeout=DEADLINE_S), "no request reached Stripe"

    def hold(self) -> None:
        self.arrived.release()
        assert self.opened.wait(DEADLINE_S), "the gate was never opened"


class StripeFront:
    """Forwards to ``upstream``. Faults apply to POSTs, the oldest first, one each.

    ``drop_before``: the connection is closed, nothing forwarded. ``drop_after``: executed, then
    closed without an answer. ``break_before`` and ``break_after``: a 500 that is stored under
    the key, as Stripe does, without or with the effect.
    """

    def __init__(self, upstream: str) -> None:
        self._client = httpx.Client(base_url=upstream, timeout=DEADLINE_S, trust_env=False)
        self._lock = threading.Lock()
        self._stored: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.seen: list[Seen] = []
        self.gate: Gate | None = None
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                front._handle(self, b"")

            def do_POST(self) -> None:
                front._handle(self, self.rfile.read(int(self.headers["Content-Length"] or 0)))

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """A client that gave up waiting is part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @contextmanager
    def held(self) -> Iterator[Gate]:
        """Hold POSTs that arrive; opened at the end at the latest."""
        self.gate = gate = Gate()
        try:
            yield gate
        finally:
            self.gate = None
            gate.opened.set()

    def keys(self) -> list[str | None]:
        return [seen.key for seen in self.seen]

    def reset(self) -> None:
        self.faults.clear()
        self.seen.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE_S)
        self._client.close()

    def _handle(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        key = handler.headers.get("Idempotency-Key")
        fault = ""
        if handler.command == "POST":
            with self._lock:
                self.seen.append(Seen(handler.path, key, body.decode()))
                fault = self.faults.pop(0) if self.faults else ""
                stored = self._stored.get(key or "")
            if self.gate is not None:
                self.gate.hold()
            if stored is not None:
                return _answer(handler, 500, stored, {"Idempotent-Replayed": "true"})
        if fault == "drop_before":
            return _hang_up(handler)
        if fault == "break_before":
            return self._break(handler, key)
        answer = self._client.request(
            handler.command, handler.path, content=body, headers=_forwarded(handler)
        )
        if fault == "drop_after":
            return _hang_up(handler)
        if fault == "break_after":
            return self._break(handler, key)
        replayed = answer.headers.get("Idempotent-Replayed")
        return _answer(
            handler,
            answer.status_code,
            answer.content,
            {"Idempotent-Replayed": replayed} if replayed else {},
        )

    def _break(self, handler: BaseHTTPRequestHandler, key: str | None) -> None:
        self._stored[key or ""] = _BROKEN
        _answer(handler, 500, _BROKEN, {})


def _hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def _forwarded(handler: BaseHTTPRequestHandler) -> dict[str, str]:
    wanted = ("authorization", "content-type", "idempotency-key", "stripe-version")
    return {name: value for name, value in handler.headers.items() if name.lower() in wanted}


def _answer(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
