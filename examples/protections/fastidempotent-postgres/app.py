"""A payment behind fastidempotent 0.1.0 with its Postgres backend, app-wide."""

import os
from contextlib import asynccontextmanager

import stripe
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from fastidempotent import IdempotencyMiddleware, PostgresBackend

_base = os.environ.get("STRIPE_API_BASE")  # unset in production
_stripe = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": _base} if _base else {},
)


def charge(order, amount):
    """Charge the order's card. Nothing but the library above stands in the way of a second time."""
    return _stripe.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "metadata": {"order": order},
        }
    ).id


class Payment(BaseModel):
    order: str
    amount: int


backend = PostgresBackend(
    url=os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:")
)


@asynccontextmanager
async def lifespan(app):
    async with backend:  # the README does not say so; without it every request fails
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(
    IdempotencyMiddleware,
    backend=backend,
    ttl=24 * 3600,
    methods=["POST", "PUT", "PATCH"],
)


@app.get("/health")
def health():
    return {}


@app.post("/pay", status_code=201)
def pay(payment: Payment):
    return {"intent": charge(payment.order, payment.amount)}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
