"""The endpoints of customers, their payment methods, and webhook endpoints."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from paidonce.harness.simulator.domain import credit, customers, payment_methods
from paidonce.harness.simulator.domain.errors import Refused, no_such
from paidonce.harness.simulator.domain.metadata import as_asked, merged
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest, WebhookEndpoint
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import listing
from paidonce.harness.simulator.endpoints.credit_routes import LARGEST
from paidonce.harness.simulator.endpoints.intent_params import card_source
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_CUSTOMER_TEXTS = ("name", "email", "phone", "description")
_SHOWN = ("always", "limited", "unspecified")
_PREFIX = re.compile("[A-Z0-9]{3,12}")


def create_customer(params: Params, _: str) -> Execution:
    """POST /v1/customers."""
    metadata = merged({}, params.metadata() or {})
    attributes = _customer_attributes(params)
    method = params.string("payment_method")
    if params.has("test_clock"):
        attributes["test_clock"] = params.string("test_clock")
    settings = attributes.pop("invoice_settings", None)
    balance = params.integer("balance", minimum=-LARGEST, maximum=LARGEST)

    def execute(world: World, cause: EventRequest) -> Answer:
        # All that may be refused is refused before anything is there.
        if method is not None:
            payment_methods.require_keepable(world, method, None)
        default = (settings or {}).get("default_payment_method")
        if default not in (None, method):
            raise customers.not_own(default)
        customer = customers.create(world, attributes, metadata, cause)
        if balance is not None:
            credit.set_to(world, customer.id, balance)
            customer = world.customers[customer.id]
        if method is not None:
            attached = payment_methods.attach(world, method, customer.id, cause).id
            if settings is not None and settings.get("default_payment_method") == method:
                # What is named may be a test card, which has an id of its own from now on.
                named = {**settings, "default_payment_method": attached}
                return customers.settle(world, customer.id, named)
        return customer if settings is None else customers.settle(world, customer.id, settings)

    return execute


def retrieve_customer(_: Params, identifier: str) -> Execution:
    """GET /v1/customers/{id}."""
    return lambda world, _: customers.retrieve(world, identifier)


def update_customer(params: Params, identifier: str) -> Execution:
    """POST /v1/customers/{id}."""
    metadata = params.metadata()
    attributes = _customer_attributes(params)
    balance = params.integer("balance", minimum=-LARGEST, maximum=LARGEST)

    def execute(world: World, cause: EventRequest) -> Answer:
        customer = customers.update(world, identifier, attributes, metadata, cause)
        if balance is None:
            return customer
        credit.set_to(world, identifier, balance)
        return world.customers[identifier]

    return execute


def delete_customer(_: Params, identifier: str) -> Execution:
    """DELETE /v1/customers/{id}."""
    return lambda world, cause: customers.delete(world, identifier, cause)


def list_customers(params: Params, _: str) -> Execution:
    """GET /v1/customers, of one address if asked; matched exactly, as Stripe does."""
    cursor = listing.cursor(params)
    email, clock = params.string("email"), params.string("test_clock")
    created = listing.created(params)

    def execute(world: World, _: EventRequest) -> Answer:
        where = listing.both(
            created,
            listing.equal("test_clock", clock),
            None if email is None else lambda customer: bool(customer.email == email),
            (lambda customer: customer.id not in world.deleted) if world.deleted else None,
        )
        return listing.page(world.customers, "customer", "/v1/customers", cursor, where=where)

    return execute


def search_customers(params: Params, _: str) -> Execution:
    """GET /v1/customers/search."""
    return listing.searched(params, "customer", "/v1/customers")


def create_payment_method(params: Params, _: str) -> Execution:
    """POST /v1/payment_methods, from a card token."""
    metadata = merged({}, params.metadata() or {})
    shown = params.choice("allow_redisplay", _SHOWN)
    source = card_source(params)
    return lambda world, _: payment_methods.create(world, source, metadata, shown)


def retrieve_payment_method(_: Params, identifier: str) -> Execution:
    """GET /v1/payment_methods/{id}."""
    return lambda world, _: payment_methods.require(world, identifier)


def retrieve_method_of(params: Params, identifier: str) -> Execution:
    """GET /v1/customers/{id}/payment_methods/{part}, which the customer must have."""
    customer = params.part

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, customer)
        method = payment_methods.require(world, identifier)
        if method.customer != customer:
            raise no_such("PaymentMethod", identifier, "payment_method")
        return method

    return execute


def update_payment_method(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_methods/{id}: what is known of its owner, and metadata."""
    metadata, details = params.metadata(), params.opaque("billing_details")
    shown = params.choice("allow_redisplay", _SHOWN)
    return lambda world, cause: payment_methods.update(
        world, identifier, details, shown, metadata, cause
    )


def attach_payment_method(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_methods/{id}/attach."""
    customer = params.required("customer")
    return lambda world, cause: payment_methods.attach(world, identifier, customer, cause)


def detach_payment_method(_: Params, identifier: str) -> Execution:
    """POST /v1/payment_methods/{id}/detach."""
    return lambda world, cause: payment_methods.detach(world, identifier, cause)


def list_payment_methods(params: Params, identifier: str) -> Execution:
    """GET /v1/payment_methods?customer= and GET /v1/customers/{id}/payment_methods."""
    cursor = listing.cursor(params)
    customer = identifier or params.string("customer")
    kind = params.string("type")
    where = None if kind is None else lambda method: bool(method.type == kind)
    url = f"/v1/customers/{identifier}/payment_methods" if identifier else "/v1/payment_methods"

    def execute(world: World, _: EventRequest) -> Answer:
        if customer is not None:
            (customers.require if identifier else customers.named)(world, customer)
        # Without a customer there is nothing to list: one-time methods are in no list at Stripe.
        among = world.methods_of.get(customer, ()) if customer is not None else ()
        return listing.page(
            world.payment_methods, "PaymentMethod", url, cursor, among=among, where=where
        )

    return execute


def create_endpoint(params: Params, _: str) -> Execution:
    """POST /v1/webhook_endpoints; the answer alone has the secret."""
    url = _url(params.required("url"))
    events = _events(params)
    if events is None:
        raise params.missing("enabled_events")
    description = params.string("description")
    metadata = merged({}, params.metadata() or {})
    version = params.string("api_version")

    def execute(world: World, _: EventRequest) -> Answer:
        identifier = world.ids.draw("we_")
        secret = f"whsec_{world.ids.draw('')}"
        endpoint = WebhookEndpoint(
            id=identifier,
            api_version=version,
            created=world.now(),
            description=description,
            enabled_events=list(events),
            metadata=metadata,
            url=url,
        )
        world.webhook_endpoints.put(endpoint)
        world.secret_of[identifier] = secret
        return msgspec.structs.replace(endpoint, secret=secret)

    return execute


def retrieve_endpoint(_: Params, identifier: str) -> Execution:
    """GET /v1/webhook_endpoints/{id}."""
    return lambda world, _: _endpoint(world, identifier)


def update_endpoint(params: Params, identifier: str) -> Execution:
    """POST /v1/webhook_endpoints/{id}: address, events, description, or whether it is enabled."""
    changes: dict[str, Any] = {}
    if params.has("url"):
        changes["url"] = _url(params.required("url"))
    if params.has("enabled_events"):
        changes["enabled_events"] = list(_events(params) or ())
    if params.has("description"):
        changes["description"] = params.string("description")
    if params.has("disabled"):
        changes["status"] = "disabled" if params.boolean("disabled") else "enabled"
    metadata = params.metadata()

    def execute(world: World, _: EventRequest) -> Answer:
        endpoint = _endpoint(world, identifier)
        if metadata is not None:
            changes["metadata"] = as_asked(endpoint.metadata, metadata)
        endpoint = msgspec.structs.replace(endpoint, **changes)
        world.webhook_endpoints.put(endpoint)
        return endpoint

    return execute


def delete_endpoint(_: Params, identifier: str) -> Execution:
    """DELETE /v1/webhook_endpoints/{id}."""

    def execute(world: World, _: EventRequest) -> Answer:
        _endpoint(world, identifier)
        world.deleted.add(identifier)
        return Deleted(id=identifier, object="webhook_endpoint")

    return execute


def list_endpoints(params: Params, _: str) -> Execution:
    """GET /v1/webhook_endpoints."""
    cursor = listing.cursor(params)
    return lambda world, _: listing.page(
        world.webhook_endpoints,
        "webhook endpoint",
        "/v1/webhook_endpoints",
        cursor,
        where=lambda endpoint: endpoint.id not in world.deleted,
    )


def _endpoint(world: World, identifier: str) -> WebhookEndpoint:
    webhook_endpoint = world.webhook_endpoints.get(identifier)
    if webhook_endpoint is None or identifier in world.deleted:
        raise no_such("webhook endpoint", identifier, "id")
    return webhook_endpoint


def _events(params: Params) -> tuple[str, ...] | None:
    events = params.strings("enabled_events")
    if events is not None and not events:
        raise Refused(400, "enabled_events must not be empty.", param="enabled_events")
    return events


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(
            400,
            f"Invalid URL: {url}. It must begin with http:// or https://.",
            code="url_invalid",
            param="url",
        )
    return url


def _customer_attributes(params: Params) -> dict[str, Any]:
    customer_attributes: dict[str, Any] = {
        name: params.string(name) for name in _CUSTOMER_TEXTS if params.has(name)
    }
    for name in ("address", "shipping"):
        if params.has(name):
            customer_attributes[name] = params.opaque(name)
    if params.has("tax_exempt"):
        customer_attributes["tax_exempt"] = params.choice(
            "tax_exempt", ("none", "exempt", "reverse")
        )
    if params.has("invoice_prefix"):
        prefix = params.required("invoice_prefix")
        if not _PREFIX.fullmatch(prefix):
            raise Refused(
                400,
                "invoice_prefix must be 3 to 12 capital letters or digits.",
                param="invoice_prefix",
            )
        customer_attributes["invoice_prefix"] = prefix
    number = params.integer("next_invoice_sequence", minimum=1)
    if number is not None:
        customer_attributes["next_invoice_sequence"] = number
    params.opaque("tax")
    if params.has("preferred_locales"):
        customer_attributes["preferred_locales"] = list(params.strings("preferred_locales") or ())
    settings = params.mapping("invoice_settings")
    if settings is not None:
        kept: dict[str, Any] = {}
        for name in ("default_payment_method", "footer"):
            if settings.has(name):
                kept[name] = settings.string(name)
        if settings.has("custom_fields"):
            fields = settings.mappings("custom_fields") or ()
            kept["custom_fields"] = [
                {"name": field.required("name"), "value": field.required("value")}
                for field in fields
            ] or None
        settings.opaque("rendering_options")
        settings.finish()
        customer_attributes["invoice_settings"] = kept
    return customer_attributes
