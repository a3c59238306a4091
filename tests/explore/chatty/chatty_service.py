"""A shop that talks to its database as much as real ones do: 300 statements for one checkout.

    python chatty_service.py [migrate]

Most of them read the catalogue or rows of the request's own; a few write rows of its own. They go
over three connections of a pool. Among them is one race: the order's status is read, and written
much later. ``VARIANT`` is ``racy``, ``locked``, which reads it FOR UPDATE, or ``keyed``, which asks
Stripe under the order's key as well. ``STATEMENTS`` says how many statements a checkout makes, at
least 6.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
from psycopg.types.json import Jsonb

SCHEMA = """
CREATE TABLE orders (
    id text PRIMARY KEY, amount bigint NOT NULL, currency text NOT NULL,
    payment_status text NOT NULL DEFAULT 'unpaid', payment_id text
);
CREATE TABLE products (
    id int PRIMARY KEY, name text NOT NULL, price bigint NOT NULL, tax_class int NOT NULL
);
CREATE TABLE tax_rates (class int PRIMARY KEY, percent int NOT NULL);
CREATE TABLE settings (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE visits (
    id uuid PRIMARY KEY, order_id text NOT NULL, page int NOT NULL, data jsonb NOT NULL
);
INSERT INTO products SELECT n, 'product ' || n, 100 * n, n % 5 FROM generate_series(1, 400) n;
INSERT INTO tax_rates SELECT n, n FROM generate_series(0, 4) n;
INSERT INTO settings SELECT 'setting ' || n, n::text FROM generate_series(1, 20) n;
"""
POOL = 6
BEFORE = 0.4
"""The share of the statements that are made before the order's status is read."""


class Pool:
    """Connections that are used again, the one given back last first."""

    def __init__(self, url: str, size: int) -> None:
        self._free: queue.LifoQueue[psycopg.Connection[Any]] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(psycopg.connect(url, autocommit=True))

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        found = self._free.get()
        try:
            yield found
        finally:
            self._free.put(found)


class Shop:
    """The checkout."""

    def __init__(self) -> None:
        self.pool = Pool(os.environ["DATABASE_URL"], POOL)
        self.keyed = os.environ["VARIANT"] == "keyed"
        self.locked = self.keyed or os.environ["VARIANT"] == "locked"
        self.statements = int(os.environ["STATEMENTS"])

    def create(self, amount: int, currency: str) -> dict[str, Any]:
        order = f"ord_{uuid.uuid4().hex}"
        with self.pool.connection() as connection:
            connection.execute(
                "INSERT INTO orders (id, amount, currency) VALUES (%s, %s, %s)",
                (order, amount, currency),
            )
            return self._order(connection, order)

    def read(self, order: str) -> dict[str, Any]:
        with self.pool.connection() as connection:
            return self._order(connection, order)

    def pay(self, order: str) -> tuple[int, dict[str, Any]]:
        """Look around, look the order up, look around more, charge, write."""
        # BEGIN, the order, its UPDATE, COMMIT, and INSERT and DELETE of the visit.
        rest = self.statements - 6
        before = int(rest * BEFORE)
        visit = uuid.uuid4()
        with (
            self.pool.connection() as pages,
            self.pool.connection() as session,
            self.pool.connection() as checkout,
        ):
            session.execute(
                "INSERT INTO visits (id, order_id, page, data) VALUES (%s, %s, 0, %s)",
                (visit, order, Jsonb({})),
            )
            for number in range(before):
                self._look(pages, session, visit, number)
            status, body = self._checkout(checkout, pages, session, visit, order, (before, rest))
            session.execute("DELETE FROM visits WHERE id = %s", (visit,))
        return status, body

    def _checkout(
        self,
        checkout: psycopg.Connection[Any],
        pages: psycopg.Connection[Any],
        session: psycopg.Connection[Any],
        visit: uuid.UUID,
        order: str,
        looks: tuple[int, int],
    ) -> tuple[int, dict[str, Any]]:
        lock = " FOR UPDATE" if self.locked else ""
        with checkout.transaction():
            row = checkout.execute(
                f"SELECT payment_status, amount, currency FROM orders WHERE id = %s{lock}",
                (order,),
            ).fetchone()
            if row is None or row[0] != "unpaid":
                return 409, {"error": {"code": "order_not_payable"}}
            for number in range(*looks):
                # Every third of them within the transaction.
                self._look(checkout if number % 3 == 0 else pages, session, visit, number)
            key = f"order-{order}" if self.keyed else str(visit)
            intent = charge(order, row[1], row[2], key)
            checkout.execute(
                "UPDATE orders SET payment_status = 'paid', payment_id = %s WHERE id = %s",
                (intent, order),
            )
        return 200, {
            "payment_id": intent,
            "payment_status": "paid",
            "amount": row[1],
            "currency": row[2],
        }

    def _look(
        self,
        pages: psycopg.Connection[Any],
        session: psycopg.Connection[Any],
        visit: uuid.UUID,
        number: int,
    ) -> None:
        """One statement: of ten, six read products, two what is shared, two the own row."""
        match number % 10:
            case 3:
                pages.execute("SELECT percent FROM tax_rates WHERE class = %s", (number % 5,))
            case 6:
                name = f"setting {number % 20 + 1}"
                pages.execute("SELECT value FROM settings WHERE name = %s", (name,))
            case 8:
                session.execute("UPDATE visits SET page = %s WHERE id = %s", (number, visit))
            case 9:
                session.execute("SELECT page, data FROM visits WHERE id = %s", (visit,))
            case _:
                wanted = number % 400 + 1
                pages.execute("SELECT name, price FROM products WHERE id = %s", (wanted,))

    def _order(self, connection: psycopg.Connection[Any], order: str) -> dict[str, Any]:
        row = connection.execute(
            "SELECT id, amount, currency, payment_status, payment_id FROM orders WHERE id = %s",
            (order,),
        ).fetchone()
        assert row is not None
        names = ("id", "amount", "currency", "payment_status", "payment_id")
        return dict(zip(names, row, strict=True))


def charge(order: str, amount: int, currency: str, key: str) -> str:
    """Create and confirm a payment intent; its id."""
    address = urlsplit(os.environ["STRIPE_API_BASE"])
    stripe = HTTPConnection(address.hostname or "", address.port, timeout=120)
    form = {
        "amount": amount,
        "currency": currency,
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "metadata[order_id]": order,
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    stripe.request(
        "POST",
        "/v1/payment_intents",
        urlencode(form),
        {
            "Authorization": f"Bearer {os.environ['STRIPE_API_KEY']}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": key,
        },
    )
    answer = stripe.getresponse()
    body = json.loads(answer.read())
    stripe.close()
    if answer.status != 200:
        raise RuntimeError(f"Stripe answered {answer.status}: {body}")
    return str(body["id"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shop: Shop

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200, {})
        else:
            self._answer(200, self.shop.read(self.path.split("/")[2]))

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size) or b"{}")
        if self.path == "/orders":
            self._answer(201, self.shop.create(body["amount"], body["currency"]))
        else:
            self._answer(*self.shop.pay(self.path.split("/")[2]))

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True


def main() -> None:
    if sys.argv[1:] == ["migrate"]:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(SCHEMA)
        return
    Handler.shop = Shop()
    with Server((os.environ["HOST"], int(os.environ["PORT"])), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
