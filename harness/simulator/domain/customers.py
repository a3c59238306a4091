"""Customers: who pays, and whose payment methods are kept.

Source: https://docs.stripe.com/api/customers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from paidonce.harness.simulator.domain.errors import no_such
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Customer, Deleted, EventRequest, Metadata
from paidonce.harness.simulator.domain.payment_methods import detach
from paidonce.harness.simulator.domain.state import World


def create(
    world: World, attributes: dict[str, Any], metadata: Metadata, cause: EventRequest
) -> Customer:
    """A new customer."""
    identifier = world.ids.draw("cus_")
    customer = Customer(
        id=identifier,
        created=world.now(),
        invoice_prefix=identifier[-8:].upper(),
        invoice_settings=_invoice_settings(),
        metadata=metadata,
        preferred_locales=[],
        **attributes,
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


def update(
    world: World,
    identifier: str,
    attributes: dict[str, Any],
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Customer:
    """Change what is given; metadata is merged, an empty one clears it."""
    before = require(world, identifier)
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


def delete(world: World, identifier: str, cause: EventRequest) -> Deleted:
    """Delete a customer and take their payment methods from them."""
    customer = require(world, identifier)
    for method in list(world.methods_of.get(identifier, ())):
        detach(world, method, cause)
    world.deleted.add(identifier)
    world.emit("customer.deleted", customer, cause)
    return Deleted(id=identifier, object="customer")


@cache
def _invoice_settings() -> dict[str, Any]:
    return {
        "custom_fields": None,
        "default_payment_method": None,
        "footer": None,
        "rendering_options": None,
    }
