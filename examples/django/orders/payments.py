import stripe
from django.conf import settings
from django.db import transaction

from orders.models import Order

_client = stripe.StripeClient(
    settings.STRIPE_API_KEY,
    max_network_retries=0,
    base_addresses={"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {},
)


class AlreadyPaid(Exception):
    pass


@transaction.atomic
def pay(order_id, payment_method):
    """Charge the order's card. A transaction alone protects nothing: both of two requests read
    "unpaid" in theirs. The lock is what `select_for_update` adds."""
    orders = Order.objects.select_for_update() if settings.LOCK_ORDERS else Order.objects
    order = orders.get(pk=order_id)
    if order.payment_status != "unpaid":
        raise AlreadyPaid

    intent = _client.v1.payment_intents.create(
        {
            "amount": order.amount,
            "currency": order.currency,
            "payment_method": payment_method,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "metadata": {"order_id": str(order.pk)},
        }
    )
    order.payment_status = "paid"
    order.payment_intent_id = intent.id
    order.save()
    return order
