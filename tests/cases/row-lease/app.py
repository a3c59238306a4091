"""Who pays takes the invoice for 30 s, in a transaction of its own, and then calls Stripe.

``racy``: once the 30 s are over the next one takes it as well, and both charge. ``fixed``: the call
has a key of the invoice's own, so that Stripe charges once whoever calls. The others are racy, and
compare the time elsewhere: within an expression, in a function, in a view. With ``GUARD`` a trigger
keeps what is taken from being free again before its time.
"""

import os

import stripe
from flask import Flask, jsonify
from psycopg_pool import ConnectionPool

MODE = os.environ.get("MODE", "racy")
FIXED = MODE == "fixed"
GUARD = os.environ.get("GUARD", "")
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=4, max_size=8, open=True)
sc = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": os.environ["STRIPE_API_BASE"]},
).v1
app = Flask(__name__)

PAYMENT = {
    "amount": 1000,
    "currency": "usd",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    "payment_method": "pm_card_visa",
    "confirm": True,
}
TAKE = (
    "UPDATE invoice SET taken_until = now() + interval '30 s' "
    "WHERE id = %s AND status = 'open' AND taken_until < now() RETURNING id"
)

TAKES = {
    "coalesced": TAKE.replace("taken_until < now()", "coalesce(taken_until, now()) < now()"),
    "function": "SELECT id FROM take(%s) AS id WHERE id IS NOT NULL",
    "view": "UPDATE invoice SET taken_until = now() + interval '30 s' "
    "WHERE id = (SELECT id FROM free_invoice WHERE id = %s FOR UPDATE) RETURNING id",
}
"""The same lease, where it is compared in another way."""


@app.get("/health")
def health():
    return jsonify(ok=True)


@app.post("/invoices")
def new():
    with pool.connection() as c:
        if GUARD:
            made = c.execute("INSERT INTO invoice (guard) VALUES (%s) RETURNING id", (GUARD,))
        else:
            made = c.execute("INSERT INTO invoice DEFAULT VALUES RETURNING id")
        row = made.fetchone()
        return jsonify(id=row[0]), 201


@app.post("/invoices/<int:iid>/pay")
def pay(iid):
    with pool.connection() as c:
        if c.execute(TAKES.get(MODE, TAKE), (iid,)).fetchone() is None:
            return jsonify(error="in work, or paid"), 409
    key = {"idempotency_key": f"pay-{iid}"} if FIXED else {}
    try:
        sc.payment_intents.create({**PAYMENT, "metadata": {"order_id": str(iid)}}, key)
    except stripe.StripeError:  # another is at it
        return jsonify(error="in work"), 409
    with pool.connection() as c:
        c.execute("UPDATE invoice SET status = 'paid' WHERE id = %s", (iid,))
    return jsonify(ok=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
