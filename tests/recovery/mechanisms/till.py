"""What all mechanisms have in common: the database, and calls to Stripe."""

import json
import os
import urllib.request
from urllib.parse import urlencode

import psycopg

DATABASE, STRIPE = os.environ["DATABASE_URL"], os.environ["STRIPE_API_BASE"]
STRIPE_KEY = os.environ["STRIPE_API_KEY"]
FIXED = os.environ["FIXED"] == "1"


def connected(**options):
    return psycopg.connect(DATABASE, **options)


def stripe(path, form=None, key=None):
    """What Stripe answers: a POST of ``form`` under ``key``, or without a form a GET."""
    headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    body = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(f"{STRIPE}/v1/{path}", body, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def payment(order):
    return {
        "amount": 1000,
        "currency": "usd",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "metadata[order_id]": order,
    }


def charge(order, key):
    return stripe("payment_intents", payment(order), key)


def pays(order):
    return f"UPDATE orders SET status = 'paid' WHERE id = {int(order)}"


def status_of(connection, order, locked=False):
    """The status of an order; ``locked``, its row is kept until the transaction is over."""
    lock = " FOR UPDATE" if locked else ""
    found = connection.execute(f"SELECT status FROM orders WHERE id = %s{lock}", (order,))
    return found.fetchone()[0]
