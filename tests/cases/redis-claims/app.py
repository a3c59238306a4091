"""A shop that claims an order in Redis; V says how. Its keys have the order's short id in them.

A transaction and a script are carried out as one, and EXEC does nothing if what was watched has
changed (redis.io/docs, "Transactions"). Between the commands of a pipeline others may come.
"""

import os
import uuid

import redis
from kit import V, app, charge, jsonify, pool, serve

R = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
CLAIM = (
    "if redis.call('GET', KEYS[1]) then return 0 end redis.call('SET', KEYS[1], ARGV[1]) return 1"
)


class Taken(Exception):
    pass


def won(whether):
    if not whether:
        raise Taken


def watched(key):
    with R.pipeline() as pipe:
        pipe.watch(key)
        won(pipe.get(key) is None)
        pipe.multi()
        pipe.set(key, 1)
        try:
            pipe.execute()
        except redis.WatchError:
            raise Taken from None


def watched_late(key):
    before = R.get(key)
    with R.pipeline() as pipe:
        pipe.watch(key)
        won(before is None)
        pipe.multi()
        pipe.set(key, 1)
        try:
            pipe.execute()
        except redis.WatchError:
            raise Taken from None


def at_once(transaction):
    def run(key):
        with R.pipeline(transaction=transaction) as pipe:
            before, _ = pipe.get(key).set(key, 1).execute()
        won(before is None)

    return run


def script(key):
    won(R.eval(CLAIM, 1, key, "x"))


def counted(key):
    if R.incr(key) > 1:
        R.decr(key)
        raise Taken


CLAIMS = {
    "watched": watched,
    "watched_late": watched_late,
    "script": script,
    "transaction": at_once(True),
    "pipeline": at_once(False),
    "counted": counted,
}


def released_early(order):
    """The key is free again before the COMMIT that tells others what came of it."""
    key = f"pay:{order}"
    with pool.connection() as c, c.transaction():
        won(R.set(key, 1, nx=True))
        try:
            row = c.execute("SELECT status FROM orders WHERE id = %s", (order,)).fetchone()
            won(row["status"] == "unpaid")
            charge(4990, order)
            c.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order,))
        finally:
            R.delete(key)


@app.post("/orders")
def order():
    made = f"o{uuid.uuid4().hex[:10]}"
    with pool.connection() as c:
        c.execute("INSERT INTO orders VALUES (%s)", (made,))
    return jsonify(id=made)


@app.post("/orders/<order>/pay")
def paid(order):
    try:
        if V == "released_early":
            released_early(order)
        else:
            CLAIMS[V](f"pay:{order}")
            charge(4990, order)
    except Taken:
        return jsonify(error="taken"), 409
    return jsonify(ok=True)


serve()
