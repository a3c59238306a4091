"""A till without a database: it charges by Stripe, and knows its orders itself.

``KEEP``: ``memory``, or ``redis`` with REDIS_URL. ``GUARD``: ``none`` reads, decides, calls Stripe,
writes; ``claim`` takes the order in one piece before it calls Stripe.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import urlencode, urlsplit


class Orders(Protocol):
    def new(self, order: str) -> None: ...

    def status(self, order: str) -> str | None: ...

    def settle(self, order: str) -> None: ...

    def claim(self, order: str) -> bool:
        """Whether the order was nobody's; it is ours now."""
        ...


class InMemory:
    def __init__(self) -> None:
        self._statuses: dict[str, str] = {}
        self._claims: set[str] = set()
        self._lock = threading.Lock()

    def new(self, order: str) -> None:
        self._statuses[order] = "unpaid"

    def status(self, order: str) -> str | None:
        return self._statuses.get(order)

    def settle(self, order: str) -> None:
        self._statuses[order] = "paid"

    def claim(self, order: str) -> bool:
        with self._lock:
            ours = order not in self._claims
            self._claims.add(order)
        return ours


class InRedis:
    def __init__(self) -> None:
        import redis

        self._redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)

    def new(self, order: str) -> None:
        self._redis.set(f"order:{order}", "unpaid")

    def status(self, order: str) -> str | None:
        return self._redis.get(f"order:{order}")

    def settle(self, order: str) -> None:
        self._redis.set(f"order:{order}", "paid")

    def claim(self, order: str) -> bool:
        return bool(self._redis.set(f"claim:{order}", "1", nx=True))


def stripe(path: str, form: dict[str, str]) -> str:
    """The id of what was made."""
    url = urlsplit(os.environ["STRIPE"])
    connection = http.client.HTTPConnection(url.netloc, timeout=120)
    headers = {
        "Authorization": f"Bearer {os.environ['STRIPE_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", path, urlencode(form), headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"Stripe answered {answer.status}: {body!r}")
    return str(json.loads(body)["id"])


def pay(orders: Orders, order: str) -> int:
    # Whoever pays is a customer of their own: only what comes after this can be a race.
    customer = stripe("/v1/customers", {"description": "at the till"})
    if os.environ["GUARD"] == "claim" and not orders.claim(order):
        return 409
    status = orders.status(order)
    if status != "unpaid":
        return 404 if status is None else 409
    form = {
        "amount": "1999",
        "currency": "usd",
        "confirm": "true",
        "customer": customer,
        "payment_method": "pm_card_visa",
        "payment_method_types[]": "card",
        "metadata[order_id]": order,
    }
    stripe("/v1/payment_intents", form)
    orders.settle(order)
    return 200


class Till(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    orders: Orders

    def do_GET(self) -> None:
        self._answer(200, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/orders":
            order = uuid.uuid4().hex
            self.orders.new(order)
            self._answer(201, {"id": order})
        else:
            self._answer(pay(self.orders, self.path.split("/")[2]), {})

    def _answer(self, status: int, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


Till.orders = InRedis() if os.environ["KEEP"] == "redis" else InMemory()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Till).serve_forever()
