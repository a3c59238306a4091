"""A payment that a row lock of Tortoise 1.1.9, with values, is to keep from being made twice."""

import os
from contextlib import asynccontextmanager

import stripe
import uvicorn
from fastapi import FastAPI, Response
from fastapi.concurrency import run_in_threadpool
from tortoise import fields
from tortoise.contrib.fastapi import RegisterTortoise
from tortoise.models import Model
from tortoise.transactions import in_transaction

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


class Order(Model):
    id = fields.IntField(primary_key=True)
    status = fields.TextField()
    amount = fields.IntField()

    class Meta:
        table = "orders"


@asynccontextmanager
async def lifespan(app):
    url = os.environ["DATABASE_URL"].replace("postgresql:", "asyncpg:")
    async with RegisterTortoise(app, db_url=url, modules={"models": [__name__]}):
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{order_id}/pay")
async def pay(order_id: int):
    async with in_transaction():
        (order,) = await Order.select_for_update().filter(id=order_id).values("status")
        if order["status"] != "unpaid":
            return Response(status_code=409)
        await run_in_threadpool(charge, order_id)
        await Order.filter(id=order_id).update(status="paid")
    return Response(status_code=201)


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
