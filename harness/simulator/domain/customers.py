"""Customers: who pays, and whose payment methods are kept.

Source: https://docs.stripe.com/api/customers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import clocks, subscriptions
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.intent_checks import require_customer
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Customer, Deleted, EventRequest, Metadata
from paidonce.harness.simulator.domain.payment_methods import detach
from paidonce.harness.simulator.domain.state import World


def create(
    world: World, attributes: dict[str, Any], metadata: Metadata, cause: EventRequest
) -> Customer:
    """A new customer."""
    clock = attributes.get("test_clock")
    if clock is None:
        return _made(world, attributes, metadata, cause)
    frozen = clocks.require(world, clock, status=400).frozen_time
    with clocks.standing(world, clock, frozen):
        return _made(world, attributes, metadata, cause)


def _made(
    world: World, attributes: dict[str, Any], metadata: Metadata, cause: EventRequest
) -> Customer:
    identifier = world.ids.draw("cus_")
    customer = Customer(
        id=identifier,
        created=world.now(),
        metadata=metadata,
        **{
            "invoice_prefix": identifier[-8:].upper(),
            "invoice_settings": _invoice_settings(),
            "preferred_locales": [],
            **attributes,
        },
    )
    world.customers.put(customer)
    world.emit("customer.created", customer, cause)
    return customer


def retrieve(world: World, identifier: str) -> Customer | Deleted:
    """The customer, or that it was deleted; 404 ``resource_missing`` otherwise."""
    customer = world.customers.get(identifier)
    if customer is None:
        raise no_such("customer", identifier, "id")
    if identifier in world.deleted:
        return Deleted(id=identifier, object="customer")
    return customer


def require(world: World, identifier: str) -> Customer:
    """The customer of that id; 404 where there is none, or none any more."""
    customer = world.customers.get(identifier)
    if customer is None or identifier in world.deleted:
        raise no_such("customer", identifier, "id")
    return customer


def named(world: World, identifier: str) -> Customer:
    """As ``require``, of a customer that a parameter names: 400."""
    require_customer(world, identifier)
    return world.customers[identifier]


def update(
    world: World,
    identifier: str,
    attributes: dict[str, Any],
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Customer:
    """Change what is given; metadata is merged, an empty one clears it."""
    before = require(world, identifier)
    if "invoice_settings" in attributes:
        settings = {**before.invoice_settings, **attributes["invoice_settings"]}
        _require_own(world, settings["default_payment_method"], identifier)
        attributes = {**attributes, "invoice_settings": settings}
    if metadata is not None:
        attributes = {
            **attributes,
            "metadata": as_asked(before.metadata, metadata),
        }
    customer = msgspec.structs.replace(before, **attributes)
    world.customers.put(customer)
    previous = {name: getattr(before, name) for name in attributes}
    world.emit("customer.updated", customer, cause, previous)
    return customer


def settle(world: World, identifier: str, settings: dict[str, Any]) -> Customer:
    """Set what a new customer's invoices are paid with; 400 for what is not that customer's."""
    customer = world.customers[identifier]
    _require_own(world, settings.get("default_payment_method"), identifier)
    settings = {**customer.invoice_settings, **settings}
    customer = msgspec.structs.replace(customer, invoice_settings=settings)
    world.customers.put(customer)
    return customer


def delete(world: World, identifier: str, cause: EventRequest) -> Deleted:
    """Delete a customer and take their payment methods from them."""
    customer = require(world, identifier)
    for one in world.subscriptions.having("customer", lambda sub: str(sub.customer), identifier):
        if world.subscriptions[one].status not in subscriptions.OVER:
            subscriptions.end(world, world.subscriptions[one], "cancellation_requested", cause)
    for method in list(world.methods_of.get(identifier, ())):
        detach(world, method, cause)
    world.deleted.add(identifier)
    world.emit("customer.deleted", customer, cause)
    return Deleted(id=identifier, object="customer")


def _require_own(world: World, method: str | None, customer: str) -> None:
    """400 for a payment method that is not that customer's."""
    if method is not None and method not in world.methods_of.get(customer, ()):
        raise not_own(method)


def not_own(method: str) -> StripeError:
    """The answer to a default payment method that is not the customer's."""
    return StripeError(
        400,
        f"No such PaymentMethod: '{method}'; the payment method must be attached to the customer.",
        code="resource_missing",
        param="invoice_settings[default_payment_method]",
    )


@cache
def _invoice_settings() -> dict[str, Any]:
    return {
        "custom_fields": None,
        "default_payment_method": None,
        "footer": None,
        "rendering_options": None,
    }
