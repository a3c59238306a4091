"""A shop for credits: Stripe's webhook settles an order, and so does the page after payment.

Who gives the money back takes the credits, and so does the webhook."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import stripe
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from settle import settle, take_back

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


@app.post("/orders/{order_id}/refunds", status_code=201)
async def refund(order_id: int) -> dict:
    """Gives the money back, all of it, and takes the credits."""
    async with app.state.pool.acquire() as connection, connection.transaction():
        order = await connection.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
        if order is None or order["payment_status"] != "paid":
            raise HTTPException(409)
        given_back = await payments.v1.refunds.create_async(
            {"payment_intent": order["payment_intent_id"]},
            {"idempotency_key": f"refund-{order_id}"},
        )
        # By now Stripe may have told the webhook, which does not see what is not committed.
        taken = await take_back(connection, order_id)
    return {"refund": given_back.id, "taken": taken}


@app.post("/internal/sweep")
async def sweep() -> dict:
    """What a clock asks for: orders that were paid, though no webhook has told so (yet)."""
    found = 0
    orders = await app.state.pool.fetch(
        "SELECT id, payment_intent_id FROM orders"
        " WHERE payment_status = 'unpaid' AND payment_intent_id IS NOT NULL ORDER BY id"
    )
    for order in orders:
        intent = await payments.v1.payment_intents.retrieve_async(order["payment_intent_id"])
        if intent.status == "succeeded":
            async with app.state.pool.acquire() as connection:
                found += await settle(connection, order["id"])
    return {"settled": found}


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
    elif event.type == "refund.created":
        async with app.state.pool.acquire() as connection, connection.transaction():
            order_id = await connection.fetchval(
                "SELECT id FROM orders WHERE payment_intent_id = $1",
                event.data.object.payment_intent,
            )
            settled = order_id is not None and await take_back(connection, order_id)
    return {"received": True, "settled": settled}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
