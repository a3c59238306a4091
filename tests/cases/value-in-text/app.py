from kit import V, app, charge, jsonify, pool, serve


def first(c, k, who):
    if V == "select_insert":  # loser of ON CONFLICT also says "first"
        if c.execute("SELECT 1 FROM run WHERE key=%s", (k,)).fetchone():
            return False
        c.execute("INSERT INTO run VALUES (%s,%s) ON CONFLICT DO NOTHING", (k, who))
        return True
    if V == "not_exists":  # one statement; "first" told by whether a row was there in its snapshot
        return c.execute(
            "WITH before AS (SELECT 1 FROM run WHERE key=%s),"
            " ins AS (INSERT INTO run VALUES (%s,%s) ON CONFLICT DO NOTHING)"
            " SELECT NOT EXISTS (SELECT 1 FROM before) AS f",
            (k, k, who),
        ).fetchone()["f"]
    if V == "do_update":  # xmax = 0 tells the inserter
        return c.execute(
            "INSERT INTO run VALUES (%s,%s)"
            " ON CONFLICT (key) DO UPDATE SET key=excluded.key RETURNING (xmax=0) AS f",
            (k, who),
        ).fetchone()["f"]
    return (
        c.execute("INSERT INTO run VALUES (%s,%s) ON CONFLICT DO NOTHING", (k, who)).rowcount == 1
    )


@app.post("/start/<k>/<who>")
def start(k, who):
    with pool.connection() as c:
        f = first(c, k, who)
    if not f:
        return jsonify(first=False), 409
    charge(300, k)
    return jsonify(first=True)


serve()
