import os
import uuid

import stripe
from flask import Flask, jsonify
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


@app.post("/orders")
def new():
    with pool.connection() as c:
        return jsonify(
            id=c.execute("INSERT INTO orders DEFAULT VALUES RETURNING id").fetchone()[0]
        ), 201


@app.post("/orders/<int:oid>/pay")
def pay(oid):
    with pool.connection() as c:
        if (
            c.execute("SELECT status FROM orders WHERE id=%s FOR UPDATE", (oid,)).fetchone()[0]
            != "open"
        ):
            return jsonify(error="paid"), 409
        for _ in range(3):
            try:
                sc.payment_intents.create(
                    {
                        "amount": 1000,
                        "currency": "usd",
                        "automatic_payment_methods": AUTO,
                        "payment_method": "pm_card_visa",
                        "confirm": True,
                        "metadata": {"order_id": str(oid)},
                    },
                    {"idempotency_key": f"order-{oid}" if FIXED else str(uuid.uuid4())},
                )
                break
            except stripe.APIConnectionError:
                continue
        else:
            return jsonify(error="later"), 503
        c.execute("UPDATE orders SET status='paid' WHERE id=%s", (oid,))
    return jsonify(ok=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
