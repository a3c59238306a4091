"""Takes the money for an order unless somebody has tried within the last minute.

``window`` looks for that under a lock, and at nothing else: a minute later the order is charged
again. ``window_and_status`` looks for it first, and then claims the order by its status.
``sliding`` counts tries in a sorted set of Redis, in one transaction with its own.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import redis

RECENT = """SELECT count(*) FROM tries
            WHERE order_id = 1 AND made_at > clock_timestamp() - interval '1 minute'"""


def _window(db: psycopg.Connection) -> int:
    with db.transaction():
        db.execute("SELECT FROM orders WHERE id = 1 FOR UPDATE")
        if db.execute(RECENT).fetchone() != (0,):
            return 409
        db.execute("INSERT INTO tries (order_id) VALUES (1)")
        db.execute("INSERT INTO charges VALUES (1)")
    return 200


def _window_and_status(db: psycopg.Connection) -> int:
    if db.execute(RECENT).fetchone() != (0,):
        return 409
    db.execute("INSERT INTO tries (order_id) VALUES (1)")
    with db.transaction():
        claim = "UPDATE orders SET status = 'paid' WHERE id = 1 AND status = 'unpaid'"
        if db.execute(claim).rowcount != 1:
            return 409
        db.execute("INSERT INTO charges VALUES (1)")
    return 200


def _sliding(db: psycopg.Connection) -> int:
    now = time.time()
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as store, store.pipeline() as all_at_once:
        all_at_once.zremrangebyscore("tries:1", 0, now - 60)
        all_at_once.zadd("tries:1", {uuid.uuid4().hex: now})
        all_at_once.zcard("tries:1")
        if all_at_once.execute()[-1] > 1:
            return 409
    db.execute("INSERT INTO charges VALUES (1)")
    return 200


_WAYS = {"window": _window, "window_and_status": _window_and_status, "sliding": _sliding}


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            self._answer(_WAYS[os.environ["WAY"]](db))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
