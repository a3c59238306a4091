"""Invoice items: what is to be paid with a customer's next invoice, or with a draft that is named.

Source: https://docs.stripe.com/api/invoiceitems.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import catalog
from paidonce.harness.simulator.domain.billing_objects import Invoice, InvoiceItem
from paidonce.harness.simulator.domain.catalog import CreatePrice
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.invoice_drafts import require as require_invoice
from paidonce.harness.simulator.domain.invoice_lines import line_of, pricing, with_lines
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest, Metadata
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


class CreateItem(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new item: an ``amount``, or so many of a price."""

    customer: str
    amount: int | None = None
    currency: str | None = None
    price: str | None = None
    price_data: CreatePrice | None = None
    quantity: int = 1
    invoice: str | None = None
    subscription: str | None = None
    description: str | None = None
    discountable: bool = True
    proration: bool = False
    period: tuple[int, int] | None = None
    metadata: Metadata = {}


def require(world: World, identifier: str) -> InvoiceItem:
    """The item of that id; 404 ``resource_missing`` otherwise."""
    item = world.invoice_items.get(identifier)
    if item is None or identifier in world.deleted:
        raise no_such("invoiceitem", identifier, "invoiceitem")
    return item


def create(world: World, request: CreateItem, cause: EventRequest) -> InvoiceItem:
    """A new item. An unknown price, or an invoice that is no draft of that customer, is a 400."""
    draft = None
    if request.invoice is not None:
        draft = _draft(world, request.invoice)
        if draft.customer != request.customer:
            raise StripeError(
                400, f"The invoice {draft.id} belongs to another customer.", param="invoice"
            )
    amount, currency, price = request.amount, request.currency, None
    if request.price_data is not None:
        price = catalog.create_price(world, request.price_data, cause)
    elif request.price is not None:
        price = catalog.require_price(world, request.price, param="price", status=400)
        if price.recurring is not None:
            raise StripeError(
                400,
                "The price specified is set to `type=recurring` but this field only accepts prices "
                "with `type=one_time`.",
                param="price",
            )
    if price is not None:
        amount, currency = price.unit_amount * request.quantity, price.currency
    assert amount is not None
    assert currency is not None
    if draft is not None and draft.currency != currency:
        raise StripeError(
            400, f"The invoice {draft.id} is in {draft.currency}, not {currency}.", param="currency"
        )
    now = world.now()
    start, end = request.period or (now, now)
    parent = None
    if request.subscription is not None:
        details = {"subscription": request.subscription}
        parent = {"subscription_details": details, "type": "subscription_details"}
    item = InvoiceItem(
        id=world.ids.draw("ii_"),
        amount=amount,
        currency=currency,
        customer=request.customer,
        date=now,
        description=request.description
        or (None if price is None else world.products[price.product].name),
        discountable=request.discountable,
        discounts=[],
        invoice=request.invoice,
        metadata=request.metadata,
        parent=parent,
        period={"end": end, "start": start},
        pricing=None if price is None else pricing(price),
        proration=request.proration,
        quantity=request.quantity,
        tax_rates=[],
        test_clock=world.customers[request.customer].test_clock,
    )
    world.invoice_items.put(item)
    world.emit("invoiceitem.created", item, cause)
    if draft is not None:
        lines = [*draft.lines.data, line_of(world, item)]
        world.invoices.put(with_lines(world, draft, lines))
    return item


def update(
    world: World,
    identifier: str,
    changes: dict[str, Any],
    metadata: dict[str, str | None] | None,
) -> InvoiceItem:
    """Change an item, unless its invoice is final."""
    item = require(world, identifier)
    draft = None if item.invoice is None else _draft(world, item.invoice)
    if "amount" not in changes and "quantity" in changes and item.quantity:
        changes = {**changes, "amount": item.amount // item.quantity * changes["quantity"]}
    item = replace(item, **changes, metadata=as_asked(item.metadata, metadata))
    world.invoice_items.put(item)
    if draft is not None:
        lines = [
            line_of(world, item) if _item_of(line) == identifier else line
            for line in draft.lines.data
        ]
        world.invoices.put(with_lines(world, draft, lines))
    return item


def delete(world: World, identifier: str, cause: EventRequest) -> Deleted:
    """Delete an item, unless its invoice is final."""
    item = require(world, identifier)
    if item.invoice is not None:
        draft = _draft(world, item.invoice)
        lines = [line for line in draft.lines.data if _item_of(line) != identifier]
        world.invoices.put(with_lines(world, draft, lines))
    world.deleted.add(identifier)
    world.emit("invoiceitem.deleted", item, cause)
    return Deleted(id=identifier, object="invoiceitem")


def pending(world: World, customer: str, currency: str) -> list[InvoiceItem]:
    """Return what waits for the customer's next invoice, oldest first."""
    ids = world.invoice_items.having(
        "customer", lambda invoice_item: str(invoice_item.customer), customer
    )
    invoice_items = [world.invoice_items[one] for one in ids if one not in world.deleted]
    return [item for item in invoice_items if item.invoice is None and item.currency == currency]


def _draft(world: World, identifier: str) -> Invoice:
    invoice = require_invoice(world, identifier, status=400)
    if invoice.status != "draft":
        raise StripeError(
            400,
            "This invoice is no longer editable: it is "
            f"{invoice.status}. Its items cannot be changed.",
            code="invoice_not_editable",
            param="invoice",
        )
    return invoice


def _item_of(line: Any) -> str | None:
    details = line.parent["invoice_item_details"]
    found: str | None = None if details is None else details["invoice_item"]
    return found
