import uuid

import psycopg
from kit import V, app, charge, jsonify, pool, request, serve, widen
from psycopg import IsolationLevel as L

ISO = {"rc": L.READ_COMMITTED, "rr": L.REPEATABLE_READ}.get(V, L.SERIALIZABLE)


@app.post("/accounts")
def accounts():
    b = request.get_json()["balance"]
    with pool.connection() as c, c.transaction():
        i = c.execute("INSERT INTO account DEFAULT VALUES RETURNING id").fetchone()["id"]
        c.execute("INSERT INTO tx(account,amount,type) VALUES (%s,%s,'credit')", (i, b))
    return jsonify(id=i), 201


class NoFunds(Exception):
    pass


def debit(c, a, n):
    with c.transaction():
        if V == "trap_adv":
            c.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))", (a,))
        if (
            c.execute(
                "SELECT coalesce(sum(amount),0) AS s FROM tx WHERE account=%s", (a,)
            ).fetchone()["s"]
            < n
        ):
            raise NoFunds
        widen()
        if V in ("trap", "trap_adv"):
            charge(n, a, key=str(uuid.uuid4()))
        if V == "trap_key":
            charge(n, a, key=request.headers["X-Key"])
        c.execute("INSERT INTO tx(account,amount,type) VALUES (%s,%s,'debit')", (a, -n))


@app.post("/accounts/<int:a>/debit")
def go(a):
    n = request.get_json()["amount"]
    with pool.connection() as c:
        c.set_isolation_level(ISO)
        for _ in range(8):
            try:
                debit(c, a, n)
                break
            except psycopg.errors.SerializationFailure:
                if V == "noretry":
                    return jsonify(error="conflict"), 409
            except NoFunds:
                return jsonify(error="no funds"), 402
        else:
            return jsonify(error="too busy"), 503
    if not V.startswith("trap"):
        charge(n, a)
    return jsonify(ok=True)


serve()
