"""A payment that a row lock of SQLAlchemy 2.1.9 is to keep from being made twice."""

import os

import sqlalchemy as sa
import stripe
import uvicorn
from fastapi import FastAPI, Response
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

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


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
    amount: Mapped[int]


engine = sa.create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))
app = FastAPI()


@app.post("/orders/{order_id}/pay")
def pay(order_id: int):
    with Session(engine) as session, session.begin():
        order = session.get_one(Order, order_id, with_for_update=True)
        if order.status != "unpaid":
            return Response(status_code=409)
        charge(order_id)
        order.status = "paid"
    return Response(status_code=201)


@app.get("/health")
def health():
    return {}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
