"""A payment service over HTTP that is whatever service it is told to be.

``POST /be/NAME`` makes it the one described in the file NAME.json of the folder ``SERVICES``, with
nothing in its memory, and answers a new order; ``POST /do/N/ORDER`` is a request of attempt N.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import urllib.parse
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import redis
from programme import NEW_ORDER, Service, play, read
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

FOLDER = Path(os.environ["SERVICES"])
_NOW = FOLDER / "now"
_FORM = {"amount": "4990", "currency": "usd", "payment_method_types[]": "card"}


class Now:
    """What the service is at the moment."""

    def __init__(self) -> None:
        self.service = Service(())
        self.memory: set[str] = set()
        self.pools: dict[str, ConnectionPool] = {}
        self.stores: queue.LifoQueue[redis.Redis] = queue.LifoQueue()

    def become(self, name: str) -> None:
        """Be the service of that name, and once more after a crash."""
        self.service = read((FOLDER / f"{name}.json").read_text())
        if not _NOW.exists() or _NOW.read_text() != name:
            _NOW.write_text(name)

    def pool(self, level: str) -> ConnectionPool:
        if level not in self.pools:
            options = "-c default_transaction_isolation=" + level.replace(" ", "\\ ")
            self.pools[level] = ConnectionPool(
                os.environ["DATABASE_URL"],
                min_size=3,
                max_size=8,
                max_idle=1e6,
                max_lifetime=1e6,
                open=True,
                kwargs={"autocommit": True, "options": options},
            )
            self.pools[level].wait()
        return self.pools[level]

    @contextlib.contextmanager
    def store(self) -> Iterator[redis.Redis]:
        """A connection to Redis of one's own."""
        try:
            client = self.stores.get_nowait()
        except queue.Empty:
            client = redis.Redis.from_url(os.environ["REDIS_URL"], single_connection_client=True)
        yield client
        self.stores.put(client)


NOW = Now()


class Live:
    """``World`` of one request."""

    def __init__(self, connection: psycopg.Connection, exits: contextlib.ExitStack) -> None:
        self.connection, self._exits = connection, exits
        self._store: redis.Redis | None = None

    @property
    def memory(self) -> set[str]:
        return NOW.memory

    def sql(self, text: str, values: Mapping[str, Any]) -> tuple[int, Any]:
        cursor = self.connection.execute(text, values if "%(" in text else None)
        row = cursor.fetchone() if cursor.description else None
        return cursor.rowcount, row[0] if row else None

    def roll_back(self) -> None:
        if self.connection.info.transaction_status is not TransactionStatus.IDLE:
            self.connection.execute("ROLLBACK")

    def charge(self, order: str, key: str) -> None:
        form = _FORM | {
            "confirm": "true",
            "payment_method": "pm_card_visa",
            "metadata[order]": order,
        }
        _called("POST", "/v1/payment_intents", form, key)

    def intent(self, order: str, key: str) -> str:
        _, told = _called("POST", "/v1/payment_intents", _FORM | {"metadata[order]": order}, key)
        return told["id"]

    def confirm(self, intent: str) -> bool:
        form = {"payment_method": "pm_card_visa"}
        status, _ = _called("POST", f"/v1/payment_intents/{intent}/confirm", form, also=(400, 404))
        return status == 200

    def listed(self, order: str) -> int:
        _, told = _called("GET", "/v1/charges?limit=100", {})
        return sum(
            charge["metadata"].get("order") == order and charge["status"] == "succeeded"
            for charge in told["data"]
        )

    def redis(self, command: list[str]) -> Any:
        if self._store is None:
            self._store = self._exits.enter_context(NOW.store())
        return self._store.execute_command(*command)


def _called(
    verb: str, path: str, form: dict[str, str], key: str = "", also: tuple[int, ...] = ()
) -> tuple[int, Any]:
    """Call Stripe; returns status and body.

    Raises ``RuntimeError`` at any status but 200 and those that are expected ``also``.
    """
    headers = {
        "Authorization": f"Bearer {os.environ['STRIPE_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    if key:
        headers["Idempotency-Key"] = key
    stripe = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["STRIPE_URL"]).netloc)
    stripe.request(verb, path, urllib.parse.urlencode(form), headers)
    answer = stripe.getresponse()
    told = answer.read()
    stripe.close()
    if answer.status not in (200, *also):
        raise RuntimeError(f"Stripe answered {answer.status}: {told.decode()}")
    return answer.status, json.loads(told)


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def say(self, status: int, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.say(200, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, verb, *rest = self.path.split("/")
        if verb == "be":
            NOW.become(rest[0])
            NOW.memory.clear()
            with NOW.pool(NOW.service.level).connection() as connection:
                order = connection.execute(NEW_ORDER).fetchone()[0]
            return self.say(201, {"id": order})
        path = NOW.service.paths[int(rest[0])]
        with contextlib.ExitStack() as exits:
            connection = exits.enter_context(NOW.pool(NOW.service.level).connection())
            status = play(path, rest[1], Live(connection, exits))
        return self.say(status, {"status": status})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    disable_nagle_algorithm = True


if __name__ == "__main__":
    if _NOW.exists():
        NOW.become(_NOW.read_text())
        NOW.pool(NOW.service.level)
    Server(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
