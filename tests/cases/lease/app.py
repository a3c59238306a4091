import os

import redis
import stripe
from flask import Flask, jsonify
from psycopg_pool import ConnectionPool

MODE = os.environ.get("MODE", "racy")
LOCKS = MODE in ("fixed", "both")
LEASES = MODE != "fixed"
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


R = redis.Redis.from_url(os.environ["REDIS_URL"])


@app.post("/invoices")
def new():
    with pool.connection() as c:
        return jsonify(
            id=c.execute("INSERT INTO invoice DEFAULT VALUES RETURNING id").fetchone()[0]
        ), 201


def taken(key):
    if MODE == "counted":  # who counts to one has it, for 30 s
        return R.incr(key) == 1 and R.expire(key, 30)
    return R.set(key, "1", nx=True, ex=30)


@app.post("/invoices/<int:iid>/pay")
def pay(iid):
    key = f"pay:{iid}"
    if LEASES and not taken(key):
        return jsonify(error="in work"), 409
    try:
        with pool.connection() as c:
            if (
                c.execute(
                    "SELECT status FROM invoice WHERE id=%s" + (" FOR UPDATE" if LOCKS else ""),
                    (iid,),
                ).fetchone()[0]
                != "open"
            ):
                return jsonify(error="paid"), 409
            sc.payment_intents.create(
                {
                    "amount": 1000,
                    "currency": "usd",
                    "automatic_payment_methods": AUTO,
                    "payment_method": "pm_card_visa",
                    "confirm": True,
                    "metadata": {"order_id": str(iid)},
                }
            )
            c.execute("UPDATE invoice SET status='paid' WHERE id=%s", (iid,))
    finally:
        if LEASES:
            R.delete(key)
    return jsonify(ok=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
