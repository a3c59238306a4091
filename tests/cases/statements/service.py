"""A shop whose claim of an order is one of several statements; V says which.

Racy but for the controls.
"""

import uuid

import psycopg
from kit import V, app, charge, jsonify, pool, serve


class Taken(Exception):
    pass


def one_row(connection, sql, *values):
    if connection.execute(sql, values).rowcount != 1:
        raise Taken


def first(connection, sql, *values):
    return connection.execute(sql, values).fetchone()


def claim(sql, count=1):
    """Claim by one statement that commits by itself, then charge."""
    return lambda connection, order: one_row(connection, sql, *[order] * count)


def told(sql):
    """Claim by a statement that answers whether it won."""

    def run(connection, order):
        if not first(connection, sql, order)["won"]:
            raise Taken

    return run


def unlocked_early(*ends):
    """Read under FOR UPDATE, end the transaction in one of several ways, act on what was read."""

    def run(connection, order):
        connection.execute("BEGIN")
        row = first(connection, "SELECT status FROM orders WHERE id = %s FOR UPDATE", order)
        for end in ends:
            connection.execute(end)
        if row["status"] != "unpaid":
            connection.execute("ROLLBACK")
            raise Taken
        charge(4990, order)
        connection.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
        connection.execute("COMMIT")

    run.charges = True
    return run


def looked(sql):
    """Look by a function that no call names, then write."""

    def run(connection, order):
        if first(connection, sql, order)["live"]:
            raise Taken
        connection.execute("INSERT INTO attempts (order_id) VALUES (%s)", (order,))

    return run


def deferred(connection, order):
    connection.execute("BEGIN")
    connection.execute("INSERT INTO tries VALUES (%s, %s)", (str(uuid.uuid4()), order))
    try:
        connection.execute("COMMIT")
    except psycopg.errors.UniqueViolation:
        raise Taken from None


def moved(connection, order):
    """Begin by a function that looks twice, and charge; what was pending is paid then."""
    told("SELECT begin_payment(%s) AS won")(connection, order)
    charge(4990, order)
    connection.execute("BEGIN")
    connection.execute("DELETE FROM pending WHERE order_id = %s", (order,))
    connection.execute("INSERT INTO paid VALUES (%s)", (order,))
    connection.execute("COMMIT")


moved.charges = True

CLAIM = "UPDATE orders SET status = 'processing' WHERE id = "
VARIANTS = {
    "plain": claim(CLAIM + "%s AND status = 'unpaid'"),  # sound
    "function_locked": told("SELECT claim_locked(%s) AS won"),  # sound
    "subselect": claim(CLAIM + "(SELECT id FROM orders WHERE id = %s AND status = 'unpaid')"),
    "merge": claim(
        "MERGE INTO orders o USING (SELECT id FROM orders WHERE id = %s AND status = 'unpaid') s"
        " ON o.id = s.id WHEN MATCHED THEN UPDATE SET status = 'processing'"
    ),
    "function": told("SELECT claim(%s) AS won"),
    "procedure": told("CALL claim_proc(%s, NULL)"),
    "deferred_trigger": deferred,
    "commit_and_chain": unlocked_early("COMMIT AND CHAIN"),
    "commit_begin_text": unlocked_early("COMMIT; BEGIN"),
    "computed_column": looked("SELECT o.live FROM orders o WHERE o.id = %s"),
    "user_cast": looked("SELECT ((o.id)::livecount).k AS live FROM orders o WHERE o.id = %s"),
    "moved": moved,
    "aggregate": looked("SELECT live_agg(o.id) AS live FROM orders o WHERE o.id = %s"),
}


@app.post("/orders")
def new():
    order = str(uuid.uuid4())
    with pool.connection() as connection:
        connection.execute("INSERT INTO orders (id) VALUES (%s)", (order,))
    return jsonify(id=order), 201


@app.post("/orders/<order>/pay")
def pay(order):
    run = VARIANTS[V]
    try:
        with pool.connection() as connection:
            run(connection, order)
            if not getattr(run, "charges", False):
                charge(4990, order)
    except Taken:
        return jsonify(error="taken"), 409
    return jsonify(ok=True), 200


serve()
