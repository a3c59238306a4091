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


@app.post("/purchases/<int:pid>/refund")
def refund(pid):
    pi = request.get_json()["pi"]
    sc.refunds.create({"payment_intent": pi, "amount": 300})  # the goods
    sc.refunds.create({"payment_intent": pi, "amount": 100})  # the shipping
    with pool.connection() as c:
        c.execute("UPDATE purchase SET refunded=400 WHERE id=%s", (pid,))
    return jsonify(ok=True), 200


@app.post("/webhook")
def webhook():
    charge = event().data.object
    if charge.amount_refunded:
        with pool.connection() as c:  # blind write of what the event said
            sql = "UPDATE purchase SET refunded=%s WHERE pi=%s"
            if FIXED:
                sql = "UPDATE purchase SET refunded=greatest(refunded, %s) WHERE pi=%s"
            c.execute(sql, (charge.amount_refunded, charge.payment_intent))
    return jsonify(ok=True), 200


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
