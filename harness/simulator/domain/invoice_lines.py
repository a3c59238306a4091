"""The lines of an invoice, what is taken off them, and what they come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import coupons
from paidonce.harness.simulator.domain.billing_objects import (
    Coupon,
    Invoice,
    InvoiceItem,
    InvoiceLine,
    Items,
    SubscriptionItem,
)
from paidonce.harness.simulator.domain.sale_objects import Price
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


def pricing(price: Price) -> dict[str, Any]:
    """Return what is said of the price of a line."""
    return {
        "price_details": {"price": price.id, "product": price.product},
        "type": "price_details",
        "unit_amount_decimal": price.unit_amount_decimal,
    }


def line_of(world: World, item: InvoiceItem) -> InvoiceLine:
    """The line that an invoice item becomes."""
    subscription = None if item.parent is None else item.parent["subscription_details"]
    parent = {
        "invoice_item_details": {
            "invoice_item": item.id,
            "proration": item.proration,
            "proration_details": {"credited_items": None},
            "subscription": None if subscription is None else subscription["subscription"],
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
    return InvoiceLine(
        id=world.ids.draw("il_"),
        amount=item.amount,
        currency=item.currency,
        description=item.description,
        discount_amounts=[],
        discountable=item.discountable,
        discounts=[],
        metadata=item.metadata,
        parent=parent,
        period=item.period,
        pretax_credit_amounts=[],
        pricing=item.pricing,
        quantity=item.quantity,
        subscription=None if subscription is None else subscription["subscription"],
        taxes=[],
    )


def recurring_line(
    world: World, item: SubscriptionItem, amount: int, description: str
) -> InvoiceLine:
    """The line by which a subscription's item is paid for its period."""
    parent = {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": item.subscription,
            "subscription_item": item.id,
        },
        "type": "subscription_item_details",
    }
    return InvoiceLine(
        id=world.ids.draw("il_"),
        amount=amount,
        currency=item.price.currency,
        description=description,
        discount_amounts=[],
        discounts=[],
        metadata=item.metadata,
        parent=parent,
        period={"end": item.current_period_end, "start": item.current_period_start},
        pretax_credit_amounts=[],
        pricing=pricing(item.price),
        quantity=item.quantity,
        subscription=item.subscription,
        taxes=[],
    )


def with_lines(world: World, invoice: Invoice, lines: Sequence[InvoiceLine]) -> Invoice:
    """The draft with these lines and no others, and what they come to."""
    lines = [replace(line, invoice=invoice.id, discount_amounts=[], discounts=[]) for line in lines]
    off: defaultdict[str, int] = defaultdict(int)
    for identifier in invoice.discounts:
        coupon = world.coupons[world.discounts[identifier].source["coupon"]]
        lines, off[identifier] = _discounted(coupon, identifier, lines)
    subtotal = sum(line.amount for line in lines)
    total = subtotal - sum(off.values())
    return replace(
        invoice,
        amount_due=max(0, total),
        amount_remaining=max(0, total),
        lines=Items(data=list(lines), total_count=len(lines), url=invoice.lines.url),
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total=total,
        total_discount_amounts=[
            {"amount": amount, "discount": identifier} for identifier, amount in off.items()
        ],
        total_excluding_tax=total,
    )


def _discounted(
    coupon: Coupon, identifier: str, lines: Sequence[InvoiceLine]
) -> tuple[list[InvoiceLine], int]:
    """Take a discount off what is left of the lines that it counts for; the lines, and how much."""
    counted = [
        line
        for line in lines
        if line.discountable and line.amount > 0 and coupons.counts_for(coupon, _product(line))
    ]
    left = {line.id: line.amount - _taken(line) for line in counted}
    whole = sum(left.values())
    off = rest = coupons.taken_off(coupon, whole)
    invoice_lines = []
    for line in lines:
        part = 0
        if line.id in left and whole:
            # Each line bears its share; the last one what rounding has left over.
            last = line.id == counted[-1].id
            part = rest if last else min(rest, left[line.id] * off // whole)
            rest -= part
            amounts = [*line.discount_amounts, {"amount": part, "discount": identifier}]
            line = replace(line, discount_amounts=amounts, discounts=[*line.discounts, identifier])
        invoice_lines.append(line)
    return invoice_lines, off


def _taken(line: InvoiceLine) -> int:
    return sum(discount_amount["amount"] for discount_amount in line.discount_amounts)


def _product(line: InvoiceLine) -> str | None:
    if line.pricing is None:
        return None
    product: str = line.pricing["price_details"]["product"]
    return product
