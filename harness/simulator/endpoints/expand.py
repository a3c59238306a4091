"""``expand[]=latest_charge``: answering with the object where its id would stand.

Source: https://docs.stripe.com/api/expanding_objects, which also limits the depth to four.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import cash, catalog, customers, invoices
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.objects import AnyObject
from paidonce.harness.simulator.domain.state import World

MAX_DEPTH = 4

Path = tuple[str, ...]

_NOTHING = "nothing"
"""In a field of that kind there is never anything here; Stripe expands it all the same."""

_SOURCE = "source of money"
"""Any of the objects that a movement of the balance is of."""

# For each kind of object, the fields that hold the id of another, and of which kind that is; and
# those that hold a level in which there is such a field, which has a kind of its own.
_EXPANDABLE: dict[str, dict[str, str]] = {
    "payment_intent": {
        "latest_charge": "charge",
        "payment_method": "payment_method",
        "customer": "customer",
        "on_behalf_of": "account",
        "transfer_data": "transfer_data",
        **dict.fromkeys(("application", "review"), _NOTHING),
    },
    "transfer_data": {"destination": "account"},
    "charge": {
        "payment_intent": "payment_intent",
        "application_fee": "application_fee",
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "on_behalf_of": "account",
        "refunds": "list of refunds",
        "transfer": "transfer",
        "transfer_data": "transfer_data",
        **dict.fromkeys(("application", "review", "source_transfer"), _NOTHING),
    },
    "refund": {
        "failure_balance_transaction": "balance_transaction",
        "source_transfer_reversal": "transfer_reversal",
        "transfer_reversal": "transfer_reversal",
        "charge": "charge",
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
    },
    "payment_method": {"customer": "customer"},
    "balance_transaction": {"source": _SOURCE},
    "balance": {},
    "event": {},
    "customer": {
        "cash_balance": "cash_balance",
        "invoice_settings": "invoice_settings",
        "sources": "list of nothing",
        "subscriptions": "list of subscriptions",
        "tax_ids": "list of nothing",
        "test_clock": "test_helpers.test_clock",
        "default_source": _NOTHING,
    },
    "invoice_settings": {"default_payment_method": "payment_method"},
    "cash_balance": {},
    "customer_balance_transaction": {
        "checkout_session": "checkout.session",
        "customer": "customer",
        "invoice": "invoice",
    },
    "customer_cash_balance_transaction": {
        "customer": "customer",
        "applied_to_payment": "applied_to_payment",
        "unapplied_from_payment": "applied_to_payment",
        "refunded_from_payment": "refunded_from_payment",
    },
    "applied_to_payment": {"payment_intent": "payment_intent"},
    "refunded_from_payment": {"refund": "refund"},
    "webhook_endpoint": {},
    "setup_intent": {
        "customer": "customer",
        "payment_method": "payment_method",
        "on_behalf_of": "account",
        **dict.fromkeys(
            ("application", "latest_attempt", "mandate", "single_use_mandate"), _NOTHING
        ),
    },
    "customer_session": {"customer": "customer"},
    "ephemeral_key": {},
    "account_link": {},
    "login_link": {},
    "billing_portal.session": {"configuration": _NOTHING},
    "product": {"default_price": "price", "tax_code": _NOTHING},
    "price": {"product": "product"},
    "item": {"price": "price"},
    "checkout.session": {
        "payment_intent": "payment_intent",
        "customer": "customer",
        "line_items": "list of items",
        "setup_intent": "setup_intent",
        "subscription": "subscription",
        "invoice": "invoice",
        "discounts": "session discount",
        "payment_link": _NOTHING,
    },
    "session discount": {"coupon": "coupon", "promotion_code": "promotion_code"},
    "test_helpers.test_clock": {},
    "coupon": {},
    "promotion_code": {"customer": "customer", "promotion": "promotion"},
    "promotion": {"coupon": "coupon"},
    "discount": {
        "customer": "customer",
        "promotion_code": "promotion_code",
        "source": "discount source",
    },
    "discount source": {"coupon": "coupon"},
    "subscription": {
        "customer": "customer",
        "default_payment_method": "payment_method",
        "discounts": "discount",
        "items": "list of subscription items",
        "latest_invoice": "invoice",
        "pending_setup_intent": "setup_intent",
        "test_clock": "test_helpers.test_clock",
        "on_behalf_of": "account",
        "transfer_data": "transfer_data",
        **dict.fromkeys(("application", "default_source", "schedule"), _NOTHING),
    },
    "subscription_item": {"price": "price", "discounts": "discount"},
    "invoice": {
        "confirmation_secret": "confirmation_secret",
        "customer": "customer",
        "default_payment_method": "payment_method",
        "discounts": "discount",
        "parent": "invoice parent",
        "payments": "list of invoice payments",
        "test_clock": "test_helpers.test_clock",
        "on_behalf_of": "account",
        "total_discount_amounts": "discount amount",
        "lines": "list of line items",
        **dict.fromkeys(("application", "default_source", "latest_revision"), _NOTHING),
    },
    "invoice parent": {"subscription_details": "subscription_details"},
    "subscription_details": {"subscription": "subscription"},
    "discount amount": {"discount": "discount"},
    "list of line items": {"data": "line_item"},
    "confirmation_secret": {},
    "line_item": {
        "discount_amounts": "discount amount",
        "discounts": "discount",
        "subscription": "subscription",
    },
    "invoiceitem": {
        "customer": "customer",
        "discounts": "discount",
        "invoice": "invoice",
        "proration_details": "proration_details",
        "test_clock": "test_helpers.test_clock",
    },
    "proration_details": {"discount_amounts": "discount amount"},
    "invoice_payment": {"invoice": "invoice", "payment": "payment"},
    "payment": {"charge": "charge", "payment_intent": "payment_intent"},
    "account": {},
    "transfer": {
        "balance_transaction": "balance_transaction",
        "destination": "account",
        "source_transaction": "charge",
        "reversals": "list of reversals",
        "destination_payment": _NOTHING,
    },
    "transfer_reversal": {
        "balance_transaction": "balance_transaction",
        "destination_payment_refund": _NOTHING,
        "source_refund": "refund",
        "transfer": "transfer",
    },
    "application_fee": {
        "account": "account",
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "originating_transaction": "charge",
        "application": _NOTHING,
    },
    "fee_refund": {"balance_transaction": "balance_transaction", "fee": "application_fee"},
    "payout": {
        "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction",
        "original_payout": "payout",
        "reversed_by": "payout",
        **dict.fromkeys(("application_fee", "destination"), _NOTHING),
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "list of reversals": {"data": "transfer_reversal"},
    "list of items": {"data": "item"},
    "list of subscription items": {"data": "subscription_item"},
    "list of invoice payments": {"data": "invoice_payment"},
    "list of refunds": {"data": "refund"},
    "list of subscriptions": {"data": "subscription"},
    "list of nothing": {"data": _NOTHING},
    _NOTHING: {},
}

_SOURCES = (
    *("charge", "refund", "transfer", "transfer_reversal", "payout"),
    *("application_fee", "fee_refund", "dispute"),
)
_EXPANDABLE[_SOURCE] = {field: kind for one in _SOURCES for field, kind in _EXPANDABLE[one].items()}

_COLLECTIONS: dict[str, Callable[[World, str], AnyObject | None]] = {
    _NOTHING: lambda _, __: None,
    _SOURCE: lambda world, identifier: _source(world, identifier),
    "charge": lambda world, identifier: world.charges.get(identifier),
    "refund": lambda world, identifier: world.refunds.get(identifier),
    "fee_refund": lambda world, identifier: world.fee_refunds.get(identifier),
    "dispute": lambda world, identifier: world.disputes.get(identifier),
    "payment_method": lambda world, identifier: world.payment_methods.get(identifier),
    "customer": customers.retrieve,
    "payment_intent": lambda world, identifier: world.intents.get(identifier),
    "balance_transaction": lambda world, identifier: world.balance_transactions.get(identifier),
    "setup_intent": lambda world, identifier: world.setups.get(identifier),
    "product": catalog.retrieve_product,
    "price": lambda world, identifier: world.prices.get(identifier),
    "account": lambda world, identifier: world.accounts.get(identifier),
    "transfer": lambda world, identifier: world.transfers.get(identifier),
    "transfer_reversal": lambda world, identifier: world.transfer_reversals.get(identifier),
    "application_fee": lambda world, identifier: world.application_fees.get(identifier),
    "payout": lambda world, identifier: world.payouts.get(identifier),
    "coupon": lambda world, identifier: world.coupons.get(identifier),
    "promotion_code": lambda world, identifier: world.promotion_codes.get(identifier),
    "discount": lambda world, identifier: world.discounts.get(identifier),
    "subscription": lambda world, identifier: world.subscriptions.get(identifier),
    "invoice": lambda world, identifier: world.invoices.get(identifier),
    "test_helpers.test_clock": lambda world, identifier: world.test_clocks.get(identifier),
}

_MADE_WHEN_ASKED: dict[tuple[str, str], Callable[[World, dict[str, Any]], Any]] = {
    ("checkout.session", "line_items"): lambda world, answer: _lines(world, answer["id"]),
    ("invoice", "payments"): lambda world, answer: _payments(world, answer["id"]),
    ("invoice", "confirmation_secret"): lambda world, answer: _secret(world, answer["id"]),
    ("charge", "refunds"): lambda world, answer: _refunds(world, answer["id"]),
    ("customer", "subscriptions"): lambda world, answer: _subscriptions(world, answer["id"]),
    ("customer", "sources"): lambda _, answer: _none_of(answer["id"], "sources"),
    ("customer", "tax_ids"): lambda _, answer: _none_of(answer["id"], "tax_ids"),
    ("customer", "cash_balance"): lambda world, answer: msgspec.to_builtins(
        cash.shown(world, answer["id"])
    ),
}
"""The fields that an object has only where they are asked for."""

_FIRST_LINES = 10
"""So many of a session's lines, and of other lists, are in an object where they are asked for
(https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-line_items)."""


def parse_paths(kind: str, requested: tuple[str, ...], *, listed: bool) -> tuple[Path, ...]:
    """The paths to expand on an object of ``kind``, or in a list of such objects.

    Raises ``Refused`` (400) for a path that Stripe cannot expand either.
    """
    return tuple(_parse(kind, text, listed) for text in requested)


def _parse(kind: str, text: str, listed: bool) -> Path:
    steps = text.split(".")
    if len(steps) > MAX_DEPTH:
        raise Refused(
            400,
            f"You cannot expand more than {MAX_DEPTH} levels of a property (`{text}`).",
            param="expand",
        )
    if listed:
        if steps[0] != "data":
            raise _cannot(text, f"Perhaps you meant to expand 'data.{text}'?")
        steps = steps[1:]
    here: str | None = kind
    for step in steps:
        here = None if here is None else _EXPANDABLE[here].get(step)
    if here is None or not steps:
        raise _cannot(text, "")
    return tuple(steps)


def expanded(world: World, item: AnyObject, paths: tuple[Path, ...]) -> AnyObject | dict[str, Any]:
    """``item`` with the objects at ``paths`` filled in; the item itself where there are none."""
    if not paths:
        return item
    answer: dict[str, Any] = msgspec.to_builtins(item)
    for path in paths:
        _fill(world, answer["object"], answer, path)
    return answer


def _fill(world: World, kind: str, answer: dict[str, Any], path: Path) -> None:
    field, rest = path[0], path[1:]
    if kind == _SOURCE:
        kind = answer["object"]
    made = (kind, field) in _MADE_WHEN_ASKED and "deleted" not in answer
    if made and field not in answer:
        answer[field] = _MADE_WHEN_ASKED[kind, field](world, answer)
    target = _EXPANDABLE[kind].get(field)
    if target is None:
        return  # an object that was deleted has nothing in it
    value = answer.get(field)
    if field not in answer:
        return  # what an object of this kind may have, and this one has not
    if isinstance(value, list):
        value = answer[field] = [_there(world, target, each) for each in value]
    else:
        value = answer[field] = _there(world, target, value)
    # An object already expanded by an earlier path is gone into further; a null stays a null.
    for each in value if isinstance(value, list) else (value,):
        if each is not None and rest and field in answer:
            _fill(world, target, each, rest)


def _there(world: World, target: str, value: Any) -> Any:
    """The object in the place of its id; what is no id stays as it is."""
    if not isinstance(value, str):
        return value
    found = _COLLECTIONS[target](world, value)
    assert found is not None, f"no {target} has the id {value}, which another object names"
    return msgspec.to_builtins(found)


def _payments(world: World, invoice: str) -> dict[str, Any]:
    payment = invoices.payment_of(world, invoice)
    return {
        "object": "list",
        "data": [] if payment is None else [msgspec.to_builtins(payment)],
        "has_more": False,
        "url": "/v1/invoice_payments",
    }


def _secret(world: World, invoice: str) -> dict[str, Any] | None:
    payment = invoices.payment_of(world, invoice)
    if payment is None or payment.status != "open":
        return None
    intent = world.intents[payment.payment["payment_intent"]]
    return {"client_secret": intent.client_secret, "type": "payment_intent"}


def _refunds(world: World, charge: str) -> dict[str, Any]:
    made = [world.refunds[one] for one in reversed(world.refunds_of.get(charge, ()))]
    return _first_of(made, f"/v1/charges/{charge}/refunds")


def _subscriptions(world: World, customer: str) -> dict[str, Any]:
    """Those that are not canceled, newest first."""
    made = [
        world.subscriptions[one]
        for one in world.subscriptions.having("customer", lambda sub: str(sub.customer), customer)
    ]
    lasting = [subscription for subscription in reversed(made) if subscription.status != "canceled"]
    return _first_of(lasting, f"/v1/customers/{customer}/subscriptions")


def _none_of(customer: str, what: str) -> dict[str, Any]:
    return _first_of([], f"/v1/customers/{customer}/{what}")


def _first_of(made: Sequence[Any], url: str) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [msgspec.to_builtins(one) for one in made[:_FIRST_LINES]],
        "has_more": len(made) > _FIRST_LINES,
        "url": url,
    }


def _source(world: World, identifier: str) -> AnyObject | None:
    """Look up the object that a movement of the balance is of."""
    ways = (_COLLECTIONS[kind](world, identifier) for kind in _SOURCES)
    return next((found for found in ways if found is not None), None)


def _lines(world: World, session: str) -> dict[str, Any]:
    lines = world.checkouts[session].lines
    return {
        "object": "list",
        "data": [msgspec.to_builtins(line) for line in lines[:_FIRST_LINES]],
        "has_more": len(lines) > _FIRST_LINES,
        "url": f"/v1/checkout/sessions/{session}/line_items",
    }


def _cannot(text: str, hint: str) -> Refused:
    message = f"This property cannot be expanded ({text.split('.', maxsplit=1)[0]}). {hint}"
    return Refused(400, message.strip(), param="expand")
