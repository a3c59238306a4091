"""A job of procrastinate 3.10.0, whose lock is to keep it from charging twice."""

import os
from contextlib import asynccontextmanager

import procrastinate
import psycopg
import stripe
import uvicorn
from fastapi import FastAPI, Response

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


queue = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"])
)


@queue.task(name="settle")
def settle(order_id):
    """Charge an order that is not paid yet."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as work:
        (status,) = work.execute("SELECT status FROM orders WHERE id = %s", (order_id,)).fetchone()
        if status != "unpaid":
            return
        charge(order_id)
        work.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order_id,))


@asynccontextmanager
async def lifespan(app):
    async with queue.open_async():
        if not await queue.check_connection_async():
            await queue.schema_manager.apply_schema_async()
        yield


async def work_off():
    """Work until there is no job left that may be begun: a worker of its documentation's that does
    not wait."""
    await queue.run_worker_async(
        wait=False, concurrency=1, listen_notify=False, install_signal_handlers=False
    )


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{order_id}/pay")
async def pay(order_id: int):
    await settle.configure(lock=f"order {order_id}").defer_async(order_id=order_id)
    await work_off()
    return Response(status_code=202)


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
