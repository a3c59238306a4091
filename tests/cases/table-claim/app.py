"""A shop that claims an order by a table of its own, whose name is another in every execution.

``claimed``: CREATE TABLE fails for whoever comes second (42P07, or 23505 of pg_type where both are
under way at once), and only then is Stripe called. ``racy`` looks whether the table is there, and
makes it once Stripe has answered: two that have both looked both pay.
"""

from kit import V, app, charge, jsonify, pool, serve
from psycopg import errors


@app.post("/orders")
def make():
    with pool.connection() as c:
        return jsonify(c.execute("INSERT INTO orders DEFAULT VALUES RETURNING id").fetchone())


def claimed(c, order):
    try:
        c.execute(f"CREATE TABLE claim_{order} ()")
    except (errors.DuplicateTable, errors.UniqueViolation):
        return False
    charge(4990, order)
    return True


def racy(c, order):
    found = c.execute("SELECT to_regclass(%s) AS name", (f"claim_{order}",)).fetchone()
    if found["name"] is not None:
        return False
    charge(4990, order)
    c.execute(f"CREATE TABLE IF NOT EXISTS claim_{order} ()")
    return True


@app.post("/orders/<int:order>/pay")
def pay(order):
    with pool.connection() as c:
        paid = {"claimed": claimed, "racy": racy}[V](c, order)
    return (jsonify(ok=True), 200) if paid else (jsonify(error="taken"), 409)


serve()
