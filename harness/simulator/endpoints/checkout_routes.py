"""The endpoints of Checkout Sessions.

Parameters: https://docs.stripe.com/api/checkout/sessions. Those that change nothing in what is
simulated (``locale``, ``custom_text``, ``branding_settings`` …) are taken; those that would need
what is not there (taxes, shipping rates, invoices of what is paid once) are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paidonce.harness.simulator.domain import checkout, checkout_making
from paidonce.harness.simulator.domain.checkout_making import CreateSession, Wanted
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.metadata import merged
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import billing_params, intent_params, listing
from paidonce.harness.simulator.endpoints.catalog_routes import price_data
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_URL = "/v1/checkout/sessions"
_TEXTS = (
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "locale",
    "submit_type",
)
_UNSEEN = (
    "adaptive_pricing",
    "branding_settings",
    "consent_collection",
    "custom_text",
    "customer_update",
    "name_collection",
    "phone_number_collection",
    "saved_payment_method_options",
    "shipping_address_collection",
    "wallet_options",
)
_OFF = ("after_expiration", "automatic_tax", "invoice_creation", "tax_id_collection")
"""Taken where they are switched off."""
_ON_INTENT = (
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_MOST_LINES = 100
_HOSTED, _EMBEDDED = ("hosted_page", "hosted"), ("embedded_page", "embedded")
_PAGES = (*_HOSTED, *_EMBEDDED, "elements", "custom")
"""Who shows the page, by the names since version 2026-03-25 of the API and those before."""


def create(params: Params, _: str) -> Execution:
    """POST /v1/checkout/sessions."""
    mode = params.choice("mode", ("payment", "setup", "subscription"))
    if mode is None:
        raise params.missing("mode")
    _refuse_what_is_not_there(params)
    extras: dict[str, Any] = {name: params.string(name) for name in _TEXTS if params.has(name)}
    extras["mode"] = mode
    extras["ui_mode"] = params.choice("ui_mode", _PAGES) or "hosted_page"
    _where_to(params, extras)
    if params.has("customer_creation"):
        extras["customer_creation"] = params.choice("customer_creation", ("always", "if_required"))
    elif "customer" not in extras and mode == "payment":
        extras["customer_creation"] = "if_required"
    collection = params.choice("payment_method_collection", ("always", "if_required"))
    if collection is not None and mode != "subscription":
        raise Refused(
            400,
            "payment_method_collection can only be set in subscription mode.",
            param="payment_method_collection",
        )
    if mode != "setup":
        extras["payment_method_collection"] = (
            collection or {"payment": "if_required", "subscription": "always"}[mode]
        )
    if params.has("allow_promotion_codes"):
        extras["allow_promotion_codes"] = params.boolean("allow_promotion_codes")
    if params.has("billing_address_collection"):
        extras["billing_address_collection"] = params.choice(
            "billing_address_collection", ("auto", "required")
        )
    currency = params.string("currency")
    if extras.get("allow_promotion_codes") and params.has("discounts"):
        raise Refused(
            400,
            "You may only specify one of these parameters: allow_promotion_codes, discounts.",
            param="allow_promotion_codes",
        )
    about = _ABOUT[mode](params)
    options = intent_params.card_options(params)
    if options and mode != "payment":
        name = "payment_method_options[card][request_three_d_secure]"
        raise Refused(400, f"{name} is simulated in payment mode alone.", param=name)
    if options:
        about["intent"] = {**about.get("intent", {}), **options}
    request = CreateSession(
        lines=() if mode == "setup" else _lines(params),
        discounts=billing_params.discounts(params, most=1) or (),
        types=params.strings("payment_method_types"),
        currency=None if currency is None else intent_params.currency(currency),
        expires_at=params.integer("expires_at", minimum=0),
        metadata=intent_params.new_metadata(params),
        extras=extras,
        **about,
    )
    return lambda world, cause: checkout_making.create(world, request, cause)


def retrieve(_: Params, identifier: str) -> Execution:
    """GET /v1/checkout/sessions/{id}."""
    return lambda world, _: checkout.require(world, identifier)


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/checkout/sessions/{id}."""
    metadata = params.metadata()
    return lambda world, _: checkout.update(world, identifier, metadata)


def expire(_: Params, identifier: str) -> Execution:
    """POST /v1/checkout/sessions/{id}/expire."""
    return lambda world, cause: checkout.expire(world, identifier, cause)


def list_all(params: Params, _: str) -> Execution:
    """GET /v1/checkout/sessions."""
    cursor = listing.cursor(params)
    customer, intent = params.string("customer"), params.string("payment_intent")
    subscription = params.string("subscription")
    status = params.choice("status", ("open", "complete", "expired"))
    details = params.mapping("customer_details")
    email = None
    if details is not None:
        email = details.required("email")
        details.finish()
    where = listing.both(
        listing.created(params),
        listing.equal("customer", customer),
        listing.equal("payment_intent", intent),
        listing.equal("subscription", subscription),
        listing.equal("status", status),
        None
        if email is None
        else lambda found: bool((found.customer_details or {}).get("email") == email),
    )
    return lambda world, _: listing.page(world.sessions, "session", _URL, cursor, where=where)


def list_lines(params: Params, identifier: str) -> Execution:
    """GET /v1/checkout/sessions/{id}/line_items, in the order in which they were given."""
    cursor = listing.cursor(params)

    def execute(world: World, _: EventRequest) -> Answer:
        checkout.require(world, identifier)
        return listing.part(
            world.checkouts[identifier].lines, "item", f"{_URL}/{identifier}/line_items", cursor
        )

    return execute


def _lines(params: Params) -> tuple[Wanted, ...]:
    given = params.mappings("line_items")
    if not given:
        raise params.missing("line_items")
    if len(given) > _MOST_LINES:
        raise Refused(400, f"A session has at most {_MOST_LINES} line items.", param="line_items")
    return tuple(_line(params) for params in given)


def _line(params: Params) -> Wanted:
    price, data = params.string("price"), params.mapping("price_data")
    if price is None and data is None:
        raise params.missing("price")
    if price is not None and data is not None:
        raise Refused(
            400,
            "You may only specify one of these parameters: price, price_data.",
            param=params.name("price"),
        )
    made = None
    if data is not None:
        made = price_data(data, inline=True)
        data.finish()
    quantity = params.integer("quantity", minimum=1, maximum=999_999)
    if quantity is None:
        raise params.missing("quantity")
    adjustable = params.mapping("adjustable_quantity")
    if adjustable is not None:
        if adjustable.boolean("enabled"):
            raise Refused(
                400,
                "Quantities that the payer changes are not simulated.",
                param=params.name("adjustable_quantity"),
            )
        adjustable.finish()
    params.finish()
    return Wanted(quantity=quantity, price=price, price_data=made)


def _intent(params: Params) -> dict[str, Any]:
    """``payment_intent_data``, as the part of ``CreateSession`` that it becomes."""
    data = params.mapping("payment_intent_data")
    if data is None:
        return {}
    intent = {
        "intent_metadata": merged({}, data.metadata() or {}),
        "capture_method": intent_params.capture_method(data) or "automatic_async",
        "intent": {
            **intent_params.extras(data, _ON_INTENT),
            **intent_params.sent_on(data, None),
        },
    }
    data.finish()
    return intent


def _setup(params: Params) -> dict[str, Any]:
    """``setup_intent_data``, as the part of ``CreateSession`` that it becomes."""
    data = params.mapping("setup_intent_data")
    if data is None:
        return {}
    setup = {
        "intent_metadata": merged({}, data.metadata() or {}),
        "intent": {"description": data.string("description")},
    }
    data.finish()
    return setup


def _subscription(params: Params) -> dict[str, Any]:
    """``subscription_data``, as the part of ``CreateSession`` that it becomes."""
    data = params.mapping("subscription_data")
    if data is None:
        return {"subscription": {}}
    trial = {
        "trial_days": data.integer("trial_period_days", minimum=1, maximum=730),
        "trial_end": data.integer("trial_end", minimum=0),
        "missing_method": billing_params.trial_settings(data),
        "description": data.string("description"),
    }
    subscription = {
        "subscription": {name: value for name, value in trial.items() if value is not None},
        "intent_metadata": merged({}, data.metadata() or {}),
    }
    data.finish()
    return subscription


_ABOUT: dict[str, Callable[[Params], dict[str, Any]]] = {
    "payment": _intent,
    "setup": _setup,
    "subscription": _subscription,
}


def _where_to(params: Params, extras: dict[str, Any]) -> None:
    """Check where the payer is to go afterwards: it depends on who shows the page."""
    success, back = params.string("success_url"), params.string("return_url")
    redirect = params.choice("redirect_on_completion", ("always", "if_required", "never"))
    if extras["ui_mode"] in _HOSTED:
        for name, given in (("return_url", back), ("redirect_on_completion", redirect)):
            if given is not None:
                raise Refused(
                    400, f"You can only set {name} when ui_mode is not hosted_page.", param=name
                )
        if success is None:
            raise params.missing("success_url")
        extras["success_url"] = success
        return
    for name, given in (("success_url", success), ("cancel_url", extras.get("cancel_url"))):
        if given is not None:
            raise Refused(400, f"{name} cannot be set unless ui_mode is hosted_page.", param=name)
    if back is None and redirect != "never":
        raise params.missing("return_url")
    if back is not None:
        extras["return_url"] = back
    if extras["ui_mode"] in _EMBEDDED:
        extras["redirect_on_completion"] = redirect or "always"


def _refuse_what_is_not_there(params: Params) -> None:
    for name in (
        "custom_fields",
        "excluded_payment_method_types",
        "optional_items",
        "payment_method_configuration",
        "payment_method_data",
        "permissions",
        "shipping_options",
    ):
        if params.has(name):
            raise Refused(400, f"{name} is not simulated.", param=name)
    for name in _OFF:
        nested = params.mapping(name)
        if nested is None:
            continue
        inner = nested.mapping("recovery") if name == "after_expiration" else nested
        if inner is not None and inner.boolean("enabled"):
            raise Refused(400, f"{name} is not simulated: enabled must be false.", param=name)
        for level in (inner, nested):
            if level is not None:
                level.finish()
    for name in _UNSEEN:
        params.opaque(name)
    params.string("origin_context")
