"""A payment that a row lock of Peewee 4.5.3 is to keep from being made twice."""

import os

import peewee
import stripe
import uvicorn
from fastapi import FastAPI, Response
from playhouse.db_url import connect

_base = os.environ.get("STRIPE_API_BASE")  # unset in production
_stripe = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": _base} if _base else {},
)


def charge(order):
    """Charge the order's card. Nothing but the library above stands in the way of a second time."""
    _stripe.v1.payment_intents.create(
        {
            "amount": 1999,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "metadata": {"order": str(order)},
        }
    )


db = connect(os.environ["DATABASE_URL"])


class Order(peewee.Model):
    status = peewee.TextField()
    amount = peewee.IntegerField()

    class Meta:
        database = db
        table_name = "orders"


app = FastAPI()


@app.post("/orders/{order_id}/pay")
def pay(order_id: int):
    with db.connection_context(), db.atomic():
        order = Order.select().where(Order.id == order_id).for_update().get()
        if order.status != "unpaid":
            return Response(status_code=409)
        charge(order_id)
        order.status = "paid"
        order.save()
    return Response(status_code=201)


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
