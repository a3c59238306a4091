"""A shop that remembers things in its process, in ways that no tap sees.

``REMEMBERS`` says what:

``sessions``  a set of open orders, asked when a request begins, left in the middle
``orders``    orders as they were loaded first (an identity map), marked there once they are paid
``last``      the order that was paid last
``work``      orders in work, marked after the first look and not before
``late``      orders in work, asked once the database has said that the order is unpaid
``pinged``    orders in work, marked once the connection has answered that it is alive
``piece``     orders in work, asked and marked without a statement in between
``file``      a file beside the service, for ever
``names``     names of goods, loaded once: harmless, since orders are locked in the database
``nothing``   orders are locked in the database
``both``      nothing either: it asks for an order and its payments at once, on two connections
``early``     orders are locked until the payment is under way, on another connection
"""

from __future__ import annotations

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg

REMEMBERS = os.environ["REMEMBERS"]
OPEN: set[str] = set()
ORDERS: dict[str, dict[str, str]] = {}
LAST = {"order": ""}
WORK: set[str] = set()
NAMES: dict[int, str] = {}
PAID = Path("paid")


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._say(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what, order = self.path.strip("/").split("/")
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
            if what == "open":
                db.execute("INSERT INTO orders (id) VALUES (%s)", [order])
                OPEN.add(order)
                self._say(200)
            else:
                self._say(200 if getattr(self, f"_{REMEMBERS}")(db, order) else 409)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    # what each of them does to pay

    def _sessions(self, db: psycopg.Connection, order: str) -> bool:
        if order not in OPEN:
            return False
        _pay(db, order)
        OPEN.discard(order)
        _mail(db, order)
        return True

    def _orders(self, db: psycopg.Connection, order: str) -> bool:
        if order not in ORDERS:
            row = db.execute("SELECT status FROM orders WHERE id = %s", [order]).fetchone()
            assert row is not None
            ORDERS.setdefault(order, {"status": row[0]})
        _mail(db, order)
        if ORDERS[order]["status"] == "paid":
            return False
        _pay(db, order)
        ORDERS[order]["status"] = "paid"
        _mail(db, order)
        return True

    def _last(self, db: psycopg.Connection, order: str) -> bool:
        _mail(db, order)
        if LAST["order"] == order:
            return False
        _pay(db, order)
        LAST["order"] = order
        _mail(db, order)
        return True

    def _work(self, db: psycopg.Connection, order: str) -> bool:
        if order in WORK:
            return False
        db.execute("SELECT status FROM orders WHERE id = %s", [order]).fetchone()
        WORK.add(order)
        _pay(db, order)
        return True

    def _late(self, db: psycopg.Connection, order: str) -> bool:
        row = db.execute("SELECT status FROM orders WHERE id = %s", [order]).fetchone()
        if row is None or row[0] == "paid" or order in WORK:
            return False
        WORK.add(order)
        try:
            _pay(db, order)
            db.execute("UPDATE orders SET status = 'paid' WHERE id = %s", [order])
        finally:
            WORK.discard(order)
        return True

    def _pinged(self, db: psycopg.Connection, order: str) -> bool:
        if order in WORK:
            return False
        db.execute("SELECT 1")
        WORK.add(order)
        _pay(db, order)
        return True

    def _piece(self, db: psycopg.Connection, order: str) -> bool:
        if order in WORK:
            return False
        time.sleep(0.02)  # whatever a shop does meanwhile
        WORK.add(order)
        _pay(db, order)
        return True

    def _file(self, db: psycopg.Connection, order: str) -> bool:
        if PAID.exists():
            return False
        _pay(db, order)
        PAID.touch()
        return True

    def _names(self, db: psycopg.Connection, order: str) -> bool:
        if not NAMES:
            NAMES.update(db.execute("SELECT id, name FROM goods").fetchall())
        return self._nothing(db, order)

    def _nothing(self, db: psycopg.Connection, order: str) -> bool:
        with db.transaction():
            row = db.execute(
                "SELECT status FROM orders WHERE id = %s FOR UPDATE", [order]
            ).fetchone()
            if row is None or row[0] == "paid":
                return False
            _pay(db, order)
            db.execute("UPDATE orders SET status = 'paid' WHERE id = %s", [order])
        return True

    def _both(self, db: psycopg.Connection, order: str) -> bool:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
            beside = threading.Thread(
                target=other.execute, args=["SELECT id FROM payments WHERE order_id = %s", [order]]
            )
            beside.start()
            db.execute("SELECT status FROM orders WHERE id = %s", [order]).fetchone()
            beside.join()
        return self._nothing(db, order)

    def _early(self, db: psycopg.Connection, order: str) -> bool:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
            beside = threading.Thread(target=_pay, args=[other, order])
            with db.transaction():
                row = db.execute(
                    "SELECT status FROM orders WHERE id = %s FOR UPDATE", [order]
                ).fetchone()
                if row is None or row[0] == "paid":
                    return False
                beside.start()
            beside.join()
        db.execute("UPDATE orders SET status = 'paid' WHERE id = %s", [order])
        return True


def _pay(db: psycopg.Connection, order: str) -> None:
    db.execute("INSERT INTO payments (order_id) VALUES (%s)", [order])


def _mail(db: psycopg.Connection, order: str) -> None:
    db.execute("INSERT INTO mails (order_id) VALUES (%s)", [order])


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
