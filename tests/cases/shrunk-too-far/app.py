import contextlib
import datetime
import os
import threading

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


GATE = threading.Lock() if MODE == "mutex" else contextlib.nullcontext()


@app.post("/plans")
def plan():
    with pool.connection() as c:
        return jsonify(
            id=c.execute(
                "INSERT INTO plan (expires) VALUES ('2030-01-01') RETURNING id"
            ).fetchone()[0]
        ), 201


@app.post("/plans/<int:plan>/orders")
def order(plan):
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
            id=c.execute(
                "INSERT INTO orders (plan_id, pi) VALUES (%s,%s) RETURNING id", (plan, pi.id)
            ).fetchone()[0],
            pi=pi.id,
        ), 201


@app.post("/webhook")
def webhook():
    pi = event().data.object.id
    with GATE, pool.connection() as c:
        row = c.execute(
            "UPDATE orders SET status='paid' WHERE pi=%s AND status='new' RETURNING plan_id", (pi,)
        ).fetchone()
        if row is None:
            return jsonify(done=True), 200
        if MODE == "atomic":
            c.execute("UPDATE plan SET expires=expires+30 WHERE id=%s", row)
            return jsonify(done=True), 200
        old = c.execute(
            "SELECT expires FROM plan WHERE id=%s" + (" FOR UPDATE" if FIXED else ""), row
        ).fetchone()[0]
        c.execute(
            "UPDATE plan SET expires=%s WHERE id=%s", (old + datetime.timedelta(days=30), row[0])
        )
    return jsonify(done=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
