"""Invoices that are not final yet: made, filled, changed, deleted.

Source: https://docs.stripe.com/api/invoices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from paidonce.harness.simulator.domain.billing_objects import (
    Invoice,
    InvoiceItem,
    InvoiceLine,
    Items,
)
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.invoice_lines import line_of, with_lines
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest, Metadata
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

DRAFT_SECONDS = 3600
"""A draft that advances by itself is finalized after about an hour
(https://docs.stripe.com/invoicing/integration/automatic-advancement-collection)."""

_DUE_DAYS = 30


class CreateInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new invoice; ``extras`` are attributes taken over as they are."""

    customer: str
    currency: str
    reason: str = "manual"
    auto_advance: bool = False
    collection_method: str = "charge_automatically"
    days_until_due: int | None = None
    due_date: int | None = None
    discounts: tuple[str, ...] = ()
    lines: tuple[InvoiceLine, ...] = ()
    subscription: str | None = None
    subscription_metadata: Metadata = {}
    metadata: Metadata = {}
    period: tuple[int, int] | None = None
    extras: dict[str, Any] = {}


def require(world: World, identifier: str, *, status: int = 404) -> Invoice:
    """The invoice of that id; 404 (or ``status``) ``resource_missing`` otherwise."""
    invoice = world.invoices.get(identifier)
    if invoice is None or identifier in world.deleted:
        raise no_such("invoice", identifier, "invoice", status=status)
    return invoice


def create(
    world: World,
    request: CreateInvoice,
    cause: EventRequest,
    items: Sequence[InvoiceItem] = (),
) -> Invoice:
    """A new draft with ``lines``, and a line for each of ``items``."""
    customer = world.customers[request.customer]
    identifier = world.ids.draw("in_")
    now = world.now()
    due = request.due_date
    if due is None and request.collection_method == "send_invoice":
        due = now + 86_400 * (request.days_until_due or _DUE_DAYS)
    parent = None
    if request.subscription is not None:
        details = {"metadata": request.subscription_metadata, "subscription": request.subscription}
        parent = {
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        }
    start, end = request.period or (now, now)
    empty = Items(data=[], total_count=0, url=f"/v1/invoices/{identifier}/lines")
    invoice = Invoice(
        id=identifier,
        amount_due=0,
        amount_remaining=0,
        auto_advance=request.auto_advance,
        automatic_tax={
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        billing_reason=request.reason,
        collection_method=request.collection_method,
        created=now,
        currency=request.currency,
        customer=customer.id,
        customer_address=customer.address,
        customer_email=customer.email,
        customer_name=customer.name,
        customer_phone=customer.phone,
        customer_shipping=customer.shipping,
        customer_tax_ids=[],
        default_tax_rates=[],
        discounts=list(request.discounts),
        due_date=due,
        issuer={"type": "self"},
        lines=empty,
        metadata=request.metadata,
        parent=parent,
        payment_settings={
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        period_end=end,
        period_start=start,
        status_transitions={
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        subtotal=0,
        subtotal_excluding_tax=0,
        test_clock=customer.test_clock,
        total=0,
        total_discount_amounts=[],
        total_excluding_tax=0,
        total_pretax_credit_amounts=[],
        total_taxes=[],
        **request.extras,
    )
    if request.auto_advance:
        invoice = replace(invoice, automatically_finalizes_at=now + DRAFT_SECONDS)
        world.plan(DRAFT_SECONDS, "finalize", identifier)
    lines = [*request.lines, *(line_of(world, item) for item in items)]
    invoice = with_lines(world, invoice, lines)
    for item in items:
        world.invoice_items.put(replace(item, invoice=identifier))
    world.invoices.put(invoice)
    world.emit("invoice.created", invoice, cause)
    return invoice


def update(
    world: World,
    identifier: str,
    changes: dict[str, Any],
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Invoice:
    """Change an invoice; one that is final only what has nothing to do with what is owed."""
    before = require(world, identifier)
    fixed = [name for name in changes if name not in ("auto_advance", "default_payment_method")]
    if before.status != "draft" and fixed:
        raise StripeError(
            400,
            f"Finalized invoices can't be updated in this way: {fixed[0]}.",
            code="invoice_not_editable",
            param=fixed[0],
        )
    changes = _until(world, before, changes)
    changes = {**changes, "metadata": as_asked(before.metadata, metadata)}
    invoice = replace(before, **changes)
    if invoice.auto_advance and not before.auto_advance and before.status == "draft":
        invoice = replace(invoice, automatically_finalizes_at=world.now() + DRAFT_SECONDS)
        world.plan(DRAFT_SECONDS, "finalize", identifier)
    elif not invoice.auto_advance:
        invoice = replace(invoice, automatically_finalizes_at=None, next_payment_attempt=None)
    world.invoices.put(invoice)
    world.emit("invoice.updated", invoice, cause, {name: getattr(before, name) for name in changes})
    return invoice


def _until(world: World, invoice: Invoice, changes: dict[str, Any]) -> dict[str, Any]:
    """The changes, with the time until which an invoice is to be paid that is sent.

    400 for such a time of an invoice that is charged automatically.
    """
    method = changes.get("collection_method", invoice.collection_method)
    named = [name for name in ("days_until_due", "due_date") if changes.get(name) is not None]
    days, due = changes.get("days_until_due"), changes.get("due_date")
    changes = {name: value for name, value in changes.items() if name != "days_until_due"}
    if method != "send_invoice":
        if named:
            raise StripeError(
                400,
                f"You can only specify {named[0]} if collection_method is send_invoice.",
                param=named[0],
            )
        return {**changes, "due_date": None} if "collection_method" in changes else changes
    if days is not None or (due is None and invoice.due_date is None):
        due = world.now() + 86_400 * (_DUE_DAYS if days is None else days)
    return changes if due is None else {**changes, "due_date": due}


def delete(world: World, identifier: str, cause: EventRequest) -> Deleted:
    """Delete a draft that no subscription has made; its items are the customer's once more."""
    invoice = require(world, identifier)
    if invoice.status != "draft":
        raise StripeError(400, "You can only delete draft invoices.", code="invoice_not_editable")
    if invoice.parent is not None:
        raise StripeError(400, "Invoices of subscriptions cannot be deleted; void them instead.")
    for item in [
        invoice_item for invoice_item in world.invoice_items if invoice_item.invoice == identifier
    ]:
        world.invoice_items.put(replace(item, invoice=None))
    world.deleted.add(identifier)
    world.emit("invoice.deleted", invoice, cause)
    return Deleted(id=identifier, object="invoice")
