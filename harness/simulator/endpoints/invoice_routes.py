"""The endpoints of invoices, their lines and payments, and of invoice items.

Parameters: https://docs.stripe.com/api/invoices, https://docs.stripe.com/api/invoiceitems.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paidonce.harness.simulator.domain import (
    clocks,
    coupons,
    customers,
    invoice_drafts,
    invoice_items,
    invoices,
)
from paidonce.harness.simulator.domain.errors import Refused, no_such
from paidonce.harness.simulator.domain.invoice_drafts import CreateInvoice
from paidonce.harness.simulator.domain.invoice_items import CreateItem
from paidonce.harness.simulator.domain.invoice_lines import with_lines
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import intent_params, listing
from paidonce.harness.simulator.endpoints.billing_params import COLLECTION, discounts, off, refuse
from paidonce.harness.simulator.endpoints.catalog_routes import price_data
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_URL = "/v1/invoices"
_STATUSES = ("draft", "open", "paid", "uncollectible", "void")
_TEXTS = ("description", "footer", "number", "statement_descriptor", "default_payment_method")
_LATER = (
    "account_tax_ids",
    "application_fee_amount",
    "default_source",
    "default_tax_rates",
    "from_invoice",
    "on_behalf_of",
    "shipping_cost",
    "subscription",
    "transfer_data",
)


def create(params: Params, _: str) -> Execution:
    """POST /v1/invoices."""
    customer = params.required("customer")
    code = params.string("currency")
    method, days, due = _collected(params)
    pending = params.choice("pending_invoice_items_behavior", ("exclude", "include"))
    wanted = discounts(params) or ()
    extras = _extras(params)
    request = CreateInvoice(
        customer=customer,
        currency="usd" if code is None else intent_params.currency(code),
        auto_advance=params.boolean("auto_advance"),
        collection_method=method or "charge_automatically",
        days_until_due=days,
        due_date=due,
        metadata=intent_params.new_metadata(params),
        extras=extras,
    )

    def execute(world: World, cause: EventRequest) -> Answer:
        owner = customers.named(world, customer)
        with clocks.time_of(world, customer):
            waiting = []
            if pending == "include":
                waiting = invoice_items.pending(world, owner.id, request.currency)
            for discount_asked in wanted:
                coupons.usable(world, discount_asked, customer, 0, request.currency)
            made = invoice_drafts.create(world, request, cause, waiting)
            if not wanted:
                return made
            found = [
                coupons.redeem(world, one, customer, made.subtotal, made.currency, invoice=made.id)
                for one in wanted
            ]
            ids = [discount.id for discount in found]
            made = invoice_drafts.replace(made, discounts=ids)
            made = with_lines(world, made, made.lines.data)
            world.invoices.put(made)
            return made

    return execute


def retrieve(_: Params, identifier: str) -> Execution:
    """GET /v1/invoices/{id}."""
    return lambda world, _: invoice_drafts.require(world, identifier)


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/invoices/{id}."""
    refuse(params, "discounts")
    metadata = params.metadata()
    changes = _extras(params)
    if params.has("auto_advance"):
        changes["auto_advance"] = params.boolean("auto_advance")
    method = params.choice("collection_method", COLLECTION)
    if method is not None:
        changes["collection_method"] = method
    for name in ("days_until_due", "due_date"):
        if params.has(name):
            changes[name] = params.integer(name, minimum=0)
    return _timed(
        identifier,
        lambda world, cause: invoice_drafts.update(world, identifier, changes, metadata, cause),
    )


def delete(_: Params, identifier: str) -> Execution:
    """DELETE /v1/invoices/{id}."""
    return lambda world, cause: invoice_drafts.delete(world, identifier, cause)


def finalize(params: Params, identifier: str) -> Execution:
    """POST /v1/invoices/{id}/finalize."""
    advances = params.boolean("auto_advance") if params.has("auto_advance") else None

    def execute(world: World, cause: EventRequest) -> Answer:
        invoice = invoices.finalize(world, identifier, cause)
        if advances is not None and invoice.status == "open":
            invoice = invoices.replace(invoice, auto_advance=advances)
            world.invoices.put(invoice)
        return invoice

    return _timed(identifier, execute)


def pay(params: Params, identifier: str) -> Execution:
    """POST /v1/invoices/{id}/pay."""
    refuse(params, "mandate")
    name, token = params.string("payment_method"), params.string("source")
    params.boolean("forgive")
    source = None
    if name is not None:
        source = PaymentSource(payment_method=name)
    elif token is not None:
        source = PaymentSource(token=token)
    off_session = params.boolean("off_session", True)
    elsewhere = params.boolean("paid_out_of_band")
    return _timed(
        identifier,
        lambda world, cause: invoices.pay(
            world, identifier, source, cause, off_session=off_session, out_of_band=elsewhere
        ),
    )


def void(_: Params, identifier: str) -> Execution:
    """POST /v1/invoices/{id}/void."""
    return _timed(identifier, lambda world, cause: invoices.void(world, identifier, cause))


def mark_uncollectible(_: Params, identifier: str) -> Execution:
    """POST /v1/invoices/{id}/mark_uncollectible."""
    return _timed(
        identifier, lambda world, cause: invoices.mark_uncollectible(world, identifier, cause)
    )


def send(_: Params, identifier: str) -> Execution:
    """POST /v1/invoices/{id}/send."""
    return _timed(identifier, lambda world, cause: invoices.send(world, identifier, cause))


def list_all(params: Params, _: str) -> Execution:
    """GET /v1/invoices, of a customer or a subscription, or in one status, if asked."""
    cursor = listing.cursor(params)
    customer, subscription = params.string("customer"), params.string("subscription")
    where = listing.both(
        listing.created(params),
        listing.equal("status", params.choice("status", _STATUSES)),
        listing.equal("collection_method", params.choice("collection_method", COLLECTION)),
        listing.equal("subscription", subscription),
    )
    return lambda world, _: listing.page(
        world.invoices,
        "invoice",
        _URL,
        cursor,
        among=listing.of_customer(world.invoices, customer),
        where=listing.both(where, listing.there(world)),
    )


def search_all(params: Params, _: str) -> Execution:
    """GET /v1/invoices/search."""
    return listing.searched(params, "invoice", _URL)


def list_lines(params: Params, identifier: str) -> Execution:
    """GET /v1/invoices/{id}/lines."""
    cursor = listing.cursor(params)

    def execute(world: World, _: EventRequest) -> Answer:
        invoice = invoice_drafts.require(world, identifier)
        return listing.part(invoice.lines.data, "line item", invoice.lines.url, cursor)

    return execute


def list_payments(params: Params, _: str) -> Execution:
    """GET /v1/invoice_payments."""
    cursor = listing.cursor(params)
    payment = params.mapping("payment")
    intent = None
    if payment is not None:
        payment.choice("type", ("payment_intent",))
        intent = payment.required("payment_intent")
        payment.finish()
    where = listing.both(
        listing.created(params),
        listing.equal("invoice", params.string("invoice")),
        listing.equal("status", params.choice("status", ("open", "paid", "canceled"))),
        None if intent is None else lambda one: bool(one.payment["payment_intent"] == intent),
    )
    return lambda world, _: listing.page(
        world.invoice_payments, "invoice payment", "/v1/invoice_payments", cursor, where=where
    )


def retrieve_payment(_: Params, identifier: str) -> Execution:
    """GET /v1/invoice_payments/{id}."""

    def execute(world: World, _: EventRequest) -> Answer:
        invoice_payment = world.invoice_payments.get(identifier)
        if invoice_payment is None:
            raise no_such("invoice_payment", identifier, "invoice_payment")
        return invoice_payment

    return execute


def create_item(params: Params, _: str) -> Execution:
    """POST /v1/invoiceitems."""
    refuse(params, "discounts", "tax_rates")
    params.string("tax_behavior")
    params.string("tax_code")
    customer = params.required("customer")
    amount = params.integer("amount", minimum=-99_999_999, maximum=99_999_999)
    each = params.integer("unit_amount", minimum=-99_999_999, maximum=99_999_999)
    quantity = params.integer("quantity", minimum=0)
    code = params.string("currency")
    price, made = _priced(params)
    if [amount, each, price, made].count(None) != 3:
        raise Refused(
            400,
            "You must specify one of amount, unit_amount_decimal, pricing or price_data.",
            param="amount",
        )
    if amount is None and each is not None:
        amount = each * (1 if quantity is None else quantity)
    if amount is not None and code is None:
        raise params.missing("currency")
    request = CreateItem(
        customer=customer,
        amount=amount,
        currency=None if code is None else intent_params.currency(code),
        price=price,
        price_data=made,
        quantity=1 if quantity is None else quantity,
        invoice=params.string("invoice"),
        subscription=params.string("subscription"),
        description=params.string("description"),
        discountable=params.boolean("discountable", True),
        period=_period(params),
        metadata=intent_params.new_metadata(params),
    )

    def execute(world: World, cause: EventRequest) -> Answer:
        customers.named(world, customer)
        with clocks.time_of(world, customer):
            return invoice_items.create(world, request, cause)

    return execute


def retrieve_item(_: Params, identifier: str) -> Execution:
    """GET /v1/invoiceitems/{id}."""
    return lambda world, _: invoice_items.require(world, identifier)


def update_item(params: Params, identifier: str) -> Execution:
    """POST /v1/invoiceitems/{id}."""
    refuse(params, "discounts", "tax_rates", "pricing", "price_data")
    metadata = params.metadata()
    changes: dict[str, Any] = {}
    if params.has("amount"):
        changes["amount"] = params.integer("amount", minimum=-99_999_999, maximum=99_999_999)
    if params.has("quantity"):
        changes["quantity"] = params.integer("quantity", minimum=0)
    if params.has("description"):
        changes["description"] = params.string("description")
    if params.has("discountable"):
        changes["discountable"] = params.boolean("discountable")
    period = _period(params)
    if period is not None:
        changes["period"] = {"end": period[1], "start": period[0]}
    return lambda world, _: invoice_items.update(world, identifier, changes, metadata)


def delete_item(_: Params, identifier: str) -> Execution:
    """DELETE /v1/invoiceitems/{id}."""
    return lambda world, cause: invoice_items.delete(world, identifier, cause)


def list_items(params: Params, _: str) -> Execution:
    """GET /v1/invoiceitems, of a customer or an invoice, or those that wait for one, if asked."""
    cursor = listing.cursor(params)
    customer, waits = params.string("customer"), params.boolean("pending")
    where = listing.both(
        listing.created(params),
        listing.equal("invoice", params.string("invoice")),
        (lambda one: bool(one.invoice is None)) if waits else None,
    )
    return lambda world, _: listing.page(
        world.invoice_items,
        "invoiceitem",
        "/v1/invoiceitems",
        cursor,
        among=listing.of_customer(world.invoice_items, customer),
        where=listing.both(where, listing.there(world)),
    )


def _timed(identifier: str, does: Callable[[World, EventRequest], Any]) -> Execution:
    """Do something to an invoice in its customer's time."""

    def execute(world: World, cause: EventRequest) -> Answer:
        invoice = invoice_drafts.require(world, identifier)
        with clocks.time_of(world, invoice.customer):
            answer: Answer = does(world, cause)
            return answer

    return execute


def _collected(params: Params) -> tuple[str | None, int | None, int | None]:
    method = params.choice("collection_method", COLLECTION)
    days = params.integer("days_until_due", minimum=0)
    due = params.integer("due_date", minimum=0)
    if method != "send_invoice":
        for name, given in (("days_until_due", days), ("due_date", due)):
            if given is not None:
                raise Refused(
                    400,
                    f"You can only specify {name} if collection_method is send_invoice.",
                    param=name,
                )
    return method, days, due


def _extras(params: Params) -> dict[str, Any]:
    refuse(params, *_LATER)
    off(params, "automatic_tax")
    for name in ("rendering", "payment_settings", "shipping_details", "issuer"):
        params.opaque(name)
    params.mappings("custom_fields")
    return {name: params.string(name) for name in _TEXTS if params.has(name)}


def _priced(params: Params) -> tuple[str | None, Any]:
    price = params.string("price")
    pricing, data = params.mapping("pricing"), params.mapping("price_data")
    if pricing is not None:
        price = pricing.required("price")
        pricing.finish()
    if data is None:
        return price, None
    made = price_data(data, inline=True)
    data.finish()
    return price, made


def _period(params: Params) -> tuple[int, int] | None:
    period = params.mapping("period")
    if period is None:
        return None
    start, end = period.integer("start", minimum=0), period.integer("end", minimum=0)
    if start is None or end is None:
        raise period.missing("start" if start is None else "end")
    period.finish()
    return start, end
