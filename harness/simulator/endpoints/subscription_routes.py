"""The endpoints of subscriptions and their items.

Parameters: https://docs.stripe.com/api/subscriptions, https://docs.stripe.com/api/subscription_items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paidonce.harness.simulator.domain import changing, clocks, subscribing, subscriptions
from paidonce.harness.simulator.domain.billing_objects import Subscription
from paidonce.harness.simulator.domain.errors import Refused, StripeError
from paidonce.harness.simulator.domain.intent_checks import require_customer
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.domain.subscribing import (
    CreateSubscription,
    UpdateSubscription,
    WantedItem,
)
from paidonce.harness.simulator.endpoints import billing_params, intent_params, listing
from paidonce.harness.simulator.endpoints.billing_params import COLLECTION, off, refuse
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_URL = "/v1/subscriptions"
PRORATIONS = ("always_invoice", "create_prorations", "none")
_BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete")
_FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_LATER = (
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "default_source",
    "default_tax_rates",
    "on_behalf_of",
    "pending_invoice_item_interval",
    "transfer_data",
    "trial_from_plan",
)
_STATUSES = (
    *("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused"),
    *("trialing", "unpaid", "all", "ended"),
)


def create(params: Params, _: str) -> Execution:
    """POST /v1/subscriptions."""
    refuse(params, *_LATER, "backdate_start_date", "billing_mode")
    customer = params.required("customer")
    items = billing_params.items(params, known=False)
    if not items:
        raise params.missing("items")
    extras = _extras(params)
    method, days = _collection(params)
    trial = params.integer("trial_end", minimum=0)
    trial_days = params.integer("trial_period_days", minimum=1, maximum=730)
    if trial is not None and trial_days is not None:
        raise Refused(
            400,
            "You may only specify one of these parameters: trial_end, trial_period_days.",
            param="trial_end",
        )
    request = CreateSubscription(
        customer=customer,
        items=items,
        added=billing_params.added(params, customer),
        discounts=billing_params.discounts(params) or (),
        trial_end=trial,
        trial_days=trial_days,
        anchor=params.integer("billing_cycle_anchor", minimum=0),
        prorates=params.choice("proration_behavior", PRORATIONS) != "none",
        payment_behavior=params.choice("payment_behavior", _BEHAVIORS) or "allow_incomplete",
        off_session=params.boolean("off_session"),
        collection_method=method or "charge_automatically",
        days_until_due=days,
        missing_method=billing_params.trial_settings(params),
        metadata=intent_params.new_metadata(params),
        extras=extras,
    )

    def execute(world: World, cause: EventRequest) -> Answer:
        require_customer(world, customer)
        with clocks.time_of(world, customer):
            _require_times(world, request)
            _require_method(world, request.extras, customer)
            return subscriptions.create(world, request, cause)

    return execute


def retrieve(_: Params, identifier: str) -> Execution:
    """GET /v1/subscriptions/{id}."""
    return lambda world, _: subscribing.require(world, identifier)


def update(params: Params, identifier: str) -> Execution:
    """POST /v1/subscriptions/{id}."""
    refuse(params, *_LATER, "add_invoice_items")
    extras = _extras(params)
    method, days = _collection(params)
    if method is not None:
        extras |= {"collection_method": method, "days_until_due": days}
    if params.has("pause_collection"):
        extras["pause_collection"] = _pause(params)
    details = _details(params)
    anchor = params.choice("billing_cycle_anchor", ("now", "unchanged"))
    trial, ends_trial = trial_end(params)
    params.boolean("off_session")
    if params.has("trial_settings"):
        behavior = {"missing_payment_method": billing_params.trial_settings(params)}
        extras["trial_settings"] = {"end_behavior": behavior}
    request = UpdateSubscription(
        items=billing_params.items(params, known=True),
        discounts=billing_params.discounts(params),
        proration=params.choice("proration_behavior", PRORATIONS) or "create_prorations",
        proration_date=params.integer("proration_date", minimum=0),
        payment_behavior=params.choice("payment_behavior", _BEHAVIORS) or "allow_incomplete",
        trial_end=trial,
        ends_trial=ends_trial,
        anchors_now=anchor == "now",
        metadata=params.metadata(),
        extras=extras,
    )

    def execute(world: World, cause: EventRequest) -> Answer:
        subscription = subscribing.require(world, identifier)
        wanted = request
        if details is not None:
            known = {**subscription.cancellation_details, **details}
            wanted = changing.replace(
                request, extras={**request.extras, "cancellation_details": known}
            )
        _require_method(world, extras, subscription.customer)
        return changing.update(world, identifier, wanted, cause)

    return _timed(identifier, execute)


def cancel(params: Params, identifier: str) -> Execution:
    """DELETE /v1/subscriptions/{id}."""
    bill, prorate = params.boolean("invoice_now"), params.boolean("prorate")
    details = _details(params)
    return _timed(
        identifier,
        lambda world, cause: changing.cancel(
            world, identifier, cause, invoice_now=bill, prorate=prorate, details=details
        ),
    )


def resume(params: Params, identifier: str) -> Execution:
    """POST /v1/subscriptions/{id}/resume, which begins a period."""
    if params.choice("billing_cycle_anchor", ("now", "unchanged")) == "unchanged":
        raise Refused(
            400, "billing_cycle_anchor=unchanged is not simulated.", param="billing_cycle_anchor"
        )
    params.choice("proration_behavior", PRORATIONS)
    return _timed(identifier, lambda world, cause: changing.resume(world, identifier, cause))


def delete_discount(_: Params, identifier: str) -> Execution:
    """DELETE /v1/subscriptions/{id}/discount."""
    return _timed(
        identifier, lambda world, cause: changing.delete_discount(world, identifier, cause)
    )


def list_all(params: Params, _: str) -> Execution:
    """GET /v1/subscriptions: those that are not canceled, unless it is asked for others."""
    cursor = listing.cursor(params)
    customer = params.string("customer")
    price = params.string("price") or params.string("plan")
    clock = params.string("test_clock")
    where = listing.both(
        listing.created(params),
        _in_status(params.choice("status", _STATUSES)),
        listing.equal("test_clock", clock),
        listing.equal("collection_method", params.choice("collection_method", COLLECTION)),
        None
        if price is None
        else lambda one: any(item.price.id == price for item in one.items.data),
    )
    return lambda world, _: listing.page(
        world.subscriptions,
        "subscription",
        _URL,
        cursor,
        among=listing.of_customer(world.subscriptions, customer),
        where=where,
    )


def search_all(params: Params, _: str) -> Execution:
    """GET /v1/subscriptions/search."""
    return listing.searched(params, "subscription", _URL)


def create_item(params: Params, _: str) -> Execution:
    """POST /v1/subscription_items."""
    subscription = params.required("subscription")
    item_asked = billing_params.item(params, known=False)
    how = _how(params)

    def execute(world: World, cause: EventRequest) -> Answer:
        found = subscribing.require(world, subscription, status=400)
        changed = _changed(world, found, item_asked, how, cause)
        return subscribing.require_item(world, changed.items.data[-1].id)

    return execute


def retrieve_item(_: Params, identifier: str) -> Execution:
    """GET /v1/subscription_items/{id}."""
    return lambda world, _: subscribing.require_item(world, identifier)


def update_item(params: Params, identifier: str) -> Execution:
    """POST /v1/subscription_items/{id}."""
    price, quantity = params.string("price"), params.integer("quantity", minimum=0)
    item_asked = WantedItem(
        id=identifier, price=price, quantity=quantity, metadata=params.metadata()
    )
    how = _how(params)

    def execute(world: World, cause: EventRequest) -> Answer:
        item = subscribing.require_item(world, identifier)
        subscription = subscribing.require(world, item.subscription)
        _changed(world, subscription, item_asked, how, cause)
        return subscribing.require_item(world, identifier)

    return execute


def delete_item(params: Params, identifier: str) -> Execution:
    """DELETE /v1/subscription_items/{id}."""
    params.boolean("clear_usage")
    item_asked = WantedItem(id=identifier, deleted=True)
    how = _how(params)

    def execute(world: World, cause: EventRequest) -> Answer:
        item = subscribing.require_item(world, identifier)
        subscription = subscribing.require(world, item.subscription)
        _changed(world, subscription, item_asked, how, cause)
        return Deleted(id=identifier, object="subscription_item")

    return execute


def list_items(params: Params, _: str) -> Execution:
    """GET /v1/subscription_items of one subscription."""
    cursor = listing.cursor(params)
    subscription = params.required("subscription")

    def execute(world: World, _: EventRequest) -> Answer:
        found = subscribing.require(world, subscription, status=400)
        return listing.part(found.items.data, "subscription_item", "/v1/subscription_items", cursor)

    return execute


def _changed(
    world: World,
    subscription: Subscription,
    wanted: WantedItem,
    how: dict[str, Any],
    cause: EventRequest,
) -> Subscription:
    with clocks.time_of(world, subscription.customer):
        request = UpdateSubscription(items=(wanted,), **how)
        return changing.update(world, subscription.id, request, cause)


def _how(params: Params) -> dict[str, Any]:
    refuse(params, "billing_thresholds", "discounts", "tax_rates")
    params.boolean("off_session")
    return {
        "proration": params.choice("proration_behavior", PRORATIONS) or "create_prorations",
        "proration_date": params.integer("proration_date", minimum=0),
        "payment_behavior": params.choice("payment_behavior", _BEHAVIORS) or "allow_incomplete",
    }


def _timed(identifier: str, does: Callable[[World, EventRequest], Any]) -> Execution:
    """Do something to a subscription in its customer's time."""

    def execute(world: World, cause: EventRequest) -> Answer:
        subscription = subscribing.require(world, identifier)
        with clocks.time_of(world, subscription.customer):
            answer: Answer = does(world, cause)
            return answer

    return execute


def _extras(params: Params) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    off(params, "automatic_tax")
    params.opaque("invoice_settings")
    for name in ("description", "default_payment_method"):
        if params.has(name):
            extras[name] = params.string(name)
    if params.has("cancel_at_period_end"):
        extras["cancel_at_period_end"] = params.boolean("cancel_at_period_end")
    if params.is_empty("cancel_at"):
        extras["cancel_at"] = params.string("cancel_at")
    elif params.has("cancel_at"):
        extras["cancel_at"] = params.integer("cancel_at", minimum=0)
    settings = billing_params.payment_settings(params)
    if settings is not None:
        extras["payment_settings"] = settings
    return extras


def _collection(params: Params) -> tuple[str | None, int | None]:
    method = params.choice("collection_method", COLLECTION)
    days = params.integer("days_until_due", minimum=1)
    if method == "send_invoice" and days is None:
        raise params.missing("days_until_due")
    return method, days


def trial_end(params: Params) -> tuple[int | None, bool]:
    """Return when a trial is to end, and whether it is to end now."""
    if params.is_("trial_end", "now"):
        params.string("trial_end")
        return None, True
    return params.integer("trial_end", minimum=0), False


def _pause(params: Params) -> dict[str, Any] | None:
    pause = params.mapping("pause_collection")
    if pause is None:
        return None
    behavior = pause.choice("behavior", ("keep_as_draft", "mark_uncollectible", "void"))
    if behavior is None:
        raise pause.missing("behavior")
    found = {"behavior": behavior, "resumes_at": pause.integer("resumes_at", minimum=0)}
    pause.finish()
    return found


def _details(params: Params) -> dict[str, Any] | None:
    given = params.mapping("cancellation_details")
    if given is None:
        return None
    details: dict[str, Any] = {}
    if given.has("comment"):
        details["comment"] = given.string("comment")
    if given.has("feedback"):
        details["feedback"] = given.choice("feedback", _FEEDBACK)
    given.finish()
    return details


def _in_status(status: str | None) -> listing.Where | None:
    if status == "all":
        return None
    if status is None:
        return lambda one: bool(one.status != "canceled")
    if status == "ended":
        return lambda one: one.status in subscriptions.OVER
    return listing.equal("status", status)


def _require_times(world: World, request: CreateSubscription) -> None:
    for name, time in (("trial_end", request.trial_end), ("billing_cycle_anchor", request.anchor)):
        if time is not None and time <= world.now():
            raise StripeError(400, f"Invalid timestamp: {name} must be in the future.", param=name)


def _require_method(world: World, extras: dict[str, Any], customer: str) -> None:
    method = extras.get("default_payment_method")
    if method is not None and method not in world.methods_of.get(customer, ()):
        raise StripeError(
            400,
            f"The customer does not have a payment method with the ID {method}. The payment "
            "method must be attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
