"""Shared by the minimal services: Flask, a psycopg pool, stripe-python."""

import os

import stripe
from flask import Flask, jsonify, request  # noqa
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

app = Flask(__name__)
V = os.environ.get("V", "racy")
WIDEN = float(os.environ.get("WIDEN", "0"))  # only in the brute-force bursts
pool = ConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=6,
    max_size=6,
    open=True,
    max_idle=1e6,
    max_lifetime=1e6,
    kwargs={"autocommit": True, "row_factory": dict_row},
)
_base = os.environ.get("STRIPE_API_BASE")
sc = stripe.StripeClient(
    os.environ.get("STRIPE_API_KEY", "sk_test_x"),
    max_network_retries=0,
    base_addresses={"api": _base} if _base else {},
)


@app.get("/health")
def health():
    with pool.connection() as c:
        c.execute("SELECT 1")
    return jsonify(ok=True)


def widen():
    if WIDEN:
        import time

        time.sleep(WIDEN)


def charge(amount, order, key=None):
    return sc.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order_id": str(order)},
        },
        {"idempotency_key": key} if key else {},
    )


def serve():
    from waitress import serve as s

    pool.wait()
    s(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
