"""Subscriptions, invoices and what makes them cheaper, as they appear on the wire.

Snapshots as in ``objects``. Field meanings: https://docs.stripe.com/api/subscriptions/object,
https://docs.stripe.com/api/invoices/object and their neighbours.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from paidonce.harness.simulator.domain.sale_objects import Metadata, Price

SubscriptionStatus = Literal[
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
]

InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]


class TestClock(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A time of its own for the customers that were made with it."""

    __test__ = False  # no test, whatever its name says to a collector of tests

    id: str
    object: str = "test_helpers.test_clock"
    created: int
    deletes_after: int
    frozen_time: int
    livemode: bool = False
    name: str | None = None
    status: Literal["advancing", "ready"] = "ready"
    status_details: dict[str, Any]


class Coupon(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A coupon: it takes something off, for as many as it may."""

    id: str
    object: str = "coupon"
    amount_off: int | None = None
    applies_to: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    created: int
    currency: str | None = None
    duration: Literal["forever", "once", "repeating"] = "once"
    duration_in_months: int | None = None
    livemode: bool = False
    max_redemptions: int | None = None
    metadata: Metadata
    name: str | None = None
    percent_off: float | None = None
    redeem_by: int | None = None
    times_redeemed: int = 0
    valid: bool = True


class PromotionCode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A word by which a customer asks for a coupon."""

    id: str
    object: str = "promotion_code"
    active: bool = True
    code: str
    created: int
    customer: str | None = None
    expires_at: int | None = None
    livemode: bool = False
    max_redemptions: int | None = None
    metadata: Metadata
    promotion: dict[str, Any]
    restrictions: dict[str, Any]
    times_redeemed: int = 0


class Discount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A coupon as it was applied to one thing, from then on."""

    id: str
    object: str = "discount"
    checkout_session: str | None = None
    customer: str | None = None
    end: int | None = None
    invoice: str | None = None
    invoice_item: str | None = None
    promotion_code: str | None = None
    source: dict[str, Any]
    start: int
    subscription: str | None = None
    subscription_item: str | None = None

    @property
    def created(self) -> int:
        """Unix time in seconds; the object calls it ``start``."""
        return self.start


class DeletedDiscount(Discount, frozen=True, kw_only=True, gc=False):
    """A discount that was taken away."""

    deleted: bool = True


class SubscriptionItem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """So many of one price, again and again."""

    id: str
    object: str = "subscription_item"
    billing_thresholds: dict[str, Any] | None = None
    created: int
    current_period_end: int
    current_period_start: int
    discounts: list[str]
    metadata: Metadata
    price: Price
    quantity: int
    subscription: str
    tax_rates: list[str]


class Items(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A list within an object: all of it, as it is never long."""

    object: str = "list"
    data: list[Any]
    has_more: bool = False
    total_count: int
    url: str


class Subscription(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A subscription: a customer pays it again and again, until somebody ends it."""

    id: str
    object: str = "subscription"
    application: str | None = None
    application_fee_percent: float | None = None
    automatic_tax: dict[str, Any]
    billing_cycle_anchor: int
    billing_cycle_anchor_config: dict[str, Any] | None = None
    billing_mode: dict[str, Any]
    billing_thresholds: dict[str, Any] | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    cancellation_details: dict[str, Any]
    collection_method: str = "charge_automatically"
    created: int
    currency: str
    customer: str
    days_until_due: int | None = None
    default_payment_method: str | None = None
    default_source: str | None = None
    default_tax_rates: list[str]
    description: str | None = None
    discounts: list[str]
    ended_at: int | None = None
    invoice_settings: dict[str, Any]
    items: Items
    latest_invoice: str | None = None
    livemode: bool = False
    metadata: Metadata
    next_pending_invoice_item_invoice: int | None = None
    on_behalf_of: str | None = None
    pause_collection: dict[str, Any] | None = None
    payment_settings: dict[str, Any]
    pending_invoice_item_interval: dict[str, Any] | None = None
    pending_setup_intent: str | None = None
    pending_update: dict[str, Any] | None = None
    schedule: str | None = None
    start_date: int
    status: SubscriptionStatus
    test_clock: str | None = None
    transfer_data: dict[str, Any] | None = None
    trial_end: int | None = None
    trial_settings: dict[str, Any]
    trial_start: int | None = None


class InvoiceItem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something to be paid with a customer's next invoice, or with one that is named."""

    id: str
    object: str = "invoiceitem"
    amount: int
    currency: str
    customer: str
    date: int
    description: str | None = None
    discountable: bool = True
    discounts: list[str]
    invoice: str | None = None
    livemode: bool = False
    metadata: Metadata
    parent: dict[str, Any] | None = None
    period: dict[str, int]
    pricing: dict[str, Any] | None = None
    proration: bool = False
    quantity: int = 1
    tax_rates: list[str]
    test_clock: str | None = None

    @property
    def created(self) -> int:
        """Unix time in seconds; the object calls it ``date``."""
        return self.date

    @property
    def subscription(self) -> str | None:
        """The subscription that it is of, if it is of one."""
        return _subscription_in(self.parent)


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of an invoice."""

    id: str
    object: str = "line_item"
    amount: int
    currency: str
    description: str | None = None
    discount_amounts: list[dict[str, Any]]
    discountable: bool = True
    discounts: list[str]
    invoice: str | None = None
    livemode: bool = False
    metadata: Metadata
    parent: dict[str, Any] | None = None
    period: dict[str, int]
    pretax_credit_amounts: list[dict[str, Any]]
    pricing: dict[str, Any] | None = None
    quantity: int | None = None
    subscription: str | None = None
    taxes: list[dict[str, Any]]


class Invoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An invoice: a customer owes it, or has paid it."""

    id: str
    object: str = "invoice"
    account_country: str = "US"
    account_name: str = "paidonce simulator"
    account_tax_ids: list[str] | None = None
    amount_due: int
    amount_overpaid: int = 0
    amount_paid: int = 0
    amount_remaining: int
    amount_shipping: int = 0
    application: str | None = None
    attempt_count: int = 0
    attempted: bool = False
    auto_advance: bool = False
    automatic_tax: dict[str, Any]
    automatically_finalizes_at: int | None = None
    billing_reason: str
    collection_method: str
    created: int
    currency: str
    custom_fields: list[dict[str, Any]] | None = None
    customer: str
    customer_address: dict[str, Any] | None = None
    customer_email: str | None = None
    customer_name: str | None = None
    customer_phone: str | None = None
    customer_shipping: dict[str, Any] | None = None
    customer_tax_exempt: str = "none"
    customer_tax_ids: list[dict[str, Any]]
    default_payment_method: str | None = None
    default_source: str | None = None
    default_tax_rates: list[str]
    description: str | None = None
    discounts: list[str]
    due_date: int | None = None
    effective_at: int | None = None
    ending_balance: int | None = None
    footer: str | None = None
    from_invoice: dict[str, Any] | None = None
    hosted_invoice_url: str | None = None
    invoice_pdf: str | None = None
    issuer: dict[str, Any]
    last_finalization_error: dict[str, Any] | None = None
    latest_revision: str | None = None
    lines: Items
    livemode: bool = False
    metadata: Metadata
    next_payment_attempt: int | None = None
    number: str | None = None
    on_behalf_of: str | None = None
    parent: dict[str, Any] | None = None
    payment_settings: dict[str, Any]
    period_end: int
    period_start: int
    post_payment_credit_notes_amount: int = 0
    pre_payment_credit_notes_amount: int = 0
    receipt_number: str | None = None
    rendering: dict[str, Any] | None = None
    shipping_cost: dict[str, Any] | None = None
    shipping_details: dict[str, Any] | None = None
    starting_balance: int = 0
    statement_descriptor: str | None = None
    status: InvoiceStatus = "draft"
    status_transitions: dict[str, Any]
    subtotal: int
    subtotal_excluding_tax: int
    test_clock: str | None = None
    total: int
    total_discount_amounts: list[dict[str, Any]]
    total_excluding_tax: int
    total_pretax_credit_amounts: list[dict[str, Any]]
    total_taxes: list[dict[str, Any]]
    webhooks_delivered_at: int | None = None

    @property
    def subscription(self) -> str | None:
        """The subscription that has made it, if any has."""
        return _subscription_in(self.parent)


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The payment of an invoice: which intent, and what has become of it."""

    id: str
    object: str = "invoice_payment"
    amount_paid: int | None = None
    amount_requested: int
    created: int
    currency: str
    invoice: str
    is_default: bool = True
    livemode: bool = False
    payment: dict[str, Any]
    status: Literal["open", "paid", "canceled"] = "open"
    status_transitions: dict[str, Any]


def _subscription_in(parent: dict[str, Any] | None) -> str | None:
    if parent is None:
        return None
    identifier: str = parent["subscription_details"]["subscription"]
    return identifier
