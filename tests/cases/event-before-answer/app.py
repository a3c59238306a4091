"""A refund is booked by who asked for it, and by Stripe's webhook where it was nobody here.

``racy`` tells by a set in its memory which refunds are its own; it has them there once Stripe has
answered. The webhook may come before that. ``fixed`` books each refund once, whoever does.
"""

import os

import stripe
from flask import Flask, jsonify, request
from psycopg_pool import ConnectionPool

FIXED = os.environ.get("MODE", "racy") == "fixed"
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=4, max_size=8, open=True)
sc = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": os.environ["STRIPE_API_BASE"]},
).v1
app = Flask(__name__)
OWN = set()
BOOK = "INSERT INTO refund (stripe_id, pi) VALUES (%s, %s)"
ONCE = "INSERT INTO refund_once (stripe_id, pi) VALUES (%s, %s) ON CONFLICT DO NOTHING"


@app.get("/health")
def health():
    return jsonify(ok=True)


@app.post("/purchases")
def new():
    pi = sc.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "payment_method": "pm_card_visa",
            "confirm": True,
        }
    )
    return jsonify(pi=pi.id), 201


def book(refund_id, pi):
    with pool.connection() as c:
        c.execute(ONCE if FIXED else BOOK, (refund_id, pi))


@app.post("/purchases/<pi>/refund")
def refund(pi):
    made = sc.refunds.create({"payment_intent": pi, "amount": 300})
    OWN.add(made.id)
    book(made.id, pi)
    return jsonify(refund=made.id), 200


@app.post("/webhook")
def webhook():
    e = stripe.Webhook.construct_event(
        request.get_data(), request.headers["Stripe-Signature"], os.environ["STRIPE_WEBHOOK_SECRET"]
    )
    with pool.connection() as c:
        c.execute("SELECT count(*) FROM account").fetchone()
    if FIXED or e.data.object.id not in OWN:
        book(e.data.object.id, e.data.object.payment_intent)
    return jsonify(ok=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
