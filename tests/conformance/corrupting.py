"""A real simulator behind a proxy that breaks one promise about webhooks."""

from __future__ import annotations

import http.client
import itertools
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

RELAY = "/relay"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Corrupting

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == RELAY:
            self._relay(body)
            return
        if self.path == "/v1/webhook_endpoints" and body:
            form = dict(parse_qsl(body.decode()))
            self.server.receiver = form["url"]
            if urlsplit(form["url"]).hostname == "127.0.0.1":
                form["url"] = f"{self.server.url}{RELAY}"
            body = urlencode(form).encode()
        status, answer = self._sent(self.server.simulator, self.path, body)
        if self.server.broken == "secret" and self.command == "GET":
            answer = json.dumps({**json.loads(answer), "secret": "whsec_again"}).encode()
        self._reply(status, answer)

    def _relay(self, body: bytes) -> None:
        if self.server.broken == "ids":
            body = json.dumps({**json.loads(body), "id": f"evt_{next(self.server.ids)}"}).encode()
        if self.server.broken == "signature":
            self.headers.replace_header("Stripe-Signature", "t=1,v1=00")
        status, answer = self._sent(self.server.receiver, urlsplit(self.server.receiver).path, body)
        self._reply(status, answer)

    def _sent(self, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        kept = ("authorization", "content-type", "idempotency-key", "stripe-signature")
        headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
        try:
            connection.request(self.command, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _handle

    def log_message(self, *_: Any) -> None:
        pass


class Corrupting(ThreadingHTTPServer):
    """``broken``: "secret" tells it again, "signature" is a wrong one, "ids" are new each time;
    "nothing" passes everything on as it is."""

    daemon_threads = True

    def __init__(self, simulator: str, broken: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.simulator = simulator
        self.broken = broken
        self.receiver = ""
        self.ids = itertools.count()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()
