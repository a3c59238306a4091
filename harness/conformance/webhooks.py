"""Webhook endpoints, and deliveries to a receiver of our own on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any

from paidonce.harness.conformance.checks import Group, Skipped, expect, made, paid
from paidonce.harness.conformance.client import Api

check = Group("webhooks", "https://docs.stripe.com/webhooks")

_WAIT_SECONDS = 60.0


class _Received:
    def __init__(self, signature: str, body: bytes) -> None:
        self.signature = signature
        self.body = body
        self.event: dict[str, Any] = json.loads(body)


class _Receiver(ThreadingHTTPServer):
    """Answers with the statuses it was given, the last one again and again."""

    daemon_threads = True

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = statuses
        self.received: Queue[_Received] = Queue()

    def about(self, intent: str) -> _Received:
        """The next delivery about that intent. Raises ``Failed`` if none comes."""
        while True:
            try:
                one = self.received.get(timeout=_WAIT_SECONDS)
            except Empty:
                expect(False, f"nothing was delivered within {_WAIT_SECONDS:g} s")
                raise
            if one.event.get("data", {}).get("object", {}).get("id") == intent:
                return one


class _Handler(BaseHTTPRequestHandler):
    server: _Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # Before the answer, since the next one may come, on another thread, right after it.
        self.server.received.put(_Received(self.headers.get("Stripe-Signature", ""), body))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _receiving(api: Api, *statuses: int) -> Iterator[tuple[_Receiver, str]]:
    """A receiver registered for payments that succeed, and the secret it was given."""
    if not api.is_local:
        raise Skipped("a server elsewhere cannot reach a receiver on this machine")
    receiver = _Receiver(list(statuses))
    Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        answer = api.post(
            "/v1/webhook_endpoints",
            {
                "url": f"http://127.0.0.1:{receiver.server_port}/hook",
                "enabled_events[]": "payment_intent.succeeded",
            },
        )
        identifier = made(answer, object="webhook_endpoint")
        try:
            yield receiver, str(answer["secret"])
        finally:
            api.send("DELETE", f"/v1/webhook_endpoints/{identifier}")
    finally:
        receiver.shutdown()
        receiver.server_close()


@check("an endpoint tells its secret once", "https://docs.stripe.com/api/webhook_endpoints")
def endpoint(api: Api) -> None:
    form = {"url": "https://example.com/paidonce", "enabled_events[]": "charge.failed"}
    answer = api.post("/v1/webhook_endpoints", form)
    path = f"/v1/webhook_endpoints/{made(answer, status='enabled', url=form['url'])}"
    try:
        secret = answer["secret"]
        expect(str(secret).startswith("whsec_"), f"the secret is {secret!r}")
        again = api.get(path)
        made(again, enabled_events=["charge.failed"])
        expect(again["secret"] is None, "the secret is told again")
    finally:
        made(api.send("DELETE", path), deleted=True)


@check(
    "a delivery is signed with the endpoint's secret",
    "https://docs.stripe.com/webhooks#verify-manually",
)
def signature(api: Api) -> None:
    with _receiving(api, 200) as (receiver, secret):
        got = receiver.about(made(paid(api), status="succeeded"))
    expect(got.event["type"] == "payment_intent.succeeded", f"type {got.event['type']}")
    parts = dict(part.partition("=")[::2] for part in got.signature.split(","))
    signed = parts.get("t", "").encode() + b"." + got.body
    wanted = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    expect(parts.get("v1") == wanted, f"the header {got.signature!r} does not fit the body")


@check("what is not answered with 2xx comes again, with the same event id")
def redelivery(api: Api) -> None:
    with _receiving(api, 500, 200) as (receiver, _):
        intent = made(paid(api), status="succeeded")
        first, second = receiver.about(intent), receiver.about(intent)
    ids = [first.event["id"], second.event["id"]]
    expect(ids[0] == ids[1], f"the two deliveries have the ids {ids}")
