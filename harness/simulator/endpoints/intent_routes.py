"""The payment intents' endpoints: parameters in, execution out."""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain import checkout, confirming, intents
from paidonce.harness.simulator.domain.errors import Refused, StripeError
from paidonce.harness.simulator.domain.intent_checks import require_minimum
from paidonce.harness.simulator.domain.metadata import NO_METADATA
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import intent_params, listing
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_URL = "/v1/payment_intents"

_CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
_ON_CREATE = (
    "customer",
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_ON_CONFIRM = ("receipt_email",)


def create(params: Params, _: str) -> Execution:
    """POST /v1/payment_intents."""
    amount = intent_params.amount(params)
    if amount is None:
        raise params.missing("amount")
    currency = intent_params.currency(params.required("currency"))
    require_minimum(amount, currency, Refused)
    automatic, types = intent_params.method_selection(params, currency)
    confirm = params.boolean("confirm")
    if not confirm:
        intent_params.refuse_without_confirm(params)
    source = intent_params.source(params)
    if params.is_done():  # as most are: nothing more is said
        request = intents.CreateIntent(
            amount=amount,
            currency=currency,
            source=source,
            metadata=NO_METADATA,
            automatic_payment_methods=automatic,
            payment_method_types=types,
        )
        return _creation(request, intent_params.confirmation(params, None, {}) if confirm else None)
    request = intents.CreateIntent(
        amount=amount,
        currency=currency,
        source=source,
        metadata=intent_params.new_metadata(params),
        automatic_payment_methods=automatic,
        payment_method_types=types,
        capture_method=intent_params.capture_method(params) or "automatic_async",
        confirmation_method=params.choice("confirmation_method", ("automatic", "manual"))
        or "automatic",
        extras={
            **intent_params.extras(params, _ON_CREATE),
            **intent_params.sent_on(params, amount),
        },
    )
    how = intent_params.confirmation(params, None, {})
    return _creation(request, how if confirm else None)


def _creation(request: intents.CreateIntent, how: confirming.Confirmation | None) -> Execution:
    """Make an intent and, where it is said ``how``, confirm it."""
    if how is None:
        return lambda world, cause: intents.create(world, request, cause)

    def create_and_confirm(world: World, cause: EventRequest) -> Answer:
        created = intents.create(world, request, cause)
        return confirming.confirm(world, created.id, how, cause)

    return create_and_confirm


def confirm(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}/confirm."""
    source = intent_params.source(params)
    extras = intent_params.extras(params, _ON_CONFIRM)
    capture_method = intent_params.capture_method(params)
    if capture_method is not None:
        extras["capture_method"] = capture_method
    request = intent_params.confirmation(params, source, extras)
    secret = params.string("client_secret")

    def execute(world: World, cause: EventRequest) -> Answer:
        _check_secret(world, identifier, secret)
        return checkout.follow(world, confirming.confirm(world, identifier, request, cause))

    return execute


def capture(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}/capture."""
    amount = params.integer("amount_to_capture", minimum=1)
    if not params.boolean("final_capture", True):
        raise Refused(
            400,
            "Capturing more than once is not simulated: final_capture must be true.",
            param="final_capture",
        )
    metadata = params.metadata()
    texts = ("statement_descriptor", "statement_descriptor_suffix")
    extras: dict[str, Any] = {name: params.string(name) for name in texts if params.has(name)}
    extras |= intent_params.fee(params)

    def execute(world: World, cause: EventRequest) -> Answer:
        intent = checkout.follow(world, intents.capture(world, identifier, amount, cause, extras))
        if metadata is None:
            return intent
        changes = intents.UpdateIntent(metadata=metadata, clear_metadata=metadata == {})
        return intents.update(world, identifier, changes, cause)

    return execute


def increment(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}/increment_authorization."""
    amount = intent_params.amount(params)
    if amount is None:
        raise params.missing("amount")
    metadata = params.metadata()
    extras: dict[str, Any] = {
        name: params.string(name)
        for name in ("description", "statement_descriptor")
        if params.has(name)
    }

    def execute(world: World, cause: EventRequest) -> Answer:
        intent = intents.increment(world, identifier, amount, extras, cause)
        if metadata is None:
            return intent
        changes = intents.UpdateIntent(metadata=metadata, clear_metadata=metadata == {})
        return intents.update(world, identifier, changes, cause)

    return execute


def apply_balance(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}/apply_customer_balance."""
    amount, currency = intent_params.amount(params), params.string("currency")
    known = None if currency is None else intent_params.currency(currency)
    return lambda world, cause: checkout.follow(
        world, confirming.apply_balance(world, identifier, amount, known, cause)
    )


def cancel(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}/cancel."""
    reason = params.choice("cancellation_reason", _CANCELLATION_REASONS)
    return lambda world, cause: intents.cancel(world, identifier, reason, cause)


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}."""
    currency = params.string("currency")
    metadata = params.metadata()
    extras = intent_params.extras(params, _ON_CREATE) | intent_params.fee(params)
    types = params.strings("payment_method_types")
    if types is not None:
        intent_params.require_simulated(types)
        extras |= {"payment_method_types": list(types), "automatic_payment_methods": None}
    request = intents.UpdateIntent(
        amount=intent_params.amount(params),
        currency=None if currency is None else intent_params.currency(currency),
        source=intent_params.source(params),
        capture_method=intent_params.capture_method(params),
        metadata=metadata or {},
        clear_metadata=metadata == {},
        extras=extras,
    )
    return lambda world, cause: intents.update(world, identifier, request, cause)


def retrieve(params: Params, identifier: str) -> Execution:
    """GET /v1/payment_intents/{id}."""
    secret = params.string("client_secret")

    def execute(world: World, _: EventRequest) -> Answer:
        _check_secret(world, identifier, secret)
        return intents.require(world, identifier)

    return execute


def list_all(params: Params, _: str) -> Execution:
    """GET /v1/payment_intents."""
    cursor = listing.cursor(params)
    customer, where = params.string("customer"), listing.created(params)
    return lambda world, _: listing.page(
        world.intents,
        "payment_intent",
        _URL,
        cursor,
        among=listing.of_customer(world.intents, customer),
        where=where,
    )


def search_all(params: Params, _: str) -> Execution:
    """GET /v1/payment_intents/search."""
    return listing.searched(params, "payment_intent", _URL)


def _check_secret(world: World, identifier: str, secret: str | None) -> None:
    if secret not in (None, intents.require(world, identifier).client_secret):
        raise StripeError(
            400,
            "The client_secret provided does not match the client_secret associated with the "
            "PaymentIntent.",
            param="client_secret",
        )
