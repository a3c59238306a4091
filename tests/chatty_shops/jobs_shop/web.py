"""A shop in plain Python that leaves mails to a table of jobs. ``VARIANT``: racy or locked."""

from __future__ import annotations

import http.client
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import psycopg

LOCK = " FOR UPDATE" if os.environ["VARIANT"] == "locked" else ""
LINES = 8


def charge(amount: int, order: int) -> str:
    connection = http.client.HTTPConnection(os.environ["STRIPE"], timeout=120)
    form = {
        "amount": str(amount),
        "currency": "eur",
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "payment_method_types[]": "card",
        "metadata[order_id]": str(order),
    }
    headers = {
        "Authorization": f"Bearer {os.environ['STRIPE_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": os.urandom(16).hex(),
    }
    connection.request("POST", "/v1/payment_intents", urlencode(form), headers)
    body = json.loads(connection.getresponse().read())
    connection.close()
    return str(body["id"])


def one(db: psycopg.Connection, query: str, *values: object) -> tuple:
    return db.execute(query, values).fetchone()


def create(db: psycopg.Connection) -> int:
    (order,) = one(db, "INSERT INTO orders DEFAULT VALUES RETURNING id")
    for product in range(1, LINES + 1):
        db.execute("INSERT INTO lines (order_id, product_id) VALUES (%s, %s)", (order, product))
    return order


def pay(db: psycopg.Connection, order: int) -> int:
    for number in (1, 4, 9, 11):
        one(db, "SELECT value FROM settings WHERE name = %s", f"setting {number}")
    (entry,) = one(db, "INSERT INTO audit (what) VALUES ('pay') RETURNING id")
    with db.transaction():
        (status,) = one(db, f"SELECT status FROM orders WHERE id = %s{LOCK}", order)
        if status != "open":
            return 409
        total = priced(db, order)
        intent = charge(total, order)
        db.execute("INSERT INTO payments (order_id, intent) VALUES (%s, %s)", (order, intent))
        db.execute("UPDATE orders SET status = 'paid', total = %s WHERE id = %s", (total, order))
        db.execute("UPDATE audit SET what = 'paid' WHERE id = %s", (entry,))
        for kind in ("receipt", "stock"):
            query = "INSERT INTO jobs (kind, order_id) VALUES (%s, %s) RETURNING id"
            (job,) = one(db, query, kind, order)
            db.execute("SELECT pg_notify('jobs', %s)", (str(job),))
    return 200


def priced(db: psycopg.Connection, order: int) -> int:
    total = 0
    query = "SELECT id, product_id FROM lines WHERE order_id = %s ORDER BY id"
    for line, product in db.execute(query, (order,)).fetchall():
        with db.transaction():
            (price,) = one(db, "SELECT price FROM products WHERE id = %s", product)
            (off,) = one(db, "SELECT sum(off) FROM rules WHERE product_id = %s", product)
            db.execute("UPDATE lines SET price = %s WHERE id = %s", (price - off, line))
            db.execute("INSERT INTO events (order_id, what) VALUES (%s, 'priced')", (order,))
        total += price - off
    return total


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"up": True})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = self.path.strip("/").split("/")
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            if parts == ["orders"]:
                self._answer(201, {"id": create(db)})
            else:
                self._answer(pay(db, int(parts[1])), {})

    def _answer(self, status: int, answer: object) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Web)
    server.daemon_threads = True
    server.serve_forever()
