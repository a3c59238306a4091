"""The endpoints of customers' cash balances, and the one by which a test has money come.

Parameters: https://docs.stripe.com/api/cash_balance and
https://docs.stripe.com/api/cash_balance_transactions/fund_cash_balance.
"""

from __future__ import annotations

from paidonce.harness.simulator.domain import cash, checkout, customers
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import intent_params, listing
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_MODES = ("automatic", "manual", "merchant_default")


def retrieve(_: Params, identifier: str) -> Execution:
    """GET /v1/customers/{id}/cash_balance."""

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, identifier)
        return cash.shown(world, identifier)

    return execute


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/customers/{id}/cash_balance."""
    settings = params.mapping("settings")
    mode = None
    if settings is not None:
        mode = settings.choice("reconciliation_mode", _MODES)
        settings.finish()

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, identifier)
        if mode is None:
            return cash.shown(world, identifier)
        return cash.reconcile_by_hand(world, identifier, mode == "manual")

    return execute


def list_moves(params: Params, identifier: str) -> Execution:
    """GET /v1/customers/{id}/cash_balance_transactions."""
    cursor = listing.cursor(params)

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, identifier)
        return listing.page(
            world.cash_moves,
            "customer_cash_balance_transaction",
            f"/v1/customers/{identifier}/cash_balance_transactions",
            cursor,
            among=listing.of_customer(world.cash_moves, identifier),
        )

    return execute


def retrieve_move(params: Params, identifier: str) -> Execution:
    """GET /v1/customers/{id}/cash_balance_transactions/{part}."""
    customer = params.part

    def execute(world: World, _: EventRequest) -> Answer:
        customers.require(world, customer)
        return cash.require(world, customer, identifier)

    return execute


def fund(params: Params, identifier: str) -> Execution:
    """POST /v1/test_helpers/customers/{id}/fund_cash_balance."""
    amount = intent_params.amount(params)
    if amount is None:
        raise params.missing("amount")
    currency = intent_params.currency(params.required("currency"))
    params.string("reference")

    def execute(world: World, cause: EventRequest) -> Answer:
        customers.require(world, identifier)
        made = cash.fund(world, identifier, amount, currency, cause)
        checkout.reconcile(world, identifier, currency)
        return made

    return execute
