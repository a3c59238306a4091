"""The payment intents' endpoints: parameters in, execution out.

Parameters: https://docs.stripe.com/api/payment_intents. Parameters that would change nothing in
what is simulated (``mandate_data``, ``radar_options`` …) are accepted and ignored.
"""

from __future__ import annotations

from typing import Any

from harness.simulator import confirming, intents, listing, money, search
from harness.simulator.collection import Cursor
from harness.simulator.confirming import Confirmation
from harness.simulator.errors import Refused, StripeError
from harness.simulator.listing import Answer, Execution
from harness.simulator.objects import EventRequest, PaymentIntent
from harness.simulator.params import Params
from harness.simulator.payment_methods import Source
from harness.simulator.state import World

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
    amount = _amount(params)
    if amount is None:
        raise params.missing("amount")
    currency = _currency(params.required("currency"))
    intents.require_minimum(amount, currency, Refused)
    automatic, types = _method_selection(params, currency)
    confirm = params.boolean("confirm")
    if not confirm:
        _refuse_without_confirm(params)
    request = intents.CreateIntent(
        amount=amount,
        currency=currency,
        source=_source(params),
        metadata=_new_metadata(params),
        automatic_payment_methods=automatic,
        payment_method_types=types,
        capture_method=_capture_method(params) or "automatic_async",
        confirmation_method=params.choice("confirmation_method", ("automatic", "manual"))
        or "automatic",
        extras=_extras(params, _ON_CREATE),
    )
    how = _confirmation(params, None, {})
    if not confirm:
        return lambda world, cause: intents.create(world, request, cause)

    def create_and_confirm(world: World, cause: EventRequest) -> Answer:
        created = intents.create(world, request, cause)
        return confirming.confirm(world, created.id, how, cause)

    return create_and_confirm


def confirm(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}/confirm."""
    source = _source(params)
    extras = _extras(params, _ON_CONFIRM)
    capture_method = _capture_method(params)
    if capture_method is not None:
        extras["capture_method"] = capture_method
    request = _confirmation(params, source, extras)
    secret = params.string("client_secret")

    def execute(world: World, cause: EventRequest) -> Answer:
        _check_secret(world, identifier, secret)
        return confirming.confirm(world, identifier, request, cause)

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

    def execute(world: World, cause: EventRequest) -> Answer:
        intent = intents.capture(world, identifier, amount, cause)
        if metadata is None:
            return intent
        changes = intents.UpdateIntent(metadata=metadata, clear_metadata=metadata == {})
        return intents.update(world, identifier, changes)

    return execute


def cancel(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}/cancel."""
    reason = params.choice("cancellation_reason", _CANCELLATION_REASONS)
    return lambda world, cause: intents.cancel(world, identifier, reason, cause)


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/payment_intents/{id}."""
    currency = params.string("currency")
    metadata = params.metadata()
    request = intents.UpdateIntent(
        amount=_amount(params),
        currency=None if currency is None else _currency(currency),
        source=_source(params),
        capture_method=_capture_method(params),
        metadata=metadata or {},
        clear_metadata=metadata == {},
        extras=_extras(params, _ON_CREATE),
    )
    return lambda world, _: intents.update(world, identifier, request)


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
    customer = params.string("customer")
    where = listing.both(
        listing.created(params),
        None if customer is None else lambda intent: bool(intent.customer == customer),
    )
    return lambda world, _: listing.page(world.intents, "payment_intent", _URL, cursor, where=where)


def search_all(params: Params, _: str) -> Execution:
    """GET /v1/payment_intents/search. The page token is the id of the last object seen."""
    matches = search.compile_query(params.required("query"))
    cursor = Cursor(limit=listing.limit(params), starting_after=params.string("page"))

    def execute(world: World, _: EventRequest) -> Answer:
        found = listing.page(world.intents, "page", f"{_URL}/search", cursor, where=matches)
        last: PaymentIntent | None = found.data[-1] if found.has_more else None
        return listing.SearchListing(
            data=found.data,
            has_more=found.has_more,
            url=found.url,
            next_page=None if last is None else last.id,
        )

    return execute


def _check_secret(world: World, identifier: str, secret: str | None) -> None:
    if secret not in (None, intents.require(world, identifier).client_secret):
        raise StripeError(
            400,
            "The client_secret provided does not match the client_secret associated with the "
            "PaymentIntent.",
            param="client_secret",
        )


def _amount(params: Params) -> int | None:
    amount = params.integer("amount", minimum=1)
    if amount is not None and amount > money.MAXIMUM:
        raise Refused(
            400,
            f"Amount must be no more than {money.MAXIMUM} in the currency's smallest unit.",
            code="amount_too_large",
            param="amount",
        )
    return amount


def _currency(text: str) -> str:
    currency = text.lower()
    if currency not in money.CURRENCIES:
        raise Refused(
            400,
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(money.CURRENCIES))}",
            param="currency",
        )
    return currency


def _new_metadata(params: Params) -> dict[str, str]:
    return intents.merged({}, params.metadata() or {})


def _source(params: Params) -> Source | None:
    """``payment_method``, or the card token inside ``payment_method_data``."""
    name = params.string("payment_method")
    data = params.mapping("payment_method_data")
    if data is None:
        return None if name is None else Source(payment_method=name)
    if name is not None:
        raise Refused(
            400,
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            param="payment_method_data",
        )
    return Source(token=card_token(data))


def card_token(data: Params) -> str:
    """The token in ``type=card&card[token]=tok_visa``; raw card numbers are not taken."""
    kind = data.required("type")
    if kind != "card":
        raise Refused(
            400,
            f"Only payment methods of type card are simulated, not {kind}.",
            param=data.name("type"),
        )
    card = data.mapping("card")
    if card is None:
        raise data.missing("card")
    token = card.required("token")
    card.finish()
    data.opaque("billing_details")
    data.finish()
    return token


def _method_selection(
    params: Params, currency: str
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """``automatic_payment_methods`` and ``payment_method_types``, of which one may be given.

    With neither, automatic ones are enabled, as since version 2023-08-16 of the API.
    """
    types = params.strings("payment_method_types")
    automatic = params.mapping("automatic_payment_methods")
    enabled, redirects = False, "always"
    if automatic is not None:
        if not automatic.has("enabled"):
            raise automatic.missing("enabled")
        enabled = automatic.boolean("enabled")
        redirects = automatic.choice("allow_redirects", ("always", "never")) or "always"
        automatic.finish()
    if types is not None and enabled:
        raise Refused(
            400,
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types.",
            param="payment_method_types",
        )
    if types is not None:
        if not {"card", "us_bank_account"} & set(types):
            raise Refused(
                400,
                "Only cards and bank accounts of the United States are simulated: "
                "payment_method_types must include card or us_bank_account.",
                param="payment_method_types",
            )
        return None, types
    if automatic is not None and not enabled:
        return None, ("card",)
    chosen = ("card", "us_bank_account") if currency == "usd" else ("card",)
    return {"allow_redirects": redirects, "enabled": True}, chosen


def _capture_method(params: Params) -> str | None:
    return params.choice("capture_method", ("automatic", "automatic_async", "manual"))


def _extras(params: Params, texts: tuple[str, ...]) -> dict[str, Any]:
    """Attributes kept as given; those that are present but empty are unset."""
    found: dict[str, Any] = {name: params.string(name) for name in texts if params.has(name)}
    if params.has("setup_future_usage"):
        found["setup_future_usage"] = params.choice(
            "setup_future_usage", ("off_session", "on_session")
        )
    if params.has("shipping"):
        found["shipping"] = params.opaque("shipping")
    params.opaque("payment_method_options")
    return found


def _confirmation(params: Params, source: Source | None, extras: dict[str, Any]) -> Confirmation:
    """How to confirm; reads what else may be said about it and changes nothing here."""
    for name in ("mandate_data", "payment_method_options", "radar_options"):
        params.opaque(name)
    params.string("mandate")
    off_session = params.string("off_session")
    return Confirmation(
        source=source,
        off_session=off_session is not None and off_session != "false",
        error_on_requires_action=params.boolean("error_on_requires_action"),
        return_url=params.string("return_url"),
        use_stripe_sdk=params.boolean("use_stripe_sdk"),
        extras=extras,
    )


def _refuse_without_confirm(params: Params) -> None:
    for name in ("off_session", "error_on_requires_action", "return_url"):
        if params.has(name) and not params.is_false(name):
            raise Refused(
                400,
                f"You cannot set the {name} parameter when confirm is not true.",
                param=name,
            )
