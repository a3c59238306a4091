"""The endpoints of connected accounts, transfers, application fees, payouts and disputes.

Parameters: https://docs.stripe.com/api/accounts, https://docs.stripe.com/api/transfers,
https://docs.stripe.com/api/application_fees, https://docs.stripe.com/api/payouts,
https://docs.stripe.com/api/disputes.
"""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain import accounts, disputes, payouts, transfers
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.transfers import CreateTransfer
from paidonce.harness.simulator.endpoints import intent_params, listing
from paidonce.harness.simulator.endpoints.billing_params import refuse
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_TYPES = ("custom", "express", "standard")
_OWNERS = (
    *("business_profile", "company", "controller", "documents", "individual", "settings"),
    *("tos_acceptance", "groups"),
)
"""Facts about an account's owners that Stripe has to be told: taken, and not looked at."""


def create_account(params: Params, _: str) -> Execution:
    """POST /v1/accounts."""
    attributes = _account(params)
    kind = params.choice("type", _TYPES)
    if kind is not None:
        attributes["type"] = kind
    country = params.string("country")
    if country is not None:
        attributes["country"] = country
    metadata = intent_params.new_metadata(params)
    return lambda world, cause: accounts.create(world, attributes, metadata, cause)


def retrieve_own_account(_: Params, __: str) -> Execution:
    """GET /v1/account."""
    return lambda world, _: accounts.own(world)


def retrieve_account(_: Params, identifier: str) -> Execution:
    """GET /v1/accounts/{id}."""
    return lambda world, _: accounts.require(world, identifier)


def update_account(params: Params, identifier: str) -> Execution:
    """POST /v1/accounts/{id}."""
    metadata, attributes = params.metadata(), _account(params)
    return lambda world, cause: accounts.update(world, identifier, attributes, metadata, cause)


def delete_account(_: Params, identifier: str) -> Execution:
    """DELETE /v1/accounts/{id}."""
    return lambda world, _: accounts.delete(world, identifier)


def reject_account(params: Params, identifier: str) -> Execution:
    """POST /v1/accounts/{id}/reject."""
    reason = params.choice("reason", ("fraud", "other", "terms_of_service"))
    if reason is None:
        raise params.missing("reason")
    return lambda world, cause: accounts.reject(world, identifier, reason, cause)


def list_accounts(params: Params, _: str) -> Execution:
    """GET /v1/accounts."""
    cursor, where = listing.cursor(params), listing.created(params)
    return lambda world, _: listing.page(
        world.accounts,
        "account",
        "/v1/accounts",
        cursor,
        where=listing.both(where, listing.there(world)),
    )


def create_transfer(params: Params, _: str) -> Execution:
    """POST /v1/transfers."""
    amount, source = params.integer("amount", minimum=1), params.string("source_transaction")
    if amount is None and source is None:
        raise params.missing("amount")
    params.choice("source_type", ("bank_account", "card", "fpx"))
    request = CreateTransfer(
        destination=params.required("destination"),
        currency=intent_params.currency(params.required("currency")),
        amount=amount,
        source=source,
        description=params.string("description"),
        transfer_group=params.string("transfer_group"),
        metadata=intent_params.new_metadata(params),
    )
    return lambda world, cause: transfers.create(world, request, cause)


def retrieve_transfer(_: Params, identifier: str) -> Execution:
    """GET /v1/transfers/{id}."""
    return lambda world, _: transfers.require(world, identifier)


def update_transfer(params: Params, identifier: str) -> Execution:
    """POST /v1/transfers/{id}."""
    metadata = params.metadata()
    told = {"description": params.string("description")} if params.has("description") else {}
    return lambda world, cause: transfers.update(world, identifier, told, metadata, cause)


def list_transfers(params: Params, _: str) -> Execution:
    """GET /v1/transfers, of a destination or a group if asked."""
    cursor = listing.cursor(params)
    where = listing.both(
        listing.created(params),
        listing.equal("destination", params.string("destination")),
        listing.equal("transfer_group", params.string("transfer_group")),
    )
    return lambda world, _: listing.page(
        world.transfers, "transfer", "/v1/transfers", cursor, where=where
    )


def create_reversal(params: Params, identifier: str) -> Execution:
    """POST /v1/transfers/{id}/reversals."""
    params.boolean("refund_application_fee")
    params.string("description")
    amount = params.integer("amount", minimum=1)
    metadata = intent_params.new_metadata(params)
    return lambda world, cause: transfers.reverse(world, identifier, amount, metadata, cause)


def retrieve_reversal(params: Params, identifier: str) -> Execution:
    """GET /v1/transfers/{id}/reversals/{part}."""
    transfer = params.part
    return lambda world, _: transfers.require_reversal(world, transfer, identifier)


def update_reversal(params: Params, identifier: str) -> Execution:
    """POST /v1/transfers/{id}/reversals/{part}."""
    transfer, metadata = params.part, params.metadata()
    return lambda world, _: transfers.update_reversal(world, transfer, identifier, metadata)


def list_reversals(params: Params, identifier: str) -> Execution:
    """GET /v1/transfers/{id}/reversals."""
    cursor = listing.cursor(params)

    def execute(world: World, _: EventRequest) -> Answer:
        reversals = transfers.require(world, identifier).reversals
        return listing.part(reversals.data, "transfer_reversal", reversals.url, cursor)

    return execute


def retrieve_fee(_: Params, identifier: str) -> Execution:
    """GET /v1/application_fees/{id}."""
    return lambda world, _: transfers.require_fee(world, identifier)


def list_fees(params: Params, _: str) -> Execution:
    """GET /v1/application_fees, of a charge if asked."""
    cursor = listing.cursor(params)
    where = listing.both(listing.created(params), listing.equal("charge", params.string("charge")))
    return lambda world, _: listing.page(
        world.application_fees, "application fee", "/v1/application_fees", cursor, where=where
    )


def create_fee_refund(params: Params, identifier: str) -> Execution:
    """POST /v1/application_fees/{id}/refunds."""
    amount = params.integer("amount", minimum=1)
    metadata = intent_params.new_metadata(params)
    return lambda world, cause: transfers.refund_fee(world, identifier, amount, metadata, cause)


def retrieve_fee_refund(params: Params, identifier: str) -> Execution:
    """GET /v1/application_fees/{id}/refunds/{part}."""
    fee = params.part
    return lambda world, _: transfers.require_fee_refund(world, fee, identifier)


def update_fee_refund(params: Params, identifier: str) -> Execution:
    """POST /v1/application_fees/{id}/refunds/{part}."""
    fee, metadata = params.part, params.metadata()
    return lambda world, _: transfers.update_fee_refund(world, fee, identifier, metadata)


def list_fee_refunds(params: Params, identifier: str) -> Execution:
    """GET /v1/application_fees/{id}/refunds."""
    cursor = listing.cursor(params)

    def execute(world: World, _: EventRequest) -> Answer:
        refunds = transfers.require_fee(world, identifier).refunds
        return listing.part(refunds.data, "fee_refund", refunds.url, cursor)

    return execute


def create_payout(params: Params, _: str) -> Execution:
    """POST /v1/payouts."""
    amount = params.integer("amount", minimum=1)
    if amount is None:
        raise params.missing("amount")
    refuse(params, "payout_method")
    params.string("destination")
    params.choice("source_type", ("bank_account", "card", "fpx"))
    extras: dict[str, Any] = {
        "description": params.string("description"),
        "method": params.choice("method", ("instant", "standard")) or "standard",
        "statement_descriptor": params.string("statement_descriptor"),
    }
    currency = intent_params.currency(params.required("currency"))
    metadata = intent_params.new_metadata(params)
    return lambda world, cause: payouts.create(world, amount, currency, extras, metadata, cause)


def retrieve_payout(_: Params, identifier: str) -> Execution:
    """GET /v1/payouts/{id}."""
    return lambda world, _: payouts.require(world, identifier)


def update_payout(params: Params, identifier: str) -> Execution:
    """POST /v1/payouts/{id}."""
    metadata = params.metadata()
    return lambda world, cause: payouts.update(world, identifier, metadata, cause)


def cancel_payout(_: Params, identifier: str) -> Execution:
    """POST /v1/payouts/{id}/cancel."""
    return lambda world, cause: payouts.cancel(world, identifier, cause)


def reverse_payout(params: Params, identifier: str) -> Execution:
    """POST /v1/payouts/{id}/reverse."""
    metadata = intent_params.new_metadata(params)
    return lambda world, cause: payouts.reverse(world, identifier, metadata, cause)


def list_payouts(params: Params, _: str) -> Execution:
    """GET /v1/payouts, in one status if asked."""
    cursor = listing.cursor(params)
    status = params.choice("status", ("pending", "in_transit", "paid", "failed", "canceled"))
    where = listing.both(listing.created(params), listing.equal("status", status))
    return lambda world, _: listing.page(
        world.payouts, "payout", "/v1/payouts", cursor, where=where
    )


def retrieve_dispute(_: Params, identifier: str) -> Execution:
    """GET /v1/disputes/{id}."""
    return lambda world, _: disputes.require(world, identifier)


def update_dispute(params: Params, identifier: str) -> Execution:
    """POST /v1/disputes/{id}."""
    metadata, given = params.metadata(), params.mapping("evidence")
    evidence: dict[str, Any] = {}
    if given is not None:
        given.opaque("enhanced_evidence")
        evidence = {
            name: given.string(name, max_length=150_000)
            for name in disputes.EVIDENCE
            if given.has(name)
        }
        given.finish()
    submit = params.boolean("submit", True)
    return lambda world, cause: disputes.update(
        world, identifier, evidence, submit, metadata, cause
    )


def close_dispute(_: Params, identifier: str) -> Execution:
    """POST /v1/disputes/{id}/close."""
    return lambda world, cause: disputes.close(world, identifier, cause)


def list_disputes(params: Params, _: str) -> Execution:
    """GET /v1/disputes, of a charge or a payment intent if asked."""
    cursor = listing.cursor(params)
    where = listing.both(
        listing.created(params),
        listing.equal("charge", params.string("charge")),
        listing.equal("payment_intent", params.string("payment_intent")),
    )
    return lambda world, _: listing.page(
        world.disputes, "dispute", "/v1/disputes", cursor, where=where
    )


def _account(params: Params) -> dict[str, Any]:
    refuse(params, "account_token", "bank_account")
    account: dict[str, Any] = {}
    for name in ("business_type", "email"):
        if params.has(name):
            account[name] = params.string(name)
    if params.has("default_currency"):
        account["default_currency"] = intent_params.currency(params.required("default_currency"))
    for name in _OWNERS:
        params.opaque(name)
    if params.is_nested("external_account"):
        params.opaque("external_account")
    else:
        params.string("external_account")
    asked = params.mapping("capabilities")
    if asked is not None:
        account["capabilities"] = {
            name: "active" if wanted else "inactive" for name, wanted in _requested(asked).items()
        }
    return account


def _requested(capabilities: Params) -> dict[str, bool]:
    found = {}
    for name in capabilities.names():
        params = capabilities.mapping(name)
        if params is None:
            raise Refused(400, f"Invalid object: {name}", param=capabilities.name(name))
        found[name] = params.boolean("requested")
        params.finish()
    return found
