"""The objects of what customers send by bank transfer, and of what they are owed, as Stripe shows
them."""

from __future__ import annotations

from typing import Any

import msgspec


class CashBalance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that a customer has sent and no payment has had yet; ``available`` by currency."""

    object: str = "cash_balance"
    available: dict[str, int] | None
    customer: str
    livemode: bool = False
    settings: dict[str, Any]


class CashTransaction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that came to a customer's cash balance, or left it; it says why by its ``type``."""

    id: str
    object: str = "customer_cash_balance_transaction"
    created: int
    currency: str
    customer: str
    ending_balance: int
    funded: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    applied_to_payment: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    unapplied_from_payment: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    refunded_from_payment: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    livemode: bool = False
    net_amount: int
    type: str


class CreditTransaction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A movement of what a customer owes (positive) or is owed; it says why by its ``type``."""

    id: str
    object: str = "customer_balance_transaction"
    amount: int
    checkout_session: str | None = None
    created: int
    credit_note: str | None = None
    currency: str
    customer: str
    customer_account: str | None = None
    description: str | None = None
    ending_balance: int
    invoice: str | None = None
    livemode: bool = False
    metadata: dict[str, str]
    type: str
