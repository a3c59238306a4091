import os

import stripe

from models import Order, Session

_base = os.environ.get("STRIPE_API_BASE")  # unset in production
_client = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": _base} if _base else {},
)
_lock_orders = os.environ.get("LOCK_ORDERS") == "1"


class NoSuchOrder(Exception):
    pass


class AlreadyPaid(Exception):
    pass


def pay(order_id, payment_method):
    """Charge the order's card. With the lock, whoever comes second waits at the reading."""
    with Session.begin() as session:
        order = session.get(Order, order_id, with_for_update=_lock_orders)
        if order is None:
            raise NoSuchOrder
        if order.payment_status != "unpaid":
            raise AlreadyPaid

        intent = _client.v1.payment_intents.create(
            {
                "amount": order.amount,
                "currency": order.currency,
                "payment_method": payment_method,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "confirm": True,
                "metadata": {"order_id": str(order.id)},
            }
        )
        order.payment_status = "paid"
        order.payment_intent_id = intent.id
        return order.as_dict()
