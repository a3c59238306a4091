"""Takes a payment once, as long as nothing goes wrong: the order's row is locked meanwhile.

Whatever goes wrong it tries the whole payment once more. Under ``KEY=new`` with a key of that try,
so that Stripe takes the money twice where the first try got that far; under ``KEY=order`` with the
order's, and where that is answered an error for good it looks whether the money was taken.
"""

import json
import os
import socket
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

import psycopg

DATABASE, STRIPE = os.environ["DATABASE_URL"], os.environ["STRIPE_API_BASE"]
REDIS = urlsplit(os.environ["REDIS_URL"])
TRIES = 2


def charge(order):
    key = f"order-{order}" if os.environ["KEY"] == "order" else str(uuid.uuid4())
    form = {
        "amount": 1000,
        "currency": "usd",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "metadata[order_id]": order,
    }
    request = urllib.request.Request(
        f"{STRIPE}/v1/payment_intents",
        urlencode(form).encode(),
        {"Authorization": f"Bearer {os.environ['STRIPE_API_KEY']}", "Idempotency-Key": key},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            json.load(answer)
    except urllib.error.HTTPError as error:
        if os.environ["KEY"] == "new" or error.code < 500 or not taken(order):
            raise


def taken(order):
    """Tell whether Stripe has taken money for the order already."""
    headers = {"Authorization": f"Bearer {os.environ['STRIPE_API_KEY']}"}
    request = urllib.request.Request(f"{STRIPE}/v1/payment_intents?limit=100", headers=headers)
    with urllib.request.urlopen(request) as answer:
        intents = json.load(answer)["data"]
    return any(
        intent["metadata"].get("order_id") == order and intent["status"] == "succeeded"
        for intent in intents
    )


def remember(order):
    """Leave a receipt in Redis."""
    with socket.create_connection((REDIS.hostname, REDIS.port)) as connection:
        number = REDIS.path.strip("/") or "0"
        for words in (("SELECT", number), ("SET", f"receipt:{order}", "1")):
            parts = [f"*{len(words)}\r\n", *(f"${len(word)}\r\n{word}\r\n" for word in words)]
            connection.sendall("".join(parts).encode())
            if not connection.recv(100).startswith(b"+OK"):
                raise ConnectionError("Redis did not answer OK")


def pay(order):
    with psycopg.connect(DATABASE) as connection:
        connection.isolation_level = psycopg.IsolationLevel[os.environ["LEVEL"]]
        found = connection.execute("SELECT status FROM orders WHERE id = %s FOR UPDATE", (order,))
        if found.fetchone()[0] == "paid":
            return 409
        charge(order)
        remember(order)
        connection.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
    return 200


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/orders":
            with psycopg.connect(DATABASE) as connection:
                made = connection.execute("INSERT INTO orders DEFAULT VALUES RETURNING id")
                return self.answer(201, {"id": made.fetchone()[0]})
        order = self.path.split("/")[2]
        for _ in range(TRIES):
            try:
                return self.answer(pay(order), {})
            except (psycopg.Error, OSError):
                continue
        return self.answer(503, {})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
