"""The resources of Stripe's that the simulator serves, by the names that suites have for them.

A test is applicable where it is about one of these; what it calls beyond them counts all the same.
"""

from __future__ import annotations

RESOURCES = (
    "account_links",
    "accounts",
    "application_fees",
    "application_fees_refunds",
    "balance",
    "balance_transactions",
    "billing_portal_sessions",
    "charges",
    "checkout_sessions",
    "coupons",
    "customer_sessions",
    "customers",
    "customers_balance_transactions",
    "customers_cash_balance",
    "customers_cash_balance_transactions",
    "customers_payment_methods",
    "disputes",
    "events",
    "invoiceitems",
    "invoices",
    "payment_intents",
    "payment_methods",
    "payouts",
    "prices",
    "products",
    "promotion_codes",
    "refunds",
    "setup_intents",
    "subscription_items",
    "subscriptions",
    "test_helpers_customers",
    "test_helpers_test_clocks",
    "transfers",
    "transfers_reversals",
    "webhook_endpoints",
)

GO_PACKAGES = (
    "account",
    "accountlink",
    "applicationfee",
    "balance",
    "balancetransaction",
    "billingportal/session",
    "charge",
    "checkout/session",
    "coupon",
    "customer",
    "dispute",
    "event",
    "feerefund",
    "invoice",
    "invoiceitem",
    "paymentintent",
    "paymentmethod",
    "payout",
    "price",
    "product",
    "promotioncode",
    "refund",
    "setupintent",
    "subscription",
    "subscriptionitem",
    "transfer",
    "transferreversal",
    "webhookendpoint",
)
"""The folders of stripe-go that have tests of these resources."""

_VERBS = (
    *("apply_customer_balance_post", "attach_post", "cancel_post", "capture_post", "close_post"),
    *("confirm_post", "delete", "detach_post", "discount_delete", "expire_post"),
    *("create_preview_post", "fund_cash_balance_post"),
    *("finalize_post", "get", "increment_authorization_post", "line_items_get"),
    *("mark_uncollectible_post", "pay_post", "post", "reject_post", "resume_post"),
    *("reverse_post", "search_get", "send_post", "void_post", "advance_post"),
)


def resource_of(test: str) -> str | None:
    """Return the resource that a generated example is about, by its name; None for any other.

    The names are ``test_<resource>_<verb>``, with a number where there are several.
    """
    name = test.removeprefix("test_").rstrip("0123456789").rstrip("_").removesuffix("_async")
    name = name.removesuffix("_service").rstrip("0123456789").rstrip("_")
    for verb in sorted(_VERBS, key=len, reverse=True):
        if name.endswith(f"_{verb}"):
            found = name.removesuffix(f"_{verb}")
            return found if found in RESOURCES else None
    return None
