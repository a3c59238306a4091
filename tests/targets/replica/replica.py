"""Takes a lock at the primary, looks whether the order is paid, charges, and writes that it is.

READS says where it looks: at the primary, or at a replica, as services do to spare the primary; or
that the lock itself is one of the replica's, where an ORM sends all that begins with SELECT.
"""

from __future__ import annotations

import os
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg

PRIMARY, REPLICA = os.environ["DATABASE_URL"], os.environ["REPLICA_URL"]
STRIPE, KEY = os.environ["STRIPE_URL"], os.environ["STRIPE_KEY"]
STATUS = "SELECT status FROM orders WHERE id = %s"


def _status(db: psycopg.Connection, order: int) -> str:
    if os.environ["READS"] == "primary":
        with psycopg.connect(REPLICA, autocommit=True, prepare_threshold=None) as replica:
            replica.execute("SELECT pg_advisory_unlock_all()")  # as pools do that take one back
        return db.execute(STATUS, (order,)).fetchone()[0]
    with psycopg.connect(REPLICA, autocommit=True, prepare_threshold=None) as replica:
        return replica.execute(STATUS, (order,)).fetchone()[0]


def _charge(order: int) -> None:
    form = {
        "amount": "4990",
        "currency": "usd",
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[order_id]": str(order),
    }
    body, headers = urllib.parse.urlencode(form).encode(), {"Authorization": f"Bearer {KEY}"}
    asked = urllib.request.Request(f"{STRIPE}/v1/payment_intents", body, headers)
    urllib.request.urlopen(asked).read()


def _locks_at_the_replica(order: int) -> int:
    with (
        psycopg.connect(REPLICA, autocommit=True, prepare_threshold=None) as replica,
        psycopg.connect(PRIMARY, prepare_threshold=None) as db,
    ):
        if not replica.execute("SELECT pg_try_advisory_lock(%s)", (order,)).fetchone()[0]:
            return 409
        if db.execute(STATUS, (order,)).fetchone()[0] == "paid":
            return 409
        _charge(order)
        db.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
        return 200


def _pays(order: int) -> int:
    if os.environ["READS"] == "lock":
        return _locks_at_the_replica(order)
    with psycopg.connect(PRIMARY, prepare_threshold=None) as db:
        db.execute("SELECT id FROM orders WHERE id = %s FOR UPDATE", (order,))
        if _status(db, order) == "paid":
            return 409
        _charge(order)
        db.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
        return 200


def _makes() -> int:
    with psycopg.connect(PRIMARY, prepare_threshold=None) as db:
        return db.execute("INSERT INTO orders DEFAULT VALUES RETURNING id").fetchone()[0]


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        if self.path == "/orders":
            self._answer(201, f'{{"id": {_makes()}}}')
        else:
            self._answer(_pays(int(self.path.split("/")[2])))

    def _answer(self, status: int, body: str = "{}") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
