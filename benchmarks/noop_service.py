"""The reference service's web framework with nothing behind it: same routes, same answers.

``service_limit.py`` runs it. It is the service itself, with the one object that works on a payment
(``paidonce.reference_service.flow.Flow``) replaced by one that answers at once: no database, no
Stripe. What is left is what the HTTP server, the framework, the validation, the threads and the
JSON cost. With ``NOOP=database`` Stripe is called as ever, and only the database is left out.
"""

from __future__ import annotations

import os

import uvicorn

from paidonce.reference_service.app import create_app
from paidonce.reference_service.calls import stripe_key
from paidonce.reference_service.gateway import Gateway
from paidonce.reference_service.operations import Operation
from paidonce.reference_service.orders import Order, OrderAnswer
from paidonce.reference_service.settings import load


class NoFlow:
    """Says that every payment succeeded, in as many bytes as the real answer has."""

    def run(
        self, operation: Operation, order_id: str, client_key: str | None = None
    ) -> OrderAnswer:
        body = {
            "payment_id": f"pi_{order_id[:24]}",
            "payment_status": "paid",
            "amount": 1999,
            "currency": "usd",
        }
        return OrderAnswer(200, body)


class NoDatabase:
    """Pays an order that nobody keeps: what is decided, asked of Stripe and concluded is real."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def run(
        self, operation: Operation, order_id: str, client_key: str | None = None
    ) -> OrderAnswer:
        order = Order(id=order_id, amount=1999, currency="usd")
        call = operation.decide(order).call
        assert call is not None, "only payments are asked of this service"
        outcome = self._gateway.send(call, stripe_key(order, call))
        return operation.conclude(order, call, outcome).answer


def main() -> None:
    settings = load(os.environ)
    app = create_app(settings)
    service = app.state.service
    without_stripe = os.environ.get("NOOP") != "database"
    service.flow = NoFlow() if without_stripe else NoDatabase(service.gateway)

    @app.get("/nothing")
    async def nothing() -> dict[str, str]:
        return {}

    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        lifespan="on",
    )


if __name__ == "__main__":
    main()
