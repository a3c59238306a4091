"""Checkout Sessions as this service asks for them, and as Stripe shows them: pure."""

from __future__ import annotations

from typing import Any

from paidonce.reference_service.calls import Checkout, StripeCall

OPEN = "open"
COMPLETE = "complete"
EXPIRED = "expired"


def session_params(call: StripeCall, metadata: dict[str, str], public_url: str) -> dict[str, Any]:
    """The parameters of a session for ``call`` (https://docs.stripe.com/api/checkout/sessions).

    What names the order goes to the intent, or the subscription, as well: its events name it then.
    """
    page = f"{public_url}/orders/{call.order_id}/checkout"
    price: dict[str, Any] = {
        "currency": call.currency,
        "unit_amount": call.amount,
        "product_data": {"name": "Membership" if call.recurring else "Order"},
    }
    if call.recurring:
        price["recurring"] = {"interval": "month"}
    about = "subscription_data" if call.recurring else "payment_intent_data"
    return {
        "mode": "subscription" if call.recurring else "payment",
        "client_reference_id": call.order_id,
        "line_items": [{"price_data": price, "quantity": 1}],
        "metadata": metadata,
        about: {"metadata": metadata},
        "success_url": f"{page}/return",
        "cancel_url": page,
    }


def checkout_of(session: dict[str, Any]) -> Checkout:
    """A session as Stripe shows it, in an answer or in an event."""
    return Checkout(
        id=session["id"],
        status=session["status"],
        paid=session["status"] == COMPLETE and session["payment_status"] != "unpaid",
        url=session.get("url"),
        payment_id=session.get("payment_intent"),
        subscription_id=session.get("subscription"),
    )
