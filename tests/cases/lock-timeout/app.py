"""A shop that waits for a lock for so long only, and then goes on without; V says for how long.

Two threads, of which one takes longer at Stripe than the other waits, pay an order twice.
"""

import uuid

from kit import V, app, charge, jsonify, pool, serve
from psycopg import errors

STATUS = "SELECT status FROM orders WHERE id = %s"
FOR = {
    "goes_on": "SET LOCAL lock_timeout = '1s'",
    "by_function": "SELECT set_config('statement_timeout', '900', true)",
    "cut_off": "SET idle_in_transaction_session_timeout = '2s'",
    "never": "SET LOCAL lock_timeout = 0",
    "out_of_the_way": "SET LOCAL lock_timeout = '120s'",
}


@app.post("/orders")
def order():
    made = f"o{uuid.uuid4().hex[:10]}"
    with pool.connection() as c:
        c.execute("INSERT INTO orders VALUES (%s)", (made,))
    return jsonify(id=made), 201


@app.post("/orders/<order>/pay")
def pay(order):
    with pool.connection() as c, c.transaction():
        c.execute(FOR[V])
        try:
            with c.transaction():
                c.execute(f"{STATUS} FOR UPDATE", (order,))
        except (errors.LockNotAvailable, errors.QueryCanceled):
            pass
        if c.execute(STATUS, (order,)).fetchone()["status"] != "unpaid":
            return jsonify(error="taken"), 409
        charge(4990, order)
        c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
    return jsonify(ok=True)


serve()
