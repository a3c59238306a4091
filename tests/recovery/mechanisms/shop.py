"""Reported ways to lose or double money in a failure, each racy and fixed (``FIXED=1``).

``swallows``: the event is noted as seen in a commit of its own, before what it is about; a crash
between the two, and the delivery that follows is taken for one that was seen.
``enqueues``: the order is paid in one commit, and the receipt put in the queue in another.
``keeps_key``: the key is noted as in progress in a commit of its own, and never again looked after.
``credits``: Stripe refuses with 429, a credit is given that makes up for it, and it is tried again.
``replays``: Stripe's 500 is taken for "not done", and the next try has a new key.
"""

import json
import os
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import psycopg

DATABASE, STRIPE = os.environ["DATABASE_URL"], os.environ["STRIPE_API_BASE"]
FIXED = os.environ["FIXED"] == "1"


def connected():
    return psycopg.connect(DATABASE)


def charge(order, key):
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
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def pays(order):
    return f"UPDATE orders SET status = 'paid' WHERE id = {int(order)}"


def swallows(order, key):
    with connected() as connection:
        noted = connection.execute(
            "INSERT INTO events VALUES (%s) ON CONFLICT DO NOTHING", (f"evt-{order}",)
        )
        if not noted.rowcount:
            return 200
        if not FIXED:
            connection.commit()
        connection.execute(pays(order))
    return 200


def enqueues(order, key):
    with connected() as connection:
        connection.execute(f"SELECT FROM orders WHERE id = {int(order)} FOR UPDATE")
        status = connection.execute("SELECT status FROM orders WHERE id = %s", (order,))
        if status.fetchone()[0] == "paid":
            return 409
        connection.execute(pays(order))
        if not FIXED:
            connection.commit()
        connection.execute("INSERT INTO receipts VALUES (%s) ON CONFLICT DO NOTHING", (order,))
    return 200


def keeps_key(order, key):
    with connected() as connection:
        noted = connection.execute(
            "INSERT INTO keys (key) VALUES (%s) ON CONFLICT DO NOTHING", (key,)
        )
        if not noted.rowcount:
            found = connection.execute("SELECT answer FROM keys WHERE key = %s", (key,))
            return found.fetchone()[0] or 409
        if not FIXED:
            connection.commit()
        connection.execute(pays(order))
        connection.execute("UPDATE keys SET answer = 200 WHERE key = %s", (key,))
    return 200


def credits(order, key):
    with connected() as connection:
        found = connection.execute(
            "SELECT status, credited FROM orders WHERE id = %s FOR UPDATE", (order,)
        )
        status, credited = found.fetchone()
        if status == "paid":
            return 409
        try:
            charge(order, f"order-{order}")
        except urllib.error.HTTPError:
            if not FIXED or not credited:
                connection.execute(
                    "UPDATE orders SET credited = credited + 1000 WHERE id = %s", (order,)
                )
            return 503
        if FIXED:
            connection.execute("UPDATE orders SET credited = 0 WHERE id = %s", (order,))
        connection.execute(pays(order))
    return 200


def replays(order, key):
    with connected() as connection:
        found = connection.execute("SELECT status FROM orders WHERE id = %s FOR UPDATE", (order,))
        if found.fetchone()[0] == "paid":
            return 409
        try:
            charge(order, f"order-{order}" if FIXED else str(uuid.uuid4()))
        except urllib.error.HTTPError:
            if not FIXED or not taken(order):
                return 503
        connection.execute(pays(order))
    return 200


def taken(order):
    """Whether Stripe has taken the money, whatever it answered."""
    request = urllib.request.Request(
        f"{STRIPE}/v1/payment_intents?limit=100",
        headers={"Authorization": f"Bearer {os.environ['STRIPE_API_KEY']}"},
    )
    with urllib.request.urlopen(request) as answer:
        intents = json.load(answer)["data"]
    mine = (one for one in intents if one["metadata"].get("order_id") == order)
    return any(one["status"] == "succeeded" for one in mine)


MECHANISM = globals()[os.environ["MECHANISM"]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/orders":
            with connected() as connection:
                made = connection.execute("INSERT INTO orders DEFAULT VALUES RETURNING id")
                self.answer(201, {"id": made.fetchone()[0]})
            return
        try:
            status = MECHANISM(self.path.split("/")[2], self.headers.get("Idempotency-Key"))
        except (psycopg.Error, OSError):
            status = 503
        self.answer(status, {})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
