"""A payment behind fastapi-idempotency-key 0.1.1, its keys in Redis."""

import os

import stripe
import uvicorn
from fastapi import FastAPI
from fastapi_idempotency_key import IdempotencyMiddleware
from fastapi_idempotency_key.backends.redis import RedisBackend
from pydantic import BaseModel
from redis.asyncio import Redis

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


class Payment(BaseModel):
    order: str


app = FastAPI()
app.add_middleware(
    IdempotencyMiddleware,
    backend=RedisBackend(redis=Redis.from_url(os.environ["REDIS_URL"])),
)


@app.post("/pay", status_code=201)
def pay(payment: Payment):
    charge(payment.order)
    return {"paid": payment.order}


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
