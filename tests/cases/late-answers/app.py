"""A shop that asks who told it "unpaid", and only then looks at its set of orders in work.

Two threads, of which one looks at its answer when the other has paid and left that set, pay
an order twice. ``before`` looks at the set, and writes to it, before anybody is asked.
"""

import os
import uuid

import redis
from kit import V, app, charge, jsonify, pool, sc, serve

shared = redis.Redis.from_url(os.environ["REDIS_URL"])
WORK = set()
TOLD = {"unpaid": False, "paid": True}


def in_postgres(order, paid):
    with pool.connection() as c:
        if paid:
            return c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
        row = c.execute("SELECT status FROM orders WHERE id = %s", (order,)).fetchone()
        return TOLD[row["status"]]


def in_redis(order, paid):
    return shared.set(f"paid:{order}", 1) if paid else bool(shared.exists(f"paid:{order}"))


def at_stripe(order, paid):
    customer = CUSTOMERS[order]
    if paid:
        return sc.v1.customers.update(customer, {"metadata": {"paid": "yes"}})
    return "paid" in sc.v1.customers.retrieve(customer).metadata


CUSTOMERS = {}
ASKS = {"postgres": in_postgres, "redis": in_redis, "stripe": at_stripe, "before": in_redis}


@app.post("/orders")
def order():
    made = f"o{uuid.uuid4().hex[:10]}"
    with pool.connection() as c:
        c.execute("INSERT INTO orders VALUES (%s)", (made,))
    if V == "stripe":
        CUSTOMERS[made] = sc.v1.customers.create().id
    return jsonify(id=made), 201


@app.post("/orders/<order>/pay")
def pay(order):
    asks = ASKS[V]
    if V == "before":
        if order in WORK:
            return jsonify(error="in work"), 409
        WORK.add(order)
    try:
        if asks(order, paid=False) or (V != "before" and order in WORK):
            return jsonify(error="taken"), 409
        WORK.add(order)
        charge(4990, order)
        asks(order, paid=True)
    finally:
        WORK.discard(order)
    return jsonify(ok=True)


serve()
