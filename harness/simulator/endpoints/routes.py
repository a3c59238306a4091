"""Which request does what.

An endpoint checks a request's parameters without looking at any state and gives back the
*execution*: what is to be done to the world. Whatever fails in between has executed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import (
    cash_routes,
    catalog_routes,
    checkout_routes,
    clock_routes,
    connect_routes,
    credit_routes,
    intent_routes,
    invoice_routes,
    link_routes,
    money_routes,
    people_routes,
    preview_routes,
    setup_routes,
    subscription_routes,
)
from paidonce.harness.simulator.endpoints.expand import Path, expanded, parse_paths
from paidonce.harness.simulator.endpoints.listing import Answer, Execution, Listing
from paidonce.harness.simulator.wire.params import Params

Parse = Callable[[Params, str], Execution]
"""From the parameters and the id in the path (empty where there is none)."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one resource; ``kind`` is the kind of object it answers with."""

    kind: str
    parse: Parse
    listed: bool = False
    counts: bool = False
    """True for a search, which may be asked how many match in all."""

    def prepare(self, params: Params, identifier: str) -> Callable[[World, EventRequest], Any]:
        """Check everything that can be checked without the world.

        Raises ``Refused``. The result executes the request and gives what is to be encoded; it
        raises ``StripeError`` where the execution itself ends badly.
        """
        asked = params.strings("expand")
        if not asked:
            execute = self.parse(params, identifier)
            params.finish()
            return execute
        if self.counts and "total_count" in asked:
            params.counted = True
            asked = tuple(one for one in asked if one != "total_count")
        paths = parse_paths(self.kind, asked, listed=self.listed)
        execute = self.parse(params, identifier)
        params.finish()
        return lambda world, cause: _expand(world, execute(world, cause), paths)


class RouteMatch(msgspec.Struct, frozen=True):
    """An endpoint and the id its path carried."""

    endpoint: Endpoint
    identifier: str
    part: str = ""
    """The id of what the object is part of, where it is part of another."""


_TWO_WORDS = frozenset({"checkout", "test_helpers"})


def find(method: str, path: str) -> RouteMatch | None:
    """The endpoint for a path such as ``/v1/payment_intents/pi_1/confirm``, or None."""
    fixed = _FIXED.get((method, path))
    if fixed is not None:
        return fixed
    # "", "v1", resource, id and perhaps an action; some resources have a name of two words
    steps = path.split("/")
    at = 4 if steps[1] == "v1" and _TWO_WORDS & {*steps[2:3]} else 3
    if len(steps) == at + 3 and steps[1] == "v1" and steps[at + 2]:
        template = "/".join([*steps[:at], "{id}", steps[at + 1], "{part}"])
        inner = _BY_ID.get((method, template))
        return None if inner is None else RouteMatch(inner, steps[at + 2], steps[at])
    if not at < len(steps) <= at + 2 or steps[1] != "v1" or steps[at] in ("", "search"):
        return None  # what has no search of its own is not searched for an object called "search"
    template = "/".join([*steps[:at], "{id}", *steps[at + 1 :]])
    endpoint = _BY_ID.get((method, template))
    return None if endpoint is None else RouteMatch(endpoint, steps[at])


def _expand(world: World, answer: Answer, paths: tuple[Path, ...]) -> Any:
    if isinstance(answer, Listing):
        return msgspec.structs.replace(
            answer, data=[expanded(world, item, paths) for item in answer.data]
        )
    return expanded(world, answer, paths)


def _routes() -> Iterator[tuple[str, str, Endpoint]]:
    def kind(kind: str, *routes: tuple[str, str, Parse]) -> Iterator[tuple[str, str, Endpoint]]:
        for method, path, parse in routes:
            counts = parse.__name__.startswith("search_")
            listed = counts or parse.__name__.startswith("list_")
            endpoint = Endpoint(kind=kind, parse=parse, listed=listed, counts=counts)
            yield method, f"/v1/{path}", endpoint

    yield from kind(
        "payment_intent",
        ("POST", "payment_intents", intent_routes.create),
        ("GET", "payment_intents", intent_routes.list_all),
        ("GET", "payment_intents/search", intent_routes.search_all),
        ("GET", "payment_intents/{id}", intent_routes.retrieve),
        ("POST", "payment_intents/{id}", intent_routes.update),
        ("POST", "payment_intents/{id}/confirm", intent_routes.confirm),
        ("POST", "payment_intents/{id}/capture", intent_routes.capture),
        ("POST", "payment_intents/{id}/cancel", intent_routes.cancel),
        ("POST", "payment_intents/{id}/increment_authorization", intent_routes.increment),
        ("POST", "payment_intents/{id}/apply_customer_balance", intent_routes.apply_balance),
    )
    yield from kind(
        "refund",
        ("POST", "refunds", money_routes.create_refund),
        ("GET", "refunds", money_routes.list_refunds),
        ("GET", "refunds/{id}", money_routes.retrieve_refund),
        ("POST", "refunds/{id}", money_routes.update_refund),
        ("POST", "refunds/{id}/cancel", money_routes.cancel_refund),
        ("POST", "test_helpers/refunds/{id}/expire", money_routes.expire_refund),
        ("POST", "charges/{id}/refunds", money_routes.create_refund),
        ("GET", "charges/{id}/refunds", money_routes.list_refunds),
        ("GET", "charges/{id}/refunds/{part}", money_routes.retrieve_refund),
        ("POST", "charges/{id}/refunds/{part}", money_routes.update_refund),
    )
    yield from kind(
        "charge",
        ("POST", "charges", money_routes.create_charge),
        ("GET", "charges", money_routes.list_charges),
        ("GET", "charges/search", money_routes.search_charges),
        ("GET", "charges/{id}", money_routes.retrieve_charge),
        ("POST", "charges/{id}", money_routes.update_charge),
        ("POST", "charges/{id}/capture", money_routes.capture_charge),
        ("POST", "charges/{id}/refund", money_routes.refund_charge),
    )
    yield from kind(
        "event",
        ("GET", "events", money_routes.list_events),
        ("GET", "events/{id}", money_routes.retrieve_event),
    )
    yield from kind(
        "balance_transaction",
        ("GET", "balance_transactions", money_routes.list_balance_transactions),
        ("GET", "balance_transactions/{id}", money_routes.retrieve_balance_transaction),
    )
    yield from kind("balance", ("GET", "balance", money_routes.retrieve_balance))
    yield from kind(
        "payment_method",
        ("POST", "payment_methods", people_routes.create_payment_method),
        ("GET", "payment_methods", people_routes.list_payment_methods),
        ("GET", "payment_methods/{id}", people_routes.retrieve_payment_method),
        ("POST", "payment_methods/{id}", people_routes.update_payment_method),
        ("POST", "payment_methods/{id}/attach", people_routes.attach_payment_method),
        ("POST", "payment_methods/{id}/detach", people_routes.detach_payment_method),
        ("GET", "customers/{id}/payment_methods", people_routes.list_payment_methods),
        ("GET", "customers/{id}/payment_methods/{part}", people_routes.retrieve_method_of),
    )
    yield from kind(
        "customer",
        ("POST", "customers", people_routes.create_customer),
        ("GET", "customers", people_routes.list_customers),
        ("GET", "customers/search", people_routes.search_customers),
        ("GET", "customers/{id}", people_routes.retrieve_customer),
        ("POST", "customers/{id}", people_routes.update_customer),
        ("DELETE", "customers/{id}", people_routes.delete_customer),
    )
    yield from kind(
        "setup_intent",
        ("POST", "setup_intents", setup_routes.create),
        ("GET", "setup_intents", setup_routes.list_all),
        ("GET", "setup_intents/{id}", setup_routes.retrieve),
        ("POST", "setup_intents/{id}", setup_routes.update),
        ("POST", "setup_intents/{id}/confirm", setup_routes.confirm),
        ("POST", "setup_intents/{id}/cancel", setup_routes.cancel),
    )
    yield from kind(
        "customer_session",
        ("POST", "customer_sessions", setup_routes.create_customer_session),
    )
    yield from kind("ephemeral_key", ("POST", "ephemeral_keys", setup_routes.create_ephemeral_key))
    yield from kind(
        "product",
        ("POST", "products", catalog_routes.create_product),
        ("GET", "products", catalog_routes.list_products),
        ("GET", "products/search", catalog_routes.search_products),
        ("GET", "products/{id}", catalog_routes.retrieve_product),
        ("POST", "products/{id}", catalog_routes.update_product),
        ("DELETE", "products/{id}", catalog_routes.delete_product),
    )
    yield from kind(
        "price",
        ("POST", "prices", catalog_routes.create_price),
        ("GET", "prices", catalog_routes.list_prices),
        ("GET", "prices/search", catalog_routes.search_prices),
        ("GET", "prices/{id}", catalog_routes.retrieve_price),
        ("POST", "prices/{id}", catalog_routes.update_price),
    )
    yield from kind(
        "checkout.session",
        ("POST", "checkout/sessions", checkout_routes.create),
        ("GET", "checkout/sessions", checkout_routes.list_all),
        ("GET", "checkout/sessions/{id}", checkout_routes.retrieve),
        ("POST", "checkout/sessions/{id}", checkout_routes.update),
        ("POST", "checkout/sessions/{id}/expire", checkout_routes.expire),
    )
    yield from kind(
        "item",
        ("GET", "checkout/sessions/{id}/line_items", checkout_routes.list_lines),
    )
    yield from kind(
        "cash_balance",
        ("GET", "customers/{id}/cash_balance", cash_routes.retrieve),
        ("POST", "customers/{id}/cash_balance", cash_routes.update),
    )
    yield from kind(
        "customer_cash_balance_transaction",
        ("POST", "test_helpers/customers/{id}/fund_cash_balance", cash_routes.fund),
        ("GET", "customers/{id}/cash_balance_transactions", cash_routes.list_moves),
        ("GET", "customers/{id}/cash_balance_transactions/{part}", cash_routes.retrieve_move),
    )
    yield from kind(
        "customer_balance_transaction",
        ("POST", "customers/{id}/balance_transactions", credit_routes.create),
        ("GET", "customers/{id}/balance_transactions", credit_routes.list_all),
        ("GET", "customers/{id}/balance_transactions/{part}", credit_routes.retrieve),
        ("POST", "customers/{id}/balance_transactions/{part}", credit_routes.update),
    )
    yield from kind(
        "test_helpers.test_clock",
        ("POST", "test_helpers/test_clocks", clock_routes.create_clock),
        ("GET", "test_helpers/test_clocks", clock_routes.list_clocks),
        ("GET", "test_helpers/test_clocks/{id}", clock_routes.retrieve_clock),
        ("DELETE", "test_helpers/test_clocks/{id}", clock_routes.delete_clock),
        ("POST", "test_helpers/test_clocks/{id}/advance", clock_routes.advance_clock),
    )
    yield from kind(
        "coupon",
        ("POST", "coupons", clock_routes.create_coupon),
        ("GET", "coupons", clock_routes.list_coupons),
        ("GET", "coupons/{id}", clock_routes.retrieve_coupon),
        ("POST", "coupons/{id}", clock_routes.update_coupon),
        ("DELETE", "coupons/{id}", clock_routes.delete_coupon),
    )
    yield from kind(
        "promotion_code",
        ("POST", "promotion_codes", clock_routes.create_code),
        ("GET", "promotion_codes", clock_routes.list_codes),
        ("GET", "promotion_codes/{id}", clock_routes.retrieve_code),
        ("POST", "promotion_codes/{id}", clock_routes.update_code),
    )
    yield from kind(
        "subscription",
        ("POST", "subscriptions", subscription_routes.create),
        ("GET", "subscriptions", subscription_routes.list_all),
        ("GET", "subscriptions/search", subscription_routes.search_all),
        ("GET", "subscriptions/{id}", subscription_routes.retrieve),
        ("POST", "subscriptions/{id}", subscription_routes.update),
        ("DELETE", "subscriptions/{id}", subscription_routes.cancel),
        ("POST", "subscriptions/{id}/resume", subscription_routes.resume),
    )
    yield from kind(
        "discount",
        ("DELETE", "subscriptions/{id}/discount", subscription_routes.delete_discount),
    )
    yield from kind(
        "subscription_item",
        ("POST", "subscription_items", subscription_routes.create_item),
        ("GET", "subscription_items", subscription_routes.list_items),
        ("GET", "subscription_items/{id}", subscription_routes.retrieve_item),
        ("POST", "subscription_items/{id}", subscription_routes.update_item),
        ("DELETE", "subscription_items/{id}", subscription_routes.delete_item),
    )
    yield from kind(
        "invoice",
        ("POST", "invoices", invoice_routes.create),
        ("POST", "invoices/create_preview", preview_routes.create),
        ("GET", "invoices", invoice_routes.list_all),
        ("GET", "invoices/search", invoice_routes.search_all),
        ("GET", "invoices/{id}", invoice_routes.retrieve),
        ("POST", "invoices/{id}", invoice_routes.update),
        ("DELETE", "invoices/{id}", invoice_routes.delete),
        ("POST", "invoices/{id}/finalize", invoice_routes.finalize),
        ("POST", "invoices/{id}/pay", invoice_routes.pay),
        ("POST", "invoices/{id}/void", invoice_routes.void),
        ("POST", "invoices/{id}/mark_uncollectible", invoice_routes.mark_uncollectible),
        ("POST", "invoices/{id}/send", invoice_routes.send),
    )
    yield from kind("line_item", ("GET", "invoices/{id}/lines", invoice_routes.list_lines))
    yield from kind(
        "invoice_payment",
        ("GET", "invoice_payments", invoice_routes.list_payments),
        ("GET", "invoice_payments/{id}", invoice_routes.retrieve_payment),
    )
    yield from kind(
        "invoiceitem",
        ("POST", "invoiceitems", invoice_routes.create_item),
        ("GET", "invoiceitems", invoice_routes.list_items),
        ("GET", "invoiceitems/{id}", invoice_routes.retrieve_item),
        ("POST", "invoiceitems/{id}", invoice_routes.update_item),
        ("DELETE", "invoiceitems/{id}", invoice_routes.delete_item),
    )
    yield from kind(
        "account",
        ("GET", "account", connect_routes.retrieve_own_account),
        ("POST", "accounts", connect_routes.create_account),
        ("GET", "accounts", connect_routes.list_accounts),
        ("GET", "accounts/{id}", connect_routes.retrieve_account),
        ("POST", "accounts/{id}", connect_routes.update_account),
        ("DELETE", "accounts/{id}", connect_routes.delete_account),
        ("POST", "accounts/{id}/reject", connect_routes.reject_account),
    )
    yield from kind("login_link", ("POST", "accounts/{id}/login_links", link_routes.log_in))
    yield from kind("account_link", ("POST", "account_links", link_routes.create_account_link))
    yield from kind(
        "billing_portal.session",
        ("POST", "billing_portal/sessions", link_routes.create_portal_session),
    )
    yield from kind(
        "transfer",
        ("POST", "transfers", connect_routes.create_transfer),
        ("GET", "transfers", connect_routes.list_transfers),
        ("GET", "transfers/{id}", connect_routes.retrieve_transfer),
        ("POST", "transfers/{id}", connect_routes.update_transfer),
    )
    yield from kind(
        "transfer_reversal",
        ("POST", "transfers/{id}/reversals", connect_routes.create_reversal),
        ("GET", "transfers/{id}/reversals", connect_routes.list_reversals),
        ("GET", "transfers/{id}/reversals/{part}", connect_routes.retrieve_reversal),
        ("POST", "transfers/{id}/reversals/{part}", connect_routes.update_reversal),
    )
    yield from kind(
        "application_fee",
        ("GET", "application_fees", connect_routes.list_fees),
        ("GET", "application_fees/{id}", connect_routes.retrieve_fee),
    )
    yield from kind(
        "fee_refund",
        ("POST", "application_fees/{id}/refunds", connect_routes.create_fee_refund),
        ("GET", "application_fees/{id}/refunds", connect_routes.list_fee_refunds),
        ("GET", "application_fees/{id}/refunds/{part}", connect_routes.retrieve_fee_refund),
        ("POST", "application_fees/{id}/refunds/{part}", connect_routes.update_fee_refund),
    )
    yield from kind(
        "payout",
        ("POST", "payouts", connect_routes.create_payout),
        ("GET", "payouts", connect_routes.list_payouts),
        ("GET", "payouts/{id}", connect_routes.retrieve_payout),
        ("POST", "payouts/{id}", connect_routes.update_payout),
        ("POST", "payouts/{id}/cancel", connect_routes.cancel_payout),
        ("POST", "payouts/{id}/reverse", connect_routes.reverse_payout),
    )
    yield from kind(
        "dispute",
        ("GET", "disputes", connect_routes.list_disputes),
        ("GET", "disputes/{id}", connect_routes.retrieve_dispute),
        ("POST", "disputes/{id}", connect_routes.update_dispute),
        ("POST", "disputes/{id}/close", connect_routes.close_dispute),
    )
    yield from kind(
        "webhook_endpoint",
        ("POST", "webhook_endpoints", people_routes.create_endpoint),
        ("GET", "webhook_endpoints", people_routes.list_endpoints),
        ("GET", "webhook_endpoints/{id}", people_routes.retrieve_endpoint),
        ("POST", "webhook_endpoints/{id}", people_routes.update_endpoint),
        ("DELETE", "webhook_endpoints/{id}", people_routes.delete_endpoint),
    )


_ENDPOINTS = {(method, path): endpoint for method, path, endpoint in _routes()}
_FIXED = {
    route: RouteMatch(endpoint, "")
    for route, endpoint in _ENDPOINTS.items()
    if "{id}" not in route[1]
}
_BY_ID = {route: endpoint for route, endpoint in _ENDPOINTS.items() if "{id}" in route[1]}
