import os
import time
import uuid

from kit import V, app, jsonify, pool, serve


# claims the daily refill: first write my token (ms), then look whether the token there is mine
def now():
    g = int(os.environ.get("GRAIN_MS", "1"))
    return int(time.time() * 1000) // g * g


@app.post("/users")
def users():
    with pool.connection() as c:
        return jsonify(
            id=c.execute("INSERT INTO usr DEFAULT VALUES RETURNING id").fetchone()["id"]
        ), 201


@app.post("/users/<int:u>/refill")
def refill(u):
    tok = now() if V == "racy" else uuid.uuid4().int >> 66
    with pool.connection() as c:
        c.execute("UPDATE usr SET token=%s WHERE id=%s AND token=0", (tok, u))
        got = c.execute("SELECT token FROM usr WHERE id=%s", (u,)).fetchone()["token"]
        if got != tok:
            return jsonify(error="someone else"), 409
        c.execute("UPDATE usr SET balance=balance+100 WHERE id=%s", (u,))
    return jsonify(ok=True)


serve()
