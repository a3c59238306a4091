import os

import stripe
from flask import Flask, jsonify, request
from sqlalchemy import text

import payments
from models import Order, Session

app = Flask(__name__)


@app.get("/health")
def health():
    with Session() as session:
        session.execute(text("SELECT 1"))
    return jsonify(ok=True)


@app.post("/orders")
def create():
    with Session.begin() as session:
        order = Order(amount=request.get_json()["amount"])
        session.add(order)
        session.flush()
        return jsonify(order.as_dict()), 201


@app.get("/orders/<int:order_id>")
def show(order_id):
    with Session() as session:
        order = session.get(Order, order_id)
        return (jsonify(order.as_dict()), 200) if order else (jsonify(error="no such order"), 404)


@app.post("/orders/<int:order_id>/pay")
def pay(order_id):
    body = request.get_json(silent=True) or {}
    try:
        return jsonify(payments.pay(order_id, body.get("payment_method", "pm_card_visa")))
    except payments.NoSuchOrder:
        return jsonify(error="no such order"), 404
    except payments.AlreadyPaid:
        return jsonify(error="already paid"), 409
    except stripe.CardError as error:
        return jsonify(error=error.user_message), 402


if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]), threads=8)
