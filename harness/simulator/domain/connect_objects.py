"""Connected accounts, what is sent to them, and what is taken back, as they appear on the wire.

Snapshots as in ``objects``. Field meanings: https://docs.stripe.com/api/accounts/object,
https://docs.stripe.com/api/transfers/object, https://docs.stripe.com/api/payouts/object,
https://docs.stripe.com/api/disputes/object and their neighbours.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from paidonce.harness.simulator.domain.billing_objects import Items
from paidonce.harness.simulator.domain.sale_objects import Metadata


class Account(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody else's account, to which money is sent; nobody has to fill in a form for it."""

    id: str
    object: str = "account"
    business_profile: dict[str, Any] | None = None
    business_type: str | None = None
    capabilities: dict[str, str]
    charges_enabled: bool = True
    country: str = "US"
    created: int
    default_currency: str = "usd"
    details_submitted: bool = True
    email: str | None = None
    external_accounts: Items
    metadata: Metadata
    payouts_enabled: bool = True
    requirements: dict[str, Any]
    tos_acceptance: dict[str, Any]
    type: str = "none"


class Transfer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that was sent to a connected account, less what was taken back."""

    id: str
    object: str = "transfer"
    amount: int
    amount_reversed: int = 0
    balance_transaction: str
    created: int
    currency: str
    description: str | None = None
    destination: str
    livemode: bool = False
    metadata: Metadata
    reversals: Items
    reversed: bool = False
    source_transaction: str | None = None
    source_type: str = "card"
    transfer_group: str | None = None


class TransferReversal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that was taken back from a connected account."""

    id: str
    object: str = "transfer_reversal"
    amount: int
    balance_transaction: str
    created: int
    currency: str
    destination_payment_refund: str | None = None
    metadata: Metadata
    source_refund: str | None = None
    transfer: str


class ApplicationFee(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An application fee: it is kept of a payment that is sent on."""

    id: str
    object: str = "application_fee"
    account: str
    amount: int
    amount_refunded: int = 0
    application: str
    balance_transaction: str
    charge: str
    created: int
    currency: str
    fee_source: dict[str, Any] | None = None
    livemode: bool = False
    originating_transaction: str | None = None
    refunded: bool = False
    refunds: Items


class FeeRefund(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of an application fee that is given back."""

    id: str
    object: str = "fee_refund"
    amount: int
    balance_transaction: str
    created: int
    currency: str
    fee: str
    metadata: Metadata


class Payout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money on its way to the account's bank."""

    id: str
    object: str = "payout"
    amount: int
    application_fee: str | None = None
    application_fee_amount: int | None = None
    arrival_date: int
    automatic: bool = False
    balance_transaction: str
    created: int
    currency: str
    description: str | None = None
    destination: str | None = None
    failure_balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    livemode: bool = False
    metadata: Metadata
    method: str = "standard"
    original_payout: str | None = None
    payout_method: str | None = None
    reconciliation_status: str = "not_applicable"
    reversed_by: str | None = None
    source_type: str = "card"
    statement_descriptor: str | None = None
    status: Literal["pending", "paid", "canceled"] = "pending"
    trace_id: dict[str, Any] | None = None
    type: str = "bank_account"


class Dispute(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A cardholder who has asked the bank for the money back, or means to."""

    id: str
    object: str = "dispute"
    amount: int
    balance_transactions: list[Any]
    charge: str
    created: int
    currency: str
    enhanced_eligibility_types: list[str]
    evidence: dict[str, Any]
    evidence_details: dict[str, Any]
    is_charge_refundable: bool
    livemode: bool = False
    metadata: Metadata
    payment_intent: str | None = None
    payment_method_details: dict[str, Any]
    reason: str
    status: Literal[
        "lost",
        "needs_response",
        "under_review",
        "warning_closed",
        "warning_needs_response",
        "warning_under_review",
        "won",
    ]
