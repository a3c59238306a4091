"""A small shop in plain Python: a service under test that knows nothing of the harness.

``GUARD``: ``none`` reads, decides, calls Stripe, writes; ``lock`` does it under FOR UPDATE.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

import psycopg

LOCK = " FOR UPDATE" if os.environ["GUARD"] == "lock" else ""


def stripe(path: str, form: dict[str, str], key: str) -> dict[str, object]:
    url = urlsplit(os.environ["STRIPE"])
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[url.scheme](url.netloc, timeout=120)
    if "STRIPE_PROXY" in os.environ:
        proxy = urlsplit(os.environ["STRIPE_PROXY"])
        connection = http.client.HTTPSConnection(proxy.netloc, timeout=120)
        connection.set_tunnel(url.netloc)
    headers = {
        "Authorization": f"Bearer {os.environ['STRIPE_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": key,
    }
    connection.request("POST", path, urlencode(form), headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"Stripe answered {answer.status}: {body}")
    return body


def create(database: psycopg.Connection, amount: int) -> tuple[int, object]:
    row = database.execute(
        "INSERT INTO orders (amount) VALUES (%s) RETURNING id", (amount,)
    ).fetchone()
    return 201, {"order": {"id": row[0], "amount": amount}}


def pay(database: psycopg.Connection, order: int) -> tuple[int, object]:
    with database.transaction():
        row = database.execute(
            f"SELECT amount, status FROM orders WHERE id = %s{LOCK}", (order,)
        ).fetchone()
        if row is None:
            return 404, {"error": "no such order"}
        amount, status = row
        if status == "paid":
            return 409, {"error": "already paid"}
        intent = stripe(
            "/v1/payment_intents",
            {
                "amount": str(amount),
                "currency": "usd",
                "confirm": "true",
                "payment_method": "pm_card_visa",
                "payment_method_types[]": "card",
                "metadata[order_id]": str(order),
            },
            os.urandom(16).hex(),
        )
        payment = database.execute(
            "INSERT INTO payments (order_id, intent) VALUES (%s, %s) RETURNING id",
            (order, intent["id"]),
        ).fetchone()
        database.execute("UPDATE payments SET amount = %s WHERE id = %s", (amount, payment[0]))
        database.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
    return 200, {"status": "paid", "payment": payment[0]}


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"up": True})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        try:
            with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
                parts = self.path.strip("/").split("/")
                if parts == ["orders"]:
                    status, answer = create(database, body["amount"])
                else:
                    status, answer = pay(database, int(parts[1]))
        except Exception as error:
            status, answer = 500, {"error": str(error)}
        self._answer(status, answer)

    def _answer(self, status: int, answer: object) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop)
    server.daemon_threads = True
    server.serve_forever()
