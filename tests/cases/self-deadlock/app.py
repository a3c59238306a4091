import os

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


@app.post("/invoices")
def new():
    with pool.connection() as c:
        return jsonify(
            id=c.execute("INSERT INTO invoice DEFAULT VALUES RETURNING id").fetchone()[0]
        ), 201


def expire(c2, iid, sid, pi):
    c2.execute("SELECT status FROM invoice WHERE id=%s FOR UPDATE", (iid,))
    sc.payment_intents.cancel(pi)


@app.post("/invoices/<int:iid>/pay")
def pay(iid):
    with pool.connection() as c:
        if c.execute("SELECT status FROM invoice WHERE id=%s", (iid,)).fetchone()[0] != "open":
            return jsonify(error="not open"), 409
        pi = sc.payment_intents.create(
            {"amount": 1000, "currency": "usd", "automatic_payment_methods": AUTO}
        ).id
        sid = c.execute(
            "INSERT INTO session (invoice_id, pi) VALUES (%s,%s) RETURNING id", (iid, pi)
        ).fetchone()[0]
        if c.execute("SELECT status FROM invoice WHERE id=%s", (iid,)).fetchone()[0] != "open":
            c.execute("UPDATE session SET status='expired' WHERE id=%s", (sid,))
            if FIXED:
                expire(c, iid, sid, pi)
            else:
                with pool.connection() as c2:
                    expire(c2, iid, sid, pi)
            return jsonify(error="not open"), 409
    return jsonify(session=sid), 200


@app.post("/invoices/<int:iid>/void")
def void(iid):
    with pool.connection() as c:
        n = c.execute(
            "UPDATE invoice SET status='void' WHERE id=%s AND status='open'", (iid,)
        ).rowcount
    return (jsonify(ok=True), 200) if n else (jsonify(error="x"), 409)


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
