import os

import stripe
from flask import Flask, jsonify, request
from psycopg_pool import ConnectionPool

MODE = os.environ.get("MODE", "racy")
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=4, max_size=8, open=True)
sc = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": os.environ["STRIPE_API_BASE"]},
).v1
app = Flask(__name__)


@app.get("/health")
def health():
    with pool.connection() as c:
        c.execute("SELECT 1")
    return jsonify(ok=True)


@app.post("/put")
def put():
    key = request.get_json()["key"]
    with pool.connection() as c:
        ok = c.execute("INSERT INTO seen VALUES (%s, 1) ON CONFLICT DO NOTHING", (key,)).rowcount
    return (jsonify(ok=True), 200) if ok else (jsonify(ok=False), 409)


@app.post("/orders")
def order():
    with pool.connection() as c:
        return jsonify(
            id=c.execute("INSERT INTO orders DEFAULT VALUES RETURNING id").fetchone()[0]
        ), 201


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
