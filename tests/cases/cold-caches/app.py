"""A till that is cold at first: it reads its settings, makes a row, or loads a script, once.

What is cold is in V. Racy in all of them: it looks, charges, records.
"""

import os

import redis
from kit import V, app, charge, jsonify, pool, serve

KNOWN = {}
STORE = redis.Redis.from_url(os.environ["REDIS_URL"])
TAKEN = STORE.register_script("return redis.call('EXISTS', KEYS[1])")


def warm(connection):
    """What only the first request of a process, or of a database, has to do."""
    if V == "settings" and not KNOWN:
        row = connection.execute("SELECT currency, amount FROM settings").fetchone()
        KNOWN.update(row)
    if V == "row":
        kind = connection.execute("SELECT id FROM kinds WHERE name = 'card'").fetchone()
        if kind is None:
            connection.execute("INSERT INTO kinds (name) VALUES ('card') ON CONFLICT DO NOTHING")


@app.post("/orders")
def new():
    with pool.connection() as connection:
        row = connection.execute("INSERT INTO orders DEFAULT VALUES RETURNING id").fetchone()
    return jsonify(id=row["id"]), 201


@app.post("/orders/<int:order>/pay")
def pay(order):
    with pool.connection() as connection:
        warm(connection)
        if V == "script" and TAKEN(keys=[f"paid:{order}"]):
            return jsonify(error="paid"), 409
        look = "SELECT id FROM payments WHERE order_id = %s"
        if connection.execute(look, (order,)).fetchone():
            return jsonify(error="paid"), 409
        charge(4990, order)
        connection.execute("INSERT INTO payments (order_id) VALUES (%s)", (order,))
        if V == "script":
            STORE.set(f"paid:{order}", "1")
    return jsonify(ok=True), 200


serve()
