"""A shop that calls Stripe under a key for each order; V says what it does when that is in use.

Stripe answers 409 ``idempotency_key_in_use`` to the second of two calls under one key that are
under way at once (https://docs.stripe.com/api/idempotent_requests). To Stripe a call under another
key is another payment.
"""

import os
import uuid

import stripe
from kit import V, app, charge, jsonify, pool, serve

KEY_IN_USE = 409
client = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=2,
    base_addresses={"api": os.environ["STRIPE_API_BASE"]},
)


def charged(order):
    """Whether the order was charged, by whomever."""
    if V == "library":  # which tries again, twice
        return client.v1.payment_intents.create(
            {
                "amount": 4990,
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": {"order_id": order},
            },
            {"idempotency_key": order},
        )
    try:
        return charge(4990, order, key=order)
    except stripe.StripeError as error:
        if error.http_status != KEY_IN_USE or V == "refused":
            return None
        return charge(4990, order, key=f"{order}-again")


@app.post("/orders")
def order():
    made = f"o{uuid.uuid4().hex[:10]}"
    with pool.connection() as c:
        c.execute("INSERT INTO orders VALUES (%s)", (made,))
    return jsonify(id=made), 201


@app.post("/orders/<order>/pay")
def pay(order):
    with pool.connection() as c:
        status = c.execute("SELECT status FROM orders WHERE id = %s", (order,)).fetchone()
        if status["status"] != "unpaid":
            return jsonify(error="taken"), 409
        try:
            if charged(order) is None:
                return jsonify(error="in work"), 409
        except stripe.StripeError:
            return jsonify(error="in work"), 409
        c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
    return jsonify(ok=True)


serve()
