from kit import V, app, charge, jsonify, pool, request, sc, serve, stripe, widen


# The connector is told to refund; what it would refuse by itself is left out: amounts are in our
# ledger only, as with one that pays refunds out of the balance (here a charge for each refund).
@app.post("/payments")
def pay():
    n = request.get_json()["amount"]
    pi = charge(n, "x")
    with pool.connection() as c:
        i = c.execute(
            "INSERT INTO payment(captured,intent) VALUES (%s,%s) RETURNING id", (n, pi.id)
        ).fetchone()["id"]
    return jsonify(id=i, intent=pi.id), 201


@app.post("/payments/<int:p>/refund")
def refund(p):
    n = request.get_json()["amount"]
    with pool.connection() as c, c.transaction():
        q = "SELECT captured, intent FROM payment WHERE id=%s" + (
            " FOR UPDATE" if V == "fixed" else ""
        )
        pay = c.execute(q, (p,)).fetchone()
        s = c.execute(
            "SELECT coalesce(sum(amount),0) AS s FROM refund WHERE payment=%s AND status<>'failed'",
            (p,),
        ).fetchone()["s"]
        if s + n > pay["captured"]:
            return jsonify(error="exceeds"), 409
        widen()
        r = c.execute(
            "INSERT INTO refund(payment,amount) VALUES (%s,%s) RETURNING id", (p, n)
        ).fetchone()["id"]
    try:
        sc.v1.refunds.create(
            {"payment_intent": pay["intent"], "amount": n, "metadata": {"refund": str(r)}}
        )
    except stripe.InvalidRequestError:
        if V == "marks_failed":
            with pool.connection() as c:
                c.execute("UPDATE refund SET status='failed' WHERE id=%s", (r,))
        return jsonify(error="refused by connector"), 422
    with pool.connection() as c:
        c.execute("UPDATE refund SET status='done' WHERE id=%s", (r,))
    return jsonify(id=r)


serve()
