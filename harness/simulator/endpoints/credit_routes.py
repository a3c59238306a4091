"""The endpoints of customers' credit balances.

Parameters: https://docs.stripe.com/api/customer_balance_transactions.
"""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain import credit, customers
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import intent_params, listing
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

LARGEST = 99_999_999_999
"""In either direction, in minor units."""


def create(params: Params, customer: str) -> Execution:
    """POST /v1/customers/{id}/balance_transactions."""
    amount = params.integer("amount", minimum=-LARGEST, maximum=LARGEST)
    if amount is None:
        raise params.missing("amount")
    currency = intent_params.currency(params.required("currency"))
    description = params.string("description", max_length=350)
    metadata = intent_params.new_metadata(params)

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, customer)
        return credit.adjust(world, customer, amount, currency, description, metadata)

    return execute


def list_all(params: Params, customer: str) -> Execution:
    """GET /v1/customers/{id}/balance_transactions."""
    cursor = listing.cursor(params)
    created, invoice = listing.created(params), params.string("invoice")

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, customer)
        return listing.page(
            world.credit_moves,
            "customer_balance_transaction",
            f"/v1/customers/{customer}/balance_transactions",
            cursor,
            among=listing.of_customer(world.credit_moves, customer),
            where=listing.both(created, listing.equal("invoice", invoice)),
        )

    return execute


def retrieve(params: Params, identifier: str) -> Execution:
    """GET /v1/customers/{id}/balance_transactions/{part}."""
    customer = params.part

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, customer)
        return credit.require(world, customer, identifier)

    return execute


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/customers/{id}/balance_transactions/{part}."""
    customer, metadata = params.part, params.metadata()
    description: dict[str, Any] = {}
    if params.has("description"):
        description["description"] = params.string("description", max_length=350)

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, customer)
        return credit.update(world, customer, identifier, description, metadata)

    return execute
