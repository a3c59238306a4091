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


@app.post("/purchases")
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
        p = c.execute("INSERT INTO purchase (pi) VALUES (%s) RETURNING id", (pi.id,)).fetchone()[0]
    return jsonify(id=p, pi=pi.id, charge=pi.latest_charge), 201


def record(c, purchase, rid, amount):
    c.execute(
        "INSERT INTO refund (purchase_id, stripe_id, amount) VALUES (%s,%s,%s)",
        (purchase, rid, amount),
    )
    c.execute("INSERT INTO balance_tx (purchase_id, amount) VALUES (%s,%s)", (purchase, -amount))


@app.post("/purchases/<int:pid>/refund")
def refund(pid):
    with pool.connection() as c:
        pi = c.execute("SELECT pi FROM purchase WHERE id=%s FOR UPDATE", (pid,)).fetchone()[0]
        r = sc.refunds.create({"payment_intent": pi, "amount": 300})
        record(c, pid, r.id, 300)
    return jsonify(refund=r.id), 200


def seen(pi, rid, amount):
    with pool.connection() as c:
        pid = c.execute(
            "SELECT id FROM purchase WHERE pi=%s" + (" FOR UPDATE" if FIXED else ""), (pi,)
        ).fetchone()[0]
        if c.execute("SELECT 1 FROM refund WHERE stripe_id=%s", (rid,)).fetchone() is None:
            record(c, pid, rid, amount)


@app.post("/webhook")
def webhook():
    e = event()
    o = e.data.object
    if e.type.startswith("refund."):
        seen(o.payment_intent, o.id, o.amount)
    else:  # charge.refunded: look them up
        for r in sc.refunds.list({"charge": o.id}).data:
            seen(o.payment_intent, r.id, r.amount)
    return jsonify(ok=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
