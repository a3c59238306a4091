import os

import stripe
from flask import Flask, jsonify, request
from psycopg_pool import ConnectionPool

FIXED = os.environ.get("MODE", "racy") == "fixed"
MODE = os.environ.get("MODE", "racy")
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=4, max_size=8, open=True)
sc = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": os.environ["STRIPE_API_BASE"]},
).v1
app = Flask(__name__)
AUTO = {"enabled": True, "allow_redirects": "never"}


@app.get("/health")
def health():
    with pool.connection() as c:
        c.execute("SELECT 1")
    return jsonify(ok=True)


def event():
    return stripe.Webhook.construct_event(
        request.get_data(), request.headers["Stripe-Signature"], os.environ["STRIPE_WEBHOOK_SECRET"]
    )


@app.post("/accounts")
def new():
    pi = sc.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "automatic_payment_methods": AUTO,
            "payment_method": "pm_card_visa",
            "confirm": True,
        }
    )
    with pool.connection() as c:
        return jsonify(
            id=c.execute("INSERT INTO acct DEFAULT VALUES RETURNING id").fetchone()[0], pi=pi.id
        ), 201


def give(c, acct):
    """Read, then write: nothing locks."""
    if not c.execute(
        "SELECT paid FROM acct WHERE id=%s" + (" FOR UPDATE" if FIXED else ""), (acct,)
    ).fetchone()[0]:
        c.execute("UPDATE acct SET paid=true, credit=credit+1000 WHERE id=%s", (acct,))


@app.post("/accounts/<int:acct>/back")  # the page after payment: slow
def back(acct):
    with pool.connection() as c:
        give(c, acct)
    return jsonify(ok=True), 200


@app.post("/webhook/<int:acct>")
def webhook(acct):
    e = event()
    with pool.connection() as c:  # the first delivery is only noted; 503: come again
        if c.execute("INSERT INTO seen VALUES (%s) ON CONFLICT DO NOTHING", (e.id,)).rowcount:
            return jsonify(error="come again"), 503
        give(c, acct)
    return jsonify(ok=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
