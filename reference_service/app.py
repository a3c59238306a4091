"""The HTTP application. Handlers are synchronous and run in threads: by default in as many as there
are database connections, so that a request that has a thread also gets a connection."""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

import anyio.to_thread
import stripe
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from paidonce.reference_service import api, spent, store
from paidonce.reference_service.database import Trouble, ping, trouble
from paidonce.reference_service.gateway import RENEWED
from paidonce.reference_service.operations import (
    ApplyEvent,
    Cancel,
    ChangeAmount,
    CreateIntent,
    OpenCheckout,
    Operation,
    Pay,
    Redeem,
    Refund,
    Renew,
    ReturnFromCheckout,
)
from paidonce.reference_service.operations.base import Event
from paidonce.reference_service.operations.webhook import (
    HANDLED,
    INVOICE_PAID,
    SESSION_OVER,
    applied,
)
from paidonce.reference_service.orders import TAKEN, Order, OrderAnswer, error, not_found
from paidonce.reference_service.service import Service
from paidonce.reference_service.sessions import checkout_of
from paidonce.reference_service.settings import Settings, load

_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RECONCILED_S = 3 * 86_400
"""For so long Stripe delivers an event again; what is older a person has been told of."""
_UNDER_WAY = "order_already_paid, payment_in_progress, order_cancelled"
_STRIPE_DOWN = {"_502": "payment_outcome_unknown", "_503": "stripe_unavailable"}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; settings come from the environment unless given."""
    service = Service(settings or load(os.environ))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = service.settings.handler_threads
        service.start()
        try:
            yield
        finally:
            service.stop()

    app = FastAPI(title="Reference payment service", lifespan=lifespan)
    app.state.service = service
    _handle_errors(app)
    _add_orders(app, service)
    _add_payments(app, service)
    _add_checkout(app, service)
    _add_webhooks(app, service)
    _add_housekeeping(app, service)
    return app


def _add_orders(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        ping(service.engine)
        return {"status": "ok", "guard": service.settings.payment_guard}

    @app.post(
        "/orders",
        status_code=201,
        response_model=api.OrderOut,
        responses=api.errors(_422="invalid_request"),
    )
    def create_order(body: api.NewOrder) -> Response:
        order = Order(id=str(uuid.uuid4()), amount=body.amount, currency=body.currency)
        with service.connect() as connection:
            store.add_order(connection, order)
        return _response(OrderAnswer(201, order.public()))

    @app.get(
        "/orders/{order_id}",
        response_model=api.OrderShown,
        responses=api.errors(_404="order_not_found"),
    )
    def get_order(order_id: api.OrderId) -> Response:
        shown = service.shown(order_id) if _ORDER_ID.fullmatch(order_id) else None
        if shown is None:
            return _response(not_found().answer)
        order, handed_out = shown
        return _response(OrderAnswer(200, {**order.public(), "handed_out": handed_out}))

    @app.patch(
        "/orders/{order_id}",
        response_model=api.OrderOut,
        responses=api.errors(_409=_UNDER_WAY, _404="order_not_found", **_STRIPE_DOWN),
    )
    def change_order(
        order_id: api.OrderId, body: api.ChangedOrder, key: api.ClientKey = None
    ) -> Response:
        return _run(service, ChangeAmount(body.amount), order_id, key)


def _add_payments(app: FastAPI, service: Service) -> None:
    @app.post(
        "/orders/{order_id}/payment-intents",
        status_code=201,
        response_model=api.IntentOut,
        responses=api.errors(_409=_UNDER_WAY, _404="order_not_found", **_STRIPE_DOWN),
    )
    def create_intent(
        order_id: api.OrderId, body: api.Nothing | None = None, key: api.ClientKey = None
    ) -> Response:
        return _run(service, CreateIntent(), order_id, key)

    @app.post(
        "/orders/{order_id}/payments",
        response_model=api.PaymentOut,
        responses=api.errors(
            _402="card_declined", _409=_UNDER_WAY, _404="order_not_found", **_STRIPE_DOWN
        ),
    )
    def pay(
        order_id: api.OrderId, body: api.NewPayment | None = None, key: api.ClientKey = None
    ) -> Response:
        payment = body or api.NewPayment()
        return _run(service, Pay(payment.payment_method), order_id, key)

    @app.post(
        "/orders/{order_id}/cancel",
        response_model=api.OrderOut,
        responses=api.errors(_409=_UNDER_WAY, _404="order_not_found", **_STRIPE_DOWN),
    )
    def cancel(
        order_id: api.OrderId, body: api.Nothing | None = None, key: api.ClientKey = None
    ) -> Response:
        return _run(service, Cancel(), order_id, key)

    @app.post(
        "/orders/{order_id}/refunds",
        status_code=201,
        response_model=api.RefundOut,
        responses=api.errors(
            _409="order_not_paid, refund_exceeds_payment, payment_in_progress, order_cancelled",
            _404="order_not_found",
            **_STRIPE_DOWN,
        ),
    )
    def refund(
        order_id: api.OrderId, body: api.NewRefund | None = None, key: api.ClientKey = None
    ) -> Response:
        return _run(service, Refund(body.amount if body else None), order_id, key)


def _add_checkout(app: FastAPI, service: Service) -> None:
    @app.post(
        "/orders/{order_id}/coupon",
        response_model=api.OrderOut,
        responses=api.errors(
            _409=f"coupon_used_up, {_UNDER_WAY}", _404="order_not_found, coupon_not_found"
        ),
    )
    def redeem(order_id: api.OrderId, body: api.NewCoupon, key: api.ClientKey = None) -> Response:
        off = service.coupon_off(body.code)
        if off is None:
            return _response(error(404, "coupon_not_found", "There is no such coupon."))
        return _run(service, Redeem(body.code, off), order_id, key)

    @app.post(
        "/orders/{order_id}/checkout",
        status_code=201,
        response_model=api.CheckoutOut,
        responses=api.errors(_409=_UNDER_WAY, _404="order_not_found", **_STRIPE_DOWN),
    )
    def checkout(
        order_id: api.OrderId, body: api.NewCheckout | None = None, key: api.ClientKey = None
    ) -> Response:
        return _run(service, OpenCheckout(body.recurring if body else False), order_id, key)

    @app.get(
        "/orders/{order_id}/checkout/return",
        response_model=api.OrderOut,
        responses=api.errors(
            _409="payment_in_progress", _404="order_not_found", _503="stripe_unavailable"
        ),
    )
    def come_back(order_id: api.OrderId) -> Response:
        order = service.order(order_id) if _ORDER_ID.fullmatch(order_id) else None
        if order is None:
            return _response(not_found().answer)
        if order.checkout_id is None or not order.on_page or order.payment_status in TAKEN:
            return _response(OrderAnswer(200, order.public()))
        checkout = service.gateway.checkout(order.checkout_id).checkout
        if checkout is None:
            return _response(error(503, "stripe_unavailable", "Stripe does not answer."))
        if not checkout.paid:
            return _response(OrderAnswer(200, order.public()))
        return _run(service, ReturnFromCheckout(checkout), order_id, None)


async def _raw_body(request: Request) -> bytes:
    return await request.body()


def _add_webhooks(app: FastAPI, service: Service) -> None:
    @app.post(
        "/webhooks/stripe",
        response_model=api.AppliedOut,
        responses=api.errors(_400="invalid_signature", _409="payment_in_progress"),
    )
    def stripe_webhook(request: Request, body: Annotated[bytes, Depends(_raw_body)]) -> Response:
        signature = request.headers.get("stripe-signature")
        try:
            stripe.Webhook.construct_event(body, signature, service.settings.stripe_webhook_secret)
        except (stripe.SignatureVerificationError, ValueError):
            return _response(error(400, "invalid_signature", "This is not signed by Stripe."))
        event = json.loads(body)
        order_id = _order_of(event)
        if event["type"] not in HANDLED or order_id is None:
            return _response(applied(False))
        operation = _operation_of(event)
        if operation is None:
            return _response(applied(False))
        answer = service.flow.run(operation, order_id)
        # An order of somebody else's, who shares the Stripe account: nothing to deliver again.
        return _response(applied(False) if answer.status == 404 else answer)


def _add_housekeeping(app: FastAPI, service: Service) -> None:
    """Add what a clock asks for (a cron job, say), from inside, and at any time."""

    @app.post("/internal/recovery", response_model=api.SettledOut)
    def recover() -> Response:
        return _response(OrderAnswer(200, {"settled": service.recovery.run_once()}))

    @app.post(
        "/internal/renewals",
        response_model=api.RenewedOut,
        responses=api.errors(_503="stripe_unavailable"),
    )
    def renew() -> Response:
        try:
            return _response(OrderAnswer(200, {"renewed": service.renew()}))
        except stripe.StripeError:
            return _response(error(503, "stripe_unavailable", "Stripe does not answer."))

    @app.post(
        "/internal/reconciliation",
        response_model=api.ReconciledOut,
        responses=api.errors(_503="stripe_unavailable"),
    )
    def reconcile() -> Response:
        since = int(time.time()) - _RECONCILED_S
        try:
            return _response(OrderAnswer(200, {"applied": service.reconciliation.run_once(since)}))
        except stripe.StripeError:
            return _response(error(503, "stripe_unavailable", "Stripe does not answer."))


def _order_of(event: dict[str, Any]) -> str | None:
    about = event["data"]["object"]
    subscribed = (about.get("parent") or {}).get("subscription_details") or {}
    metadata = {**(subscribed.get("metadata") or {}), **(about.get("metadata") or {})}
    order_id = metadata.get("order_id")
    return order_id if order_id is not None and _ORDER_ID.fullmatch(order_id) else None


def _operation_of(event: dict[str, Any]) -> Operation | None:
    """The operation that an event asks for; None where nothing is to be done about it (yet)."""
    identity, kind, about = event["id"], event["type"], event["data"]["object"]
    if kind == INVOICE_PAID:
        told = Event(identity, kind, None, about["id"])
        return Renew(about["id"], told) if about.get("billing_reason") == RENEWED else None
    if kind.startswith("checkout.session."):
        checkout = checkout_of(about)
        if kind not in SESSION_OVER and not checkout.paid:
            return None  # its money is still on its way
        return ApplyEvent(
            Event(identity, kind, checkout.payment_id, checkout.id, checkout.subscription_id)
        )
    return ApplyEvent(Event(identity, kind, about["id"], about["id"]))


def _run(service: Service, operation: Operation, order_id: str, key: str | None) -> Response:
    if not _ORDER_ID.fullmatch(order_id):
        return _response(not_found().answer)
    if not service.settings.server_timing:
        return _response(service.flow.run(operation, order_id, key))
    spent.start()
    answer = service.flow.run(operation, order_id, key)
    return _response(replace(answer, headers={**answer.headers, "Server-Timing": spent.told()}))


def _response(answer: OrderAnswer) -> Response:
    return JSONResponse(answer.body, answer.status, dict(answer.headers))


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, problem: RequestValidationError) -> Response:
        first: dict[str, Any] = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _response(error(422, "invalid_request", f"{where}: {first['msg']}"))

    @app.exception_handler(HTTPException)
    async def http(_: Request, problem: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(
            problem.status_code, "invalid_request"
        )
        return _response(error(problem.status_code, code, str(problem.detail)))

    @app.exception_handler(DBAPIError)
    async def database(_: Request, problem: DBAPIError) -> Response:
        if trouble(problem) is Trouble.GONE:
            return _response(_database_unavailable())
        raise problem

    @app.exception_handler(PoolTimeout)
    async def pool(_: Request, problem: PoolTimeout) -> Response:
        return _response(_database_unavailable())


def _database_unavailable() -> OrderAnswer:
    return error(503, "database_unavailable", "The database does not answer.")
