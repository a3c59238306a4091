"""A payment in a workflow of DBOS 3.4.0, whose id is to keep it from being made twice."""

import os

import psycopg
import stripe
import uvicorn
from dbos import DBOS, SetWorkflowID
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


DBOS(
    config={
        "name": "shop",
        "system_database_url": os.environ["DATABASE_URL"],
        "run_admin_server": False,
        "executor_id": "shop",
        "application_version": "1",
    }
)


@DBOS.step()
def charge_card(order_id):
    charge(order_id)


@DBOS.step()
def mark_paid(order_id):
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as work:
        work.execute("UPDATE orders SET status = 'paid' WHERE id = %s", (order_id,))


@DBOS.workflow()
def settle(order_id):
    charge_card(order_id)
    mark_paid(order_id)


app = FastAPI()


@app.post("/orders/{order_id}/pay")
def pay(order_id: int):
    with SetWorkflowID(f"order {order_id}"):
        settle(order_id)
    return Response(status_code=201)


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    DBOS.launch()
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
