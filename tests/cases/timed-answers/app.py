"""A shop that asks the clock before it takes money; V says how.

Under `minute`, `minute_at_once`, `hashed` and `leased` an order is paid twice by whoever comes
again a minute or an hour later, or while the first is slow. The others have a lock or a claim
besides, or ask nothing that decides.
"""

import hashlib
import os
import time
import uuid
from datetime import UTC, datetime, timedelta

import redis
from kit import V, app, charge, jsonify, pool, serve

R = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://nowhere"), decode_responses=True)


class Taken(Exception):
    pass


def won(whether):
    if not whether:
        raise Taken


def this_minute(what, order):
    return f"{what}:{order}:{int(time.time()) // 60}"


def minute(c, order):
    key = this_minute("tries", order)
    if R.incr(key) > 1:
        c.execute("SELECT status FROM orders WHERE id = %s", (order,))
        raise Taken
    R.expire(key, 120)
    charge(4990, order)
    c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))


def minute_at_once(c, order):
    key = this_minute("tries", order)
    with R.pipeline(transaction=True) as pipe:
        tries, _ = pipe.incr(key).expire(key, 120).execute()
    won(tries == 1)
    charge(4990, order)
    c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))


def hashed(c, order):
    key = hashlib.sha256(f"{order}-{time.strftime('%Y%m%d%H', time.gmtime())}".encode()).hexdigest()
    won(R.set(key, 1, nx=True))
    charge(4990, order)
    c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))


def claimed(c, order):
    """Sound."""
    paid = "UPDATE orders SET status = 'paid' WHERE id = %s AND status = 'unpaid'"
    won(c.execute(paid, (order,)).rowcount)
    charge(4990, order)


def limited(c, order):
    key = this_minute("tries", order)
    tries = R.incr(key)
    if tries == 1:
        R.expire(key, 120)
    won(tries <= 10)
    claimed(c, order)


def kept_for_a_minute(c, order):
    key = this_minute("price", "all")
    if R.get(key) is None:
        row = c.execute("SELECT count(*) AS n FROM orders").fetchone()
        R.set(key, row["n"])
    claimed(c, order)


def leased(c, order):
    row = c.execute("SELECT locked_until FROM orders WHERE id = %s", (order,)).fetchone()
    now = datetime.now(UTC)
    won(row["locked_until"] is None or row["locked_until"] < now)
    taken = c.execute(
        "UPDATE orders SET locked_until = %s "
        "WHERE id = %s AND locked_until IS NOT DISTINCT FROM %s",
        (now + timedelta(seconds=30), order, row["locked_until"]),
    )
    won(taken.rowcount)
    charge(4990, order)
    c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))


def locked(c, order):
    """The order has times ahead in it, and none of them decides."""
    with c.transaction():
        row = c.execute("SELECT * FROM orders WHERE id = %s FOR UPDATE", (order,)).fetchone()
        won(row["status"] == "unpaid")
        charge(4990, order)
        c.execute(
            "UPDATE orders SET status = 'paid', locked_until = %s WHERE id = %s",
            (datetime.now(UTC) + timedelta(seconds=90), order),
        )


@app.post("/orders")
def order():
    made = f"o{uuid.uuid4().hex[:10]}"
    with pool.connection() as c:
        c.execute("INSERT INTO orders VALUES (%s)", (made,))
    return jsonify(id=made)


@app.post("/orders/<order>/pay")
def paid(order):
    try:
        with pool.connection() as c:
            globals()[V](c, order)
    except Taken:
        return jsonify(error="taken"), 409
    return jsonify(ok=True)


serve()
