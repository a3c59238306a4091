from kit import V, app, charge, jsonify, pool, request, serve, widen


@app.post("/owners")
def owners():
    b = request.get_json()["balance"]
    with pool.connection() as c, c.transaction():
        i = c.execute("INSERT INTO owner DEFAULT VALUES RETURNING id").fetchone()["id"]
        c.execute("INSERT INTO ledger(owner,amount,running_balance) VALUES (%s,%s,%s)", (i, b, b))
    return jsonify(id=i), 201


@app.post("/owners/<int:o>/spend")
def spend(o):
    n = request.get_json()["amount"]
    with pool.connection() as c, c.transaction():
        if V == "fixed":
            c.execute("SELECT 1 FROM owner WHERE id=%s FOR UPDATE", (o,))
        ADV = {
            "h_text": ("hashtextextended(%s::text, 0)", o),
            "h_str": ("hashtextextended(%s, 0)", str(o)),
            "h_pfx": ("hashtextextended('owner:' || %s, 0)", str(o)),
            "h_pypfx": ("hashtextextended(%s, 0)", f"owner:{o}"),
            "num": ("%s", o),
        }
        if V in ADV:
            c.execute(f"SELECT pg_advisory_xact_lock({ADV[V][0]})", (ADV[V][1],))
        b = c.execute(
            "SELECT running_balance FROM ledger WHERE owner=%s ORDER BY id DESC LIMIT 1 FOR UPDATE",
            (o,),
        ).fetchone()["running_balance"]
        if b < n:
            return jsonify(error="no funds"), 402
        widen()
        c.execute(
            "INSERT INTO ledger(owner,amount,running_balance) VALUES (%s,%s,%s)", (o, -n, b - n)
        )
    charge(n, o)
    return jsonify(ok=True)


serve()
