"""A shop that locks before it looks, or so it seems; V says how.

Two plain threads that rest between statements pay one of 10 orders twice or more with each racy
variant (trigger_stable: one of 40), and none of 40 with the sound ones.
"""

import uuid

from kit import V, app, charge, jsonify, pool, serve
from psycopg import errors


class Taken(Exception):
    pass


def first(c, sql, *values):
    return c.execute(sql, values).fetchone()


def answered(cursor):
    return cursor.fetchone() if cursor.description else None


def pay(c, order, row):
    if row["status"] != "unpaid":
        raise Taken
    charge(4990, order)
    c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))


STATUS = "SELECT status FROM orders WHERE id = %s"


def fails(c):
    """A savepoint that ends in an error."""
    c.execute("INSERT INTO codes VALUES ('taken')")


def locked_before_savepoint(c, order):
    with c.transaction():
        c.execute(f"{STATUS} FOR UPDATE", (order,))
        try:
            with c.transaction():
                fails(c)
        except errors.UniqueViolation:
            pass
        pay(c, order, first(c, STATUS, order))


def locked_within_savepoint(lock):
    """The lock goes with the savepoint that is rolled back (manual, 13.3)."""

    def run(c, order):
        with c.transaction():
            try:
                with c.transaction():
                    c.execute(lock, (order,))
                    fails(c)
            except errors.UniqueViolation:
                pass
            pay(c, order, first(c, STATUS, order))

    return run


def looked(*statements):
    """Carries out some statements in a transaction; the last says what the order's status is."""

    def run(c, order):
        with c.transaction():
            for sql in statements:
                row = answered(c.execute(sql.replace("%s", f"'{order}'")))
            pay(c, order, row)

    return run


def claimed(table):
    """A trigger counts, once it has the lock; a STABLE one with the snapshot of the INSERT."""

    def run(c, order):
        try:
            c.execute(f"INSERT INTO {table} VALUES (%s)", (order,))
        except errors.UniqueViolation:
            raise Taken from None
        charge(4990, order)

    return run


def payable(c, order):
    """Locks the order through a view, whose other table is seen as before the wait."""
    with c.transaction():
        if first(c, "SELECT id FROM payable WHERE id = %s FOR UPDATE", order) is None:
            raise Taken
        charge(4990, order)
        c.execute("INSERT INTO payments (order_id) VALUES (%s)", (order,))


def replaced(c, order):
    """Whoever waited for a row that is deleted finds nothing, although there is a new one."""
    with c.transaction():
        row = first(c, "SELECT state FROM states WHERE order_id = %s FOR UPDATE", order)
        if row is not None and row["state"] == "paid":
            raise Taken
        charge(4990, order)
        c.execute("DELETE FROM states WHERE order_id = %s", (order,))
        c.execute("INSERT INTO states VALUES (%s, 'paid')", (order,))


def told_before(c, order):
    """A sub-select of RETURNING sees what there was before the wait."""
    was = "(SELECT status FROM orders WHERE id = o.id)"
    sql = f"UPDATE orders o SET status = 'paid' WHERE id = %s RETURNING {was} AS was"
    if first(c, sql, order)["was"] != "unpaid":
        raise Taken
    charge(4990, order)


JOINED = "SELECT o.status FROM orders o JOIN customers k ON k.id = o.customer WHERE o.id = %s"
CURSOR = f"DECLARE c CURSOR FOR {STATUS}"
LOCK = "SELECT FROM customers WHERE id = 'c' FOR UPDATE"
FETCH = "FETCH c"
VARIANTS = {
    "before_savepoint": locked_before_savepoint,
    "within_savepoint": locked_within_savepoint(f"{STATUS} FOR UPDATE"),
    "advisory_within": locked_within_savepoint("SELECT pg_advisory_xact_lock(hashtext(%s))"),
    "of_order": looked(f"{JOINED} FOR UPDATE OF o"),
    "of_customer": looked(f"{JOINED} FOR UPDATE OF k"),
    "advisory_then_look": looked("SELECT pg_advisory_xact_lock(hashtext(%s))", STATUS),
    "advisory_and_look": looked(
        "SELECT status, pg_advisory_xact_lock(hashtext(id)) FROM orders WHERE id = %s"
    ),
    "lock_then_declare": looked(LOCK, CURSOR, FETCH),
    "declare_then_lock": looked(CURSOR, LOCK, FETCH),
    "trigger": claimed("claims"),
    "trigger_stable": claimed("late_claims"),
    "payable": payable,
    "replaced": replaced,
    "told_before": told_before,
}


@app.post("/orders")
def order():
    made = f"o{uuid.uuid4().hex[:10]}"
    with pool.connection() as c:
        c.execute("INSERT INTO customers VALUES ('c') ON CONFLICT DO NOTHING")
        c.execute("INSERT INTO orders VALUES (%s, 'c')", (made,))
        c.execute("INSERT INTO states VALUES (%s, 'unpaid')", (made,))
    return jsonify(id=made)


@app.post("/orders/<order>/pay")
def paid(order):
    try:
        with pool.connection() as c:
            VARIANTS[V](c, order)
    except Taken:
        return jsonify(error="taken"), 409
    return jsonify(ok=True)


serve()
