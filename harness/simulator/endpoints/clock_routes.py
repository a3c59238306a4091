"""The endpoints of test clocks, coupons and promotion codes.

Parameters: https://docs.stripe.com/api/test_clocks, https://docs.stripe.com/api/coupons,
https://docs.stripe.com/api/promotion_codes.
"""

from __future__ import annotations

import re
from typing import Any

from paidonce.harness.simulator.domain import agenda, clocks, coupons, customers
from paidonce.harness.simulator.domain.coupons import CreateCoupon, CreatePromotionCode
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import listing
from paidonce.harness.simulator.endpoints.billing_params import refuse
from paidonce.harness.simulator.endpoints.intent_params import currency, new_metadata
from paidonce.harness.simulator.endpoints.listing import Answer, Execution
from paidonce.harness.simulator.wire.params import Params

_CLOCKS = "/v1/test_helpers/test_clocks"
_CODE = re.compile(r"[A-Za-z0-9_-]{1,500}")
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,4})?")


def create_clock(params: Params, _: str) -> Execution:
    """POST /v1/test_helpers/test_clocks."""
    time = params.integer("frozen_time", minimum=0)
    if time is None:
        raise params.missing("frozen_time")
    name = params.string("name", max_length=300)
    return lambda world, cause: clocks.create(world, time, name, cause)


def retrieve_clock(_: Params, identifier: str) -> Execution:
    """GET /v1/test_helpers/test_clocks/{id}."""
    return lambda world, _: clocks.require(world, identifier)


def advance_clock(params: Params, identifier: str) -> Execution:
    """POST /v1/test_helpers/test_clocks/{id}/advance."""
    time = params.integer("frozen_time", minimum=0)
    if time is None:
        raise params.missing("frozen_time")
    return lambda world, cause: agenda.advance(world, identifier, time, cause)


def delete_clock(_: Params, identifier: str) -> Execution:
    """DELETE /v1/test_helpers/test_clocks/{id}, with the customers that live in its time."""

    def execute(world: World, cause: EventRequest) -> Answer:
        clock = clocks.require(world, identifier)
        for customer in [
            customer for customer in world.customers if customer.test_clock == identifier
        ]:
            if customer.id not in world.deleted:
                customers.delete(world, customer.id, cause)
        world.deleted.add(identifier)
        world.emit("test_helpers.test_clock.deleted", clock, cause)
        return Deleted(id=identifier, object="test_helpers.test_clock")

    return execute


def list_clocks(params: Params, _: str) -> Execution:
    """GET /v1/test_helpers/test_clocks."""
    cursor = listing.cursor(params)
    return lambda world, _: listing.page(
        world.test_clocks, "test clock", _CLOCKS, cursor, where=listing.there(world)
    )


def create_coupon(params: Params, _: str) -> Execution:
    """POST /v1/coupons."""
    refuse(params, "currency_options")
    extras: dict[str, Any] = {}
    percent = params.string("percent_off")
    off = params.integer("amount_off", minimum=1)
    code = params.string("currency")
    if (percent is None) == (off is None):
        raise Refused(
            400,
            "You must specify either `percent_off` or `amount_off`.",
            param="percent_off",
        )
    if percent is not None:
        if not _PERCENT.fullmatch(percent) or not 0 < float(percent) <= 100:
            raise Refused(
                400, "percent_off must be greater than 0 and at most 100.", param="percent_off"
            )
        extras["percent_off"] = float(percent)
    else:
        if code is None:
            raise params.missing("currency")
        extras |= {"amount_off": off, "currency": currency(code)}
    extras["duration"] = params.choice("duration", ("forever", "once", "repeating")) or "once"
    months = params.integer("duration_in_months", minimum=1)
    if (months is None) != (extras["duration"] != "repeating"):
        raise Refused(
            400,
            "duration_in_months goes with a duration of repeating, and with no other.",
            param="duration_in_months",
        )
    extras["duration_in_months"] = months
    extras["max_redemptions"] = params.integer("max_redemptions", minimum=1)
    extras["redeem_by"] = params.integer("redeem_by", minimum=0)
    extras["name"] = params.string("name", max_length=40)
    applies = params.mapping("applies_to")
    products = None
    if applies is not None:
        products = applies.strings("products")
        applies.finish()
    request = CreateCoupon(
        id=params.string("id"), metadata=new_metadata(params), products=products, extras=extras
    )
    return lambda world, cause: coupons.create(world, request, cause)


def retrieve_coupon(_: Params, identifier: str) -> Execution:
    """GET /v1/coupons/{id}."""
    return lambda world, _: coupons.require(world, identifier)


def update_coupon(params: Params, identifier: str) -> Execution:
    """POST /v1/coupons/{id}."""
    refuse(params, "currency_options")
    metadata = params.metadata()
    changes = {"name": params.string("name", max_length=40)} if params.has("name") else {}
    return lambda world, cause: coupons.update(world, identifier, changes, metadata, cause)


def delete_coupon(_: Params, identifier: str) -> Execution:
    """DELETE /v1/coupons/{id}."""
    return lambda world, cause: coupons.delete(world, identifier, cause)


def list_coupons(params: Params, _: str) -> Execution:
    """GET /v1/coupons."""
    cursor, where = listing.cursor(params), listing.created(params)
    return lambda world, _: listing.page(
        world.coupons,
        "coupon",
        "/v1/coupons",
        cursor,
        where=listing.both(where, listing.there(world)),
    )


def create_code(params: Params, _: str) -> Execution:
    """POST /v1/promotion_codes."""
    promotion, coupon = params.mapping("promotion"), params.string("coupon")
    if promotion is not None:
        if promotion.choice("type", ("coupon",)) is None:
            raise promotion.missing("type")
        coupon = promotion.required("coupon")
        promotion.finish()
    if coupon is None:
        raise params.missing("promotion")
    code = params.string("code")
    if code is not None and not _CODE.fullmatch(code):
        raise Refused(
            400, "code may have letters, digits, hyphens and underscores only.", param="code"
        )
    extras: dict[str, Any] = {
        "active": params.boolean("active", True),
        "customer": params.string("customer"),
        "expires_at": params.integer("expires_at", minimum=0),
        "max_redemptions": params.integer("max_redemptions", minimum=1),
    }
    request = CreatePromotionCode(
        coupon=coupon,
        code=code,
        metadata=new_metadata(params),
        restrictions=_restrictions(params),
        extras=extras,
    )
    return lambda world, cause: coupons.create_code(world, request, cause)


def retrieve_code(_: Params, identifier: str) -> Execution:
    """GET /v1/promotion_codes/{id}."""
    return lambda world, _: coupons.require_code(world, identifier)


def update_code(params: Params, identifier: str) -> Execution:
    """POST /v1/promotion_codes/{id}."""
    refuse(params, "restrictions")
    metadata = params.metadata()
    active = params.boolean("active") if params.has("active") else None
    return lambda world, cause: coupons.update_code(world, identifier, active, metadata, cause)


def list_codes(params: Params, _: str) -> Execution:
    """GET /v1/promotion_codes, by code, coupon or customer if asked."""
    cursor = listing.cursor(params)
    active = params.boolean("active") if params.has("active") else None
    code, coupon = params.string("code"), params.string("coupon")
    where = listing.both(
        listing.created(params),
        listing.equal("active", active),
        listing.equal("customer", params.string("customer")),
        None if code is None else lambda one: bool(one.code.casefold() == code.casefold()),
        None if coupon is None else lambda one: bool(one.promotion["coupon"] == coupon),
    )
    return lambda world, _: listing.page(
        world.promotion_codes, "promotion code", "/v1/promotion_codes", cursor, where=where
    )


def _restrictions(params: Params) -> dict[str, Any]:
    given = params.mapping("restrictions")
    restrictions: dict[str, Any] = {
        "first_time_transaction": False,
        "minimum_amount": None,
        "minimum_amount_currency": None,
    }
    if given is None:
        return restrictions
    refuse(given, "currency_options")
    restrictions["first_time_transaction"] = given.boolean("first_time_transaction")
    restrictions["minimum_amount"] = given.integer("minimum_amount", minimum=1)
    code = given.string("minimum_amount_currency")
    if (code is None) != (restrictions["minimum_amount"] is None):
        raise given.missing("minimum_amount_currency")
    restrictions["minimum_amount_currency"] = None if code is None else currency(code)
    given.finish()
    return restrictions
