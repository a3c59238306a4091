"""Products, prices, and the sessions in which they are paid, as they appear on the wire.

Snapshots as in ``objects``. Field meanings: https://docs.stripe.com/api/products/object,
https://docs.stripe.com/api/prices/object and
https://docs.stripe.com/api/checkout/sessions/object.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Metadata = dict[str, str]

SessionStatus = Literal["open", "complete", "expired"]


class Product(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that is sold; what it costs is in its prices."""

    id: str
    object: str = "product"
    active: bool = True
    created: int
    default_price: str | None = None
    description: str | None = None
    images: list[str]
    livemode: bool = False
    marketing_features: list[dict[str, Any]]
    metadata: Metadata
    name: str
    package_dimensions: dict[str, Any] | None = None
    shippable: bool | None = None
    statement_descriptor: str | None = None
    tax_code: str | None = None
    type: str = "service"
    unit_label: str | None = None
    updated: int
    url: str | None = None


class Price(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The price of one of a product, once."""

    id: str
    object: str = "price"
    active: bool = True
    billing_scheme: str = "per_unit"
    created: int
    currency: str
    custom_unit_amount: dict[str, Any] | None = None
    livemode: bool = False
    lookup_key: str | None = None
    metadata: Metadata
    nickname: str | None = None
    product: str
    recurring: dict[str, Any] | None = None
    tax_behavior: str = "unspecified"
    tiers_mode: str | None = None
    transform_quantity: dict[str, Any] | None = None
    type: str = "one_time"
    unit_amount: int
    unit_amount_decimal: str


class LineItem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """So many of one price in a session."""

    id: str
    object: str = "item"
    amount_discount: int = 0
    amount_subtotal: int
    amount_tax: int = 0
    amount_total: int
    currency: str
    description: str
    price: Price
    quantity: int


class Checkout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The part of a session that it does not show: its lines, and the intent that it will make."""

    lines: tuple[LineItem, ...]
    metadata: Metadata
    capture_method: str
    intent: dict[str, Any]
    discounts: tuple[tuple[str | None, str | None], ...] = ()
    """Coupons and promotion codes, of each pair one."""
    redeemed: tuple[str, ...] = ()
    """The discounts that were made of them when the page was first submitted."""
    subscription: dict[str, Any] | None = None


class CheckoutSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One payer's way through a page of Stripe's; it is paid once or not at all."""

    id: str
    object: str = "checkout.session"
    adaptive_pricing: dict[str, Any] | None = None
    after_expiration: dict[str, Any] | None = None
    allow_promotion_codes: bool | None = None
    amount_subtotal: int | None
    amount_total: int | None
    automatic_tax: dict[str, Any]
    billing_address_collection: str | None = None
    cancel_url: str | None = None
    client_reference_id: str | None = None
    client_secret: str | None = None
    collected_information: dict[str, Any] | None = None
    consent: dict[str, Any] | None = None
    consent_collection: dict[str, Any] | None = None
    created: int
    currency: str | None
    currency_conversion: dict[str, Any] | None = None
    custom_fields: list[dict[str, Any]]
    custom_text: dict[str, Any]
    customer: str | None = None
    customer_creation: str | None = None
    customer_details: dict[str, Any] | None = None
    customer_email: str | None = None
    discounts: list[dict[str, Any]]
    expires_at: int
    invoice: str | None = None
    invoice_creation: dict[str, Any] | None = None
    livemode: bool = False
    locale: str | None = None
    metadata: Metadata
    mode: str = "payment"
    origin_context: str | None = None
    payment_intent: str | None = None
    payment_link: str | None = None
    payment_method_collection: str | None = None
    payment_method_configuration_details: dict[str, Any] | None = None
    payment_method_options: dict[str, Any]
    payment_method_types: list[str]
    payment_status: Literal["paid", "unpaid", "no_payment_required"] = "unpaid"
    permissions: dict[str, Any] | None = None
    phone_number_collection: dict[str, Any]
    recovered_from: str | None = None
    redirect_on_completion: str | msgspec.UnsetType = msgspec.UNSET
    return_url: str | msgspec.UnsetType = msgspec.UNSET
    saved_payment_method_options: dict[str, Any] | None = None
    setup_intent: str | None = None
    shipping_address_collection: dict[str, Any] | None = None
    shipping_cost: dict[str, Any] | None = None
    shipping_options: list[dict[str, Any]]
    status: SessionStatus = "open"
    submit_type: str | None = None
    subscription: str | None = None
    success_url: str | None = None
    total_details: dict[str, Any]
    ui_mode: str = "hosted_page"
    url: str | None
    wallet_options: dict[str, Any] | None = None


class EphemeralKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key by which an app on a phone may see what a customer has; nobody looks here."""

    id: str
    object: str = "ephemeral_key"
    associated_objects: list[dict[str, str]]
    created: int
    expires: int
    livemode: bool = False
    secret: str


class CustomerSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A secret by which a page may show what a customer has; nobody looks here."""

    object: str = "customer_session"
    client_secret: str
    components: dict[str, Any]
    created: int
    customer: str
    expires_at: int
    livemode: bool = False
