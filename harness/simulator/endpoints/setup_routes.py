"""The endpoints of setup intents, and of customer sessions.

Parameters: https://docs.stripe.com/api/setup_intents, https://docs.stripe.com/api/customer_sessions.
"""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain import checkout, customers, setups
from paidonce.harness.simulator.domain.errors import Refused, StripeError
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.sale_objects import CustomerSession, EphemeralKey
from paidonce.harness.simulator.domain.setups import CreateSetup
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import intent_params, listing
from paidonce.harness.simulator.endpoints.billing_params import refuse
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_REASONS = ("abandoned", "requested_by_customer", "duplicate")
_UNSEEN = ("mandate_data", "payment_method_options")
_COMPONENTS = ("buy_button", "payment_element", "pricing_table")
_SWITCHES = ("payment_method_redisplay", "payment_method_remove", "payment_method_save")
SESSION_SECONDS = 1800
"""How long a customer session lasts (https://docs.stripe.com/api/customer_sessions/object)."""
KEY_SECONDS = 3600
"""How long an ephemeral key lasts: examples of Stripe's show an hour."""


def create(params: Params, _: str) -> Execution:
    """POST /v1/setup_intents."""
    automatic, types = intent_params.method_selection(params, "usd")
    confirm = params.boolean("confirm")
    back, by_script = params.string("return_url"), params.boolean("use_stripe_sdk")
    if back is not None and not confirm:
        raise Refused(
            400,
            "You cannot set the return_url parameter when confirm is not true.",
            param="return_url",
        )
    request = CreateSetup(
        source=intent_params.source(params),
        metadata=intent_params.new_metadata(params),
        automatic_payment_methods=automatic,
        payment_method_types=types,
        usage=params.choice("usage", ("off_session", "on_session")) or "off_session",
        extras=_extras(params),
    )
    for name in _UNSEEN:
        params.opaque(name)

    def execute(world: World, cause: EventRequest) -> Answer:
        made = setups.create(world, request, cause)
        if not confirm:
            return made
        return setups.confirm(
            world, made.id, None, cause, return_url=back, use_stripe_sdk=by_script
        )

    return execute


def retrieve(params: Params, identifier: str) -> Execution:
    """GET /v1/setup_intents/{id}."""
    secret = params.string("client_secret")

    def execute(world: World, _: EventRequest) -> Answer:
        _check_secret(world, identifier, secret)
        return setups.require(world, identifier)

    return execute


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/setup_intents/{id}."""
    source, changes, metadata = intent_params.source(params), _extras(params), params.metadata()
    params.opaque("payment_method_options")
    types = params.strings("payment_method_types")
    if types is not None:
        changes["payment_method_types"] = list(types)
    return lambda world, _: setups.update(world, identifier, source, changes, metadata)


def confirm(params: Params, identifier: str) -> Execution:
    """POST /v1/setup_intents/{id}/confirm."""
    source, secret = intent_params.source(params), params.string("client_secret")
    back, by_script = params.string("return_url"), params.boolean("use_stripe_sdk")
    for name in _UNSEEN:
        params.opaque(name)

    def execute(world: World, cause: EventRequest) -> Answer:
        _check_secret(world, identifier, secret)
        return checkout.follow_setup(
            world,
            setups.confirm(
                world, identifier, source, cause, return_url=back, use_stripe_sdk=by_script
            ),
        )

    return execute


def cancel(params: Params, identifier: str) -> Execution:
    """POST /v1/setup_intents/{id}/cancel."""
    reason = params.choice("cancellation_reason", _REASONS)
    return lambda world, cause: setups.cancel(world, identifier, reason, cause)


def list_all(params: Params, _: str) -> Execution:
    """GET /v1/setup_intents."""
    cursor = listing.cursor(params)
    where = listing.both(
        listing.created(params),
        listing.equal("customer", params.string("customer")),
        listing.equal("payment_method", params.string("payment_method")),
    )
    url = "/v1/setup_intents"
    return lambda world, _: listing.page(world.setups, "setupintent", url, cursor, where=where)


def create_customer_session(params: Params, _: str) -> Execution:
    """POST /v1/customer_sessions. Whoever has the secret may see what the components need; here
    there is nobody to look."""
    customer, given = params.required("customer"), params.mapping("components")
    if given is None:
        raise params.missing("components")
    components = {name: _component(given, name) for name in _COMPONENTS}
    given.finish()

    def execute(world: World, _: EventRequest) -> Answer:
        customers.named(world, customer)
        now = world.now()
        return CustomerSession(
            client_secret=world.ids.client_secret(world.ids.draw("cuss_")),
            components=components,
            created=now,
            customer=customer,
            expires_at=now + SESSION_SECONDS,
        )

    return execute


def create_ephemeral_key(params: Params, _: str) -> Execution:
    """POST /v1/ephemeral_keys, for a customer
    (https://docs.stripe.com/payments/accept-a-payment?platform=ios)."""
    refuse(params, "issuing_card", "nonce", "verification_session")
    customer = params.required("customer")

    def execute(world: World, _: EventRequest) -> Answer:
        customers.named(world, customer)
        now = world.now()
        identifier = world.ids.draw("ephkey_")
        return EphemeralKey(
            id=identifier,
            associated_objects=[{"id": customer, "type": "customer"}],
            created=now,
            expires=now + KEY_SECONDS,
            secret=world.ids.draw("ek_test_"),
        )

    return execute


def _component(params: Params, name: str) -> dict[str, Any]:
    """One component as asked for, or switched off; an element's features with their defaults."""
    has_features = name == "payment_element"
    off: dict[str, Any] = {"enabled": False, **({"features": None} if has_features else {})}
    given = params.mapping(name)
    if given is None:
        return off
    component = {**off, "enabled": given.boolean("enabled")}
    features = given.mapping("features") if has_features else None
    if features is not None:
        switches = {one: features.choice(one, ("disabled", "enabled")) for one in _SWITCHES}
        shown = features.strings("payment_method_allow_redisplay_filters")
        component["features"] = {
            **{one: value or "disabled" for one, value in switches.items()},
            "payment_method_allow_redisplay_filters": list(shown or ("always",)),
            "payment_method_redisplay_limit": features.integer(
                "payment_method_redisplay_limit", minimum=1, maximum=10
            ),
            "payment_method_save_usage": features.choice(
                "payment_method_save_usage", ("off_session", "on_session")
            ),
        }
        features.finish()
    given.finish()
    return component


def _extras(params: Params) -> dict[str, Any]:
    names = ("customer", "description")
    return {name: params.string(name) for name in names if params.has(name)}


def _check_secret(world: World, identifier: str, secret: str | None) -> None:
    if secret not in (None, setups.require(world, identifier).client_secret):
        raise StripeError(
            400,
            "The client_secret provided does not match the client_secret associated with the "
            "SetupIntent.",
            param="client_secret",
        )
