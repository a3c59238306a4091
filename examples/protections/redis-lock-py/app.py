"""A payment that the lock of redis-lock-py 1.3.0 is to keep from being made twice."""

import os

import sqlalchemy as sa
import stripe
import uvicorn
from fastapi import FastAPI, Response
from redis import Redis
from redis_lock import RedisLock

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


redis = Redis.from_url(os.environ["REDIS_URL"])
engine = sa.create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
app = FastAPI()
LOOKS_AGAIN_S = float(os.environ.get("LOOKS_AGAIN_S", "0.5"))  # as it comes, both of them
LONGER_BY_S = float(os.environ.get("LONGER_BY_S", "0.5"))
READ = sa.text("SELECT status FROM orders WHERE id = :id")
PAID = sa.text("UPDATE orders SET status = 'paid' WHERE id = :id")


@app.post("/orders/{order_id}/pay")
def pay(order_id: int):
    lock = RedisLock(redis, f"order {order_id}", blocking_timeout=60)
    if not lock.acquire(pubsub_timeout=LOOKS_AGAIN_S, delay_interval=LONGER_BY_S):
        return Response(status_code=409)
    try:
        with engine.connect() as work:
            status = work.execute(READ, {"id": order_id}).scalar_one()
        if status != "unpaid":
            return Response(status_code=409)
        charge(order_id)
        with engine.begin() as work:
            work.execute(PAID, {"id": order_id})
    finally:
        lock.release()
    return Response(status_code=201)


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
