"""A shop for credits: Stripe's webhook settles an order, and so does the page after payment."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import stripe
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from settle import settle

_base = os.environ.get("STRIPE_API_BASE")  # unset in production
payments = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": _base} if _base else {},
    http_client=stripe.HTTPXClient(),
)
webhook_secret = os.environ["STRIPE_WEBHOOK_SECRET"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=2, max_size=10, max_inactive_connection_lifetime=0
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


class NewOrder(BaseModel):
    customer_id: int
    amount: int


@app.get("/health")
async def health() -> dict[str, bool]:
    await app.state.pool.fetchval("SELECT 1")
    return {"ok": True}


@app.post("/customers", status_code=201)
async def create_customer() -> dict[str, int]:
    id = await app.state.pool.fetchval("INSERT INTO customers DEFAULT VALUES RETURNING id")
    return {"id": id}


@app.post("/orders", status_code=201)
async def create_order(new: NewOrder) -> dict:
    """Also makes the payment intent, which the customer confirms in the browser."""
    id = await app.state.pool.fetchval(
        "INSERT INTO orders (customer_id, amount) VALUES ($1, $2) RETURNING id",
        new.customer_id,
        new.amount,
    )
    intent = await payments.v1.payment_intents.create_async(
        {
            "amount": new.amount,
            "currency": "usd",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order_id": str(id)},
        }
    )
    await app.state.pool.execute(
        "UPDATE orders SET payment_intent_id = $2 WHERE id = $1", id, intent.id
    )
    return {"id": id, "payment_intent_id": intent.id, "client_secret": intent.client_secret}


@app.get("/orders/{order_id}")
async def show_order(order_id: int) -> dict:
    order = await app.state.pool.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
    if order is None:
        raise HTTPException(404)
    return dict(order)


@app.get("/orders/{order_id}/paid")
async def after_payment(order_id: int) -> dict:
    """Where Stripe sends the customer back to. Often quicker than the webhook."""
    order = await app.state.pool.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
    if order is None:
        raise HTTPException(404)
    intent = await payments.v1.payment_intents.retrieve_async(order["payment_intent_id"])
    if intent.status != "succeeded":
        raise HTTPException(402)
    async with app.state.pool.acquire() as connection:
        settled = await settle(connection, order_id)
    return {"payment_status": "paid", "settled": settled}


@app.post("/webhooks/stripe")
async def webhook(request: Request) -> dict:
    try:
        event = stripe.Webhook.construct_event(
            await request.body(), request.headers.get("stripe-signature", ""), webhook_secret
        )
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise HTTPException(400) from error
    settled = False
    if event.type == "payment_intent.succeeded":
        async with app.state.pool.acquire() as connection:
            settled = await settle(connection, int(event.data.object.metadata["order_id"]))
    return {"received": True, "settled": settled}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
