"""Stripe's objects, as they appear on the wire.

Every object is a frozen snapshot: a transition makes a new one. An event or a stored answer can
therefore hold the object itself and stays true for ever. The dictionaries inside are never
changed after construction; treat them as frozen too.

Field meanings: https://docs.stripe.com/api/payment_intents/object and its neighbours. Amounts
are integers in the currency's smallest unit, times are Unix seconds. Fields of features that
are not simulated are present with the value Stripe gives where the feature is unused.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from paidonce.harness.simulator.domain.billing_objects import (
    Coupon,
    Discount,
    Invoice,
    InvoiceItem,
    InvoicePayment,
    PromotionCode,
    Subscription,
    SubscriptionItem,
    TestClock,
)
from paidonce.harness.simulator.domain.cash_objects import (
    CashBalance,
    CashTransaction,
    CreditTransaction,
)
from paidonce.harness.simulator.domain.connect_objects import (
    Account,
    ApplicationFee,
    Dispute,
    FeeRefund,
    Payout,
    Transfer,
    TransferReversal,
)
from paidonce.harness.simulator.domain.link_objects import AccountLink, LoginLink, PortalSession
from paidonce.harness.simulator.domain.sale_objects import (
    CheckoutSession,
    CustomerSession,
    EphemeralKey,
    Price,
    Product,
)

Metadata = dict[str, str]

IntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]

# Snapshots refer to other snapshots and never to themselves, so reference counting alone frees
# them: the garbage collector need not know of the millions there may be (``gc=False``).


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The inside of ``{"error": {...}}``, and an intent's ``last_payment_error``."""

    type: str
    message: str
    code: str | None = None
    param: str | None = None
    decline_code: str | None = None
    doc_url: str | None = None
    charge: str | None = None
    payment_intent: PaymentIntent | None = None
    payment_method: PaymentMethod | None = None
    setup_intent: SetupIntent | None = None


class PaymentMethod(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A card or a bank account somebody can pay with; only its own kind's details are there."""

    id: str
    object: str = "payment_method"
    allow_redisplay: str = "unspecified"
    billing_details: dict[str, Any]
    card: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    created: int
    customer: str | None = None
    livemode: bool = False
    metadata: Metadata
    type: str = "card"
    us_bank_account: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    customer_balance: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class PaymentIntent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One intended payment; it may see several attempts and has at most one success."""

    id: str
    object: str = "payment_intent"
    amount: int
    amount_capturable: int = 0
    amount_details: dict[str, Any]
    amount_received: int = 0
    application: str | None = None
    application_fee_amount: int | None = None
    automatic_payment_methods: dict[str, Any] | None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    capture_method: str
    client_secret: str
    confirmation_method: str
    created: int
    currency: str
    customer: str | None = None
    description: str | None = None
    excluded_payment_method_types: list[str] | None = None
    last_payment_error: ErrorObject | None = None
    latest_charge: str | None = None
    livemode: bool = False
    metadata: Metadata
    next_action: dict[str, Any] | None = None
    on_behalf_of: str | None = None
    payment_method: str | None = None
    payment_method_configuration_details: dict[str, Any] | None = None
    payment_method_options: dict[str, Any]
    payment_method_types: list[str]
    processing: dict[str, Any] | None = None
    receipt_email: str | None = None
    review: str | None = None
    setup_future_usage: str | None = None
    shipping: dict[str, Any] | None = None
    source: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    status: IntentStatus
    transfer_data: dict[str, Any] | None = None
    transfer_group: str | None = None


class SetupIntent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A payment method on its way to being ready for payments when nobody is there."""

    id: str
    object: str = "setup_intent"
    application: str | None = None
    automatic_payment_methods: dict[str, Any] | None = None
    cancellation_reason: str | None = None
    client_secret: str
    created: int
    customer: str | None = None
    description: str | None = None
    excluded_payment_method_types: list[str] | None = None
    flow_directions: list[str] | None = None
    last_setup_error: ErrorObject | None = None
    latest_attempt: str | None = None
    livemode: bool = False
    mandate: str | None = None
    metadata: Metadata
    next_action: dict[str, Any] | None = None
    on_behalf_of: str | None = None
    payment_method: str | None = None
    payment_method_configuration_details: dict[str, Any] | None = None
    payment_method_options: dict[str, Any]
    payment_method_types: list[str]
    single_use_mandate: str | None = None
    status: Literal[
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "canceled",
        "succeeded",
    ]
    usage: str = "off_session"


class Charge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt to take money, successful or not."""

    id: str
    object: str = "charge"
    amount: int
    amount_captured: int
    amount_refunded: int = 0
    application: str | None = None
    application_fee: str | None = None
    application_fee_amount: int | None = None
    balance_transaction: str | None
    billing_details: dict[str, Any]
    calculated_statement_descriptor: str = "PAIDONCE SIMULATOR"
    captured: bool
    created: int
    currency: str
    customer: str | None = None
    description: str | None = None
    disputed: bool = False
    failure_balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    fraud_details: dict[str, Any]
    livemode: bool = False
    metadata: Metadata
    on_behalf_of: str | None = None
    outcome: dict[str, Any]
    paid: bool
    payment_intent: str | None
    payment_method: str
    payment_method_details: dict[str, Any]
    receipt_email: str | None = None
    receipt_number: str | None = None
    receipt_url: str | None = None
    refunded: bool = False
    review: str | None = None
    shipping: dict[str, Any] | None = None
    source: str | None = None
    source_transfer: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    status: Literal["succeeded", "pending", "failed"]
    transfer: str | msgspec.UnsetType = msgspec.UNSET
    transfer_data: dict[str, Any] | None = None
    transfer_group: str | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money given back from one charge."""

    id: str
    object: str = "refund"
    amount: int
    balance_transaction: str
    charge: str
    created: int
    currency: str
    destination_details: dict[str, Any]
    metadata: Metadata
    failure_balance_transaction: str | msgspec.UnsetType = msgspec.UNSET
    failure_reason: str | msgspec.UnsetType = msgspec.UNSET
    instructions_email: str | msgspec.UnsetType = msgspec.UNSET
    next_action: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    payment_intent: str | None
    reason: str | None = None
    receipt_number: str | None = None
    source_transfer_reversal: str | None = None
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"] = "succeeded"
    transfer_reversal: str | None = None


class BalanceTransaction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One movement of the account's balance: what a charge brought or a refund cost."""

    id: str
    object: str = "balance_transaction"
    amount: int
    available_on: int
    balance_type: str = "payments"
    created: int
    currency: str
    description: str | None = None
    exchange_rate: float | None = None
    fee: int
    fee_details: list[dict[str, Any]]
    net: int
    reporting_category: str
    source: str
    status: str = "pending"
    type: str


class Balance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The account's money, by currency: to be paid out now, and later."""

    object: str = "balance"
    available: list[dict[str, Any]]
    livemode: bool = False
    pending: list[dict[str, Any]]


class Customer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody who pays, and may keep payment methods."""

    id: str
    object: str = "customer"
    address: dict[str, Any] | None = None
    balance: int = 0
    created: int
    currency: str | None = None
    default_source: str | None = None
    delinquent: bool = False
    description: str | None = None
    discount: str | None = None
    email: str | None = None
    invoice_prefix: str
    invoice_settings: dict[str, Any]
    livemode: bool = False
    metadata: Metadata
    name: str | None = None
    next_invoice_sequence: int = 1
    phone: str | None = None
    preferred_locales: list[str]
    shipping: dict[str, Any] | None = None
    tax_exempt: str = "none"
    test_clock: str | None = None


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where events are sent. The secret is shown once, in the answer that creates it."""

    id: str
    object: str = "webhook_endpoint"
    api_version: str | None = None
    application: str | None = None
    created: int
    description: str | None = None
    enabled_events: list[str]
    livemode: bool = False
    metadata: Metadata
    secret: str | msgspec.UnsetType = msgspec.UNSET
    status: Literal["enabled", "disabled"] = "enabled"
    url: str


class Deleted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The rest of an object that was deleted: its name, and that it is gone."""

    id: str
    object: str
    deleted: bool = True


class EventData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The object as it was right after the event, and what it was before where it changed."""

    object: Subject
    previous_attributes: dict[str, Any] | None = None


class EventRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The API call that caused an event."""

    id: str | None
    idempotency_key: str | None


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that happened, in the order it happened."""

    id: str
    object: str = "event"
    api_version: str
    created: int
    data: EventData
    livemode: bool = False
    pending_webhooks: int = 0
    request: EventRequest
    type: str


Subject = (
    PaymentIntent
    | SetupIntent
    | Charge
    | Refund
    | PaymentMethod
    | Customer
    | CheckoutSession
    | Product
    | Price
    | TestClock
    | Coupon
    | PromotionCode
    | Discount
    | Subscription
    | Invoice
    | InvoiceItem
    | InvoicePayment
    | Account
    | Transfer
    | TransferReversal
    | ApplicationFee
    | FeeRefund
    | Payout
    | Dispute
    | CashBalance
    | CashTransaction
)
"""The objects that events are about."""

AnyObject = (
    Subject
    | BalanceTransaction
    | Event
    | WebhookEndpoint
    | CustomerSession
    | EphemeralKey
    | AccountLink
    | LoginLink
    | CreditTransaction
    | PortalSession
    | Balance
    | Deleted
    | SubscriptionItem
)
