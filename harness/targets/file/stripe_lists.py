"""Stripe's objects that can be counted when all is over: the kinds, and how each is listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Counted = Literal[
    "accounts",
    "application_fees",
    "balance_transactions",
    "charges",
    "checkout_sessions",
    "coupons",
    "customers",
    "disputes",
    "events",
    "invoice_payments",
    "invoiceitems",
    "invoices",
    "payment_intents",
    "payouts",
    "prices",
    "products",
    "promotion_codes",
    "refunds",
    "setup_intents",
    "subscriptions",
    "test_clocks",
    "transfers",
    "webhook_endpoints",
    "",
]
"""By the names of their lists; empty for none."""

_WITHIN = {"checkout_sessions": "checkout/sessions", "test_clocks": "test_helpers/test_clocks"}
_ALL: Mapping[str, Mapping[str, str]] = {"subscriptions": {"status": "all"}}
"""Without it, those that are over would not be listed
(https://docs.stripe.com/api/subscriptions/list)."""


def listed(kind: str) -> tuple[str, Mapping[str, str]]:
    """Return the path of a kind's list, and the parameters with which all are in it."""
    return f"/v1/{_WITHIN.get(kind, kind)}", _ALL.get(kind, {})
