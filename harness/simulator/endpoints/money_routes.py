"""The endpoints of refunds, charges, events and balance transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from paidonce.harness.simulator.domain import balance, checkout, direct_charges, intents, refunds
from paidonce.harness.simulator.domain.collection import Collection, Identified
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.errors import Refused, StripeError, no_such
from paidonce.harness.simulator.domain.intent_checks import require_minimum
from paidonce.harness.simulator.domain.metadata import as_asked, merged
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import billing_params, intent_params, listing
from paidonce.harness.simulator.endpoints.listing import Answer, Execution, Where
from paidonce.harness.simulator.wire.params import Params

T = TypeVar("T", bound=Identified)

_ON_CHARGE = (
    "customer",
    "description",
    "on_behalf_of",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create_refund(params: Params, owner: str) -> Execution:
    """POST /v1/refunds, and POST /v1/charges/{id}/refunds."""
    # What a customer has sent and nothing was paid with is sent back so.
    billing_params.refuse(params, "origin", "customer", "currency")
    request = refunds.CreateRefund(
        payment_intent=params.string("payment_intent"),
        charge=owner or params.string("charge"),
        amount=params.integer("amount", minimum=1),
        reason=params.choice("reason", _REASONS),
        reverse_transfer=params.boolean("reverse_transfer"),
        refund_application_fee=params.boolean("refund_application_fee"),
        instructions_email=params.string("instructions_email"),
        metadata=merged({}, params.metadata() or {}),
    )
    if request.payment_intent is None and request.charge is None:
        raise Refused(
            400,
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    return lambda world, cause: refunds.create(world, request, cause)


def refund_charge(params: Params, charge: str) -> Execution:
    """POST /v1/charges/{id}/refund, which answers with the charge."""
    execute = create_refund(params, charge)

    def refund(world: World, cause: EventRequest) -> Answer:
        execute(world, cause)
        return world.charges[charge]

    return refund


def retrieve_refund(params: Params, identifier: str) -> Execution:
    """GET /v1/refunds/{id}, and GET /v1/charges/{id}/refunds/{part}."""
    charge = params.part or None
    return lambda world, _: refunds.require(world, identifier, charge)


def cancel_refund(_: Params, identifier: str) -> Execution:
    """POST /v1/refunds/{id}/cancel."""
    return lambda world, cause: checkout.unanswered(world, identifier, cause)


def expire_refund(_: Params, identifier: str) -> Execution:
    """POST /v1/test_helpers/refunds/{id}/expire: nobody has answered in time."""
    return lambda world, _: checkout.unanswered(world, identifier, BY_ITSELF)


def update_refund(params: Params, identifier: str) -> Execution:
    """POST /v1/refunds/{id} and /v1/charges/{id}/refunds/{part}, which can only change metadata."""
    metadata = params.metadata()
    charge = params.part or None

    def execute(world: World, _: EventRequest) -> Answer:
        refunds.require(world, identifier, charge)
        return refunds.update(world, identifier, metadata or {}, clear=metadata == {})

    return execute


def list_refunds(params: Params, owner: str) -> Execution:
    """GET /v1/refunds, of one charge or payment intent if asked, and /v1/charges/{id}/refunds."""
    cursor = listing.cursor(params)
    charge = owner or params.string("charge")
    url = f"/v1/charges/{owner}/refunds" if owner else "/v1/refunds"
    intent = params.string("payment_intent")
    where = listing.both(
        listing.created(params),
        None if intent is None else lambda refund: bool(refund.payment_intent == intent),
    )

    def execute(world: World, _: EventRequest) -> Answer:
        among: Sequence[str] | None = None
        if owner:
            _get(world.charges, "charge", owner)
        if charge is not None:
            among = world.refunds_of.get(charge, ())
        elif intent is not None:
            among = [
                refund
                for one in world.charges_of.get(intent, ())
                for refund in world.refunds_of.get(one, ())
            ]
        return listing.page(world.refunds, "refund", url, cursor, among=among, where=where)

    return execute


def list_charges(params: Params, _: str) -> Execution:
    """GET /v1/charges, of one payment intent or customer if asked."""
    cursor = listing.cursor(params)
    intent, customer = params.string("payment_intent"), params.string("customer")
    where = listing.both(
        listing.created(params),
        listing.equal("customer", customer),
        listing.equal("transfer_group", params.string("transfer_group")),
    )

    def execute(world: World, _: EventRequest) -> Answer:
        if intent is not None:
            among: Sequence[str] | None = world.charges_of.get(intent, ())
        else:
            among = listing.of_customer(world.charges, customer)
        return listing.page(
            world.charges, "charge", "/v1/charges", cursor, among=among, where=where
        )

    return execute


def search_charges(params: Params, _: str) -> Execution:
    """GET /v1/charges/search."""
    return listing.searched(params, "charge", "/v1/charges")


def retrieve_charge(_: Params, identifier: str) -> Execution:
    """GET /v1/charges/{id}."""
    return lambda world, _: _get(world.charges, "charge", identifier)


def create_charge(params: Params, _: str) -> Execution:
    """POST /v1/charges, of a token, a test card or a payment method."""
    for name in ("application_fee", "application_fee_amount", "destination", "transfer_data"):
        if params.has(name):
            raise Refused(400, f"{name} is not simulated here; make a payment intent.", param=name)
    amount = intent_params.amount(params)
    if amount is None:
        raise params.missing("amount")
    currency = intent_params.currency(params.required("currency"))
    require_minimum(amount, currency, Refused)
    source = params.string("source") or params.string("payment_method")
    if source is None:
        raise Refused(
            400,
            "Must provide source or customer. (A customer's default source is not simulated.)",
            code="parameter_missing",
            param="source",
        )
    token = source.startswith(("tok_", "src_"))
    request = direct_charges.CreateCharge(
        amount=amount,
        currency=currency,
        source=PaymentSource(token=source) if token else PaymentSource(payment_method=source),
        capture=params.boolean("capture", True),
        metadata=intent_params.new_metadata(params),
        extras=intent_params.extras(params, _ON_CHARGE),
    )
    params.opaque("radar_options")
    return lambda world, cause: direct_charges.create(world, request, cause)


def capture_charge(params: Params, identifier: str) -> Execution:
    """POST /v1/charges/{id}/capture, which captures the charge's payment intent."""
    amount = params.integer("amount", minimum=1)

    def execute(world: World, cause: EventRequest) -> Answer:
        intent = _get(world.charges, "charge", identifier).payment_intent
        if world.charges[identifier].captured:
            raise StripeError(
                400,
                f"Charge {identifier} has already been captured.",
                code="charge_already_captured",
            )
        if intent is None:
            return direct_charges.capture(world, world.charges[identifier], amount, cause)
        checkout.follow(world, intents.capture(world, intent, amount, cause))
        return world.charges[identifier]

    return execute


def update_charge(params: Params, identifier: str) -> Execution:
    """POST /v1/charges/{id}: metadata, description, receipt_email and shipping may change."""
    metadata = params.metadata()
    changes: dict[str, Any] = {
        name: params.string(name) for name in ("description", "receipt_email") if params.has(name)
    }
    if params.has("shipping"):
        changes["shipping"] = params.opaque("shipping")

    def execute(world: World, cause: EventRequest) -> Answer:
        charge = _get(world.charges, "charge", identifier)
        charge = msgspec.structs.replace(
            charge,
            metadata=as_asked(charge.metadata, metadata),
            **changes,
        )
        world.charges.put(charge)
        world.emit("charge.updated", charge, cause)
        return charge

    return execute


def list_events(params: Params, _: str) -> Execution:
    """GET /v1/events, of one type or several if asked; ``charge.*`` stands for all of a kind."""
    cursor = listing.cursor(params)
    kind = params.string("type")
    kinds = params.strings("types")
    if kind is not None and kinds is not None:
        raise Refused(
            400, "You may only specify one of these parameters: type, types.", param="types"
        )
    wanted = kinds if kind is None else (kind,)
    where = listing.both(listing.created(params), None if wanted is None else _of_types(wanted))
    return lambda world, _: listing.page(world.events, "event", "/v1/events", cursor, where=where)


def retrieve_event(_: Params, identifier: str) -> Execution:
    """GET /v1/events/{id}."""
    return lambda world, _: _get(world.events, "event", identifier)


def list_balance_transactions(params: Params, _: str) -> Execution:
    """GET /v1/balance_transactions, of one type or source if asked."""
    cursor = listing.cursor(params)
    kind = params.string("type")
    source = params.string("source")
    where = listing.both(
        listing.created(params),
        listing.equal("currency", params.string("currency")),
        None if kind is None else lambda entry: bool(entry.type == kind),
        None if source is None else lambda entry: bool(entry.source == source),
    )
    return lambda world, _: listing.page(
        world.balance_transactions,
        "balance transaction",
        "/v1/balance_transactions",
        cursor,
        where=where,
    )


def retrieve_balance(_: Params, __: str) -> Execution:
    """GET /v1/balance."""
    return lambda world, _: balance.of(world)


def retrieve_balance_transaction(_: Params, identifier: str) -> Execution:
    """GET /v1/balance_transactions/{id}."""
    return lambda world, _: _get(world.balance_transactions, "balance transaction", identifier)


def _get(collection: Collection[T], noun: str, identifier: str) -> T:
    found = collection.get(identifier)
    if found is None:
        raise no_such(noun, identifier, "id")
    return found


def _of_types(wanted: tuple[str, ...]) -> Where:
    exact = frozenset(wanted)
    prefixes = tuple(kind[:-1] for kind in wanted if kind.endswith(".*"))
    return lambda event: event.type in exact or event.type.startswith(prefixes)
