"""Carts that are paid by one process, and cancelled by the sweep of another.

``racy``: who pays looks at the cart, calls Stripe and writes; a sweep in between has cancelled what
is paid then. ``fixed``: the cart is locked while Stripe is called, and the sweep waits for it.
"""

import os

import stripe
from flask import Flask, jsonify
from psycopg_pool import ConnectionPool

FIXED = os.environ.get("MODE", "racy") == "fixed"
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=2, max_size=4, open=True)
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


@app.get("/health")
def health():
    return jsonify(ok=True)


@app.post("/carts")
def new():
    with pool.connection() as c:
        return jsonify(id=c.execute("INSERT INTO cart DEFAULT VALUES RETURNING id").fetchone()[0])


@app.post("/carts/<int:cart>/pay")
def pay(cart):
    with pool.connection() as c:
        look = "SELECT status FROM cart WHERE id = %s" + (" FOR UPDATE" if FIXED else "")
        if c.execute(look, (cart,)).fetchone()[0] != "open":
            return jsonify(error="no longer open"), 409
        sc.payment_intents.create({**PAYMENT, "metadata": {"order_id": str(cart)}})
        c.execute("UPDATE cart SET status = 'paid' WHERE id = %s AND status = 'open'", (cart,))
    return jsonify(ok=True)


@app.post("/sweep/<int:cart>")
def sweep(cart):
    with pool.connection() as c:
        c.execute("UPDATE cart SET status = 'cancelled' WHERE id = %s AND status = 'open'", (cart,))
    return jsonify(ok=True)


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=4)
