"""Coupons and promotion codes: what takes something off, for as many as it may.

A coupon is *redeemed* when it is applied to a subscription or an invoice, or when the page of a
Checkout Session with it is submitted; each is one change of the world, so that one has the last
redemption. A session that expires gives its redemption back. Sources:
https://docs.stripe.com/api/coupons, https://docs.stripe.com/api/promotion_codes,
https://docs.stripe.com/billing/subscriptions/coupons.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain.billing_objects import Coupon, Discount, PromotionCode
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.intent_checks import require_customer
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest, Metadata
from paidonce.harness.simulator.domain.periods import boundary
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


class WantedDiscount(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon or a promotion code that a request applies; exactly one of them."""

    coupon: str | None = None
    promotion_code: str | None = None


class CreateCoupon(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new coupon; ``extras`` are attributes taken over as they are."""

    id: str | None = None
    metadata: Metadata = {}
    products: tuple[str, ...] | None = None
    extras: dict[str, Any] = {}


class CreatePromotionCode(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new promotion code."""

    coupon: str
    code: str | None = None
    metadata: Metadata = {}
    restrictions: dict[str, Any] = {}
    extras: dict[str, Any] = {}


def require(world: World, identifier: str, *, status: int = 404, param: str = "coupon") -> Coupon:
    """The coupon of that id; 404 (or ``status``) where there is none, or none any more."""
    coupon = world.coupons.get(identifier)
    if coupon is None or identifier in world.deleted:
        raise no_such("coupon", identifier, param, status=status)
    return coupon


def require_code(world: World, identifier: str, *, status: int = 404) -> PromotionCode:
    """The promotion code of that id; 404 (or ``status``) otherwise."""
    code = world.promotion_codes.get(identifier)
    if code is None:
        raise no_such("promotion code", identifier, "promotion_code", status=status)
    return code


def create(world: World, request: CreateCoupon, cause: EventRequest) -> Coupon:
    """A new coupon; 400 ``resource_already_exists`` where its id was given to another."""
    known = request.id is not None and request.id in world.coupons
    if known and request.id not in world.deleted:
        raise StripeError(400, "Coupon already exists.", code="resource_already_exists", param="id")
    applies: dict[str, Any] = {}
    if request.products is not None:
        applies = {"applies_to": {"products": list(request.products)}}
    coupon = Coupon(
        id=request.id or world.ids.draw(""),
        created=world.now(),
        metadata=request.metadata,
        **applies,
        **request.extras,
    )
    if request.id is not None:
        world.deleted.discard(request.id)
    world.coupons.put(coupon)
    if coupon.redeem_by is not None:
        world.plan(coupon.redeem_by - world.at(), "coupon", coupon.id)
    world.emit("coupon.created", coupon, cause)
    return coupon


def update(
    world: World,
    identifier: str,
    changes: dict[str, Any],
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Coupon:
    """Change a coupon's name and metadata, which alone may change."""
    before = require(world, identifier)
    coupon = replace(before, **changes, metadata=as_asked(before.metadata, metadata))
    world.coupons.put(coupon)
    previous = {name: getattr(before, name) for name in (*changes, "metadata")}
    world.emit("coupon.updated", coupon, cause, previous)
    return coupon


def delete(world: World, identifier: str, cause: EventRequest) -> Deleted:
    """Delete a coupon: nobody can redeem it any more, and those who have keep it."""
    coupon = require(world, identifier)
    world.deleted.add(identifier)
    world.emit("coupon.deleted", coupon, cause)
    return Deleted(id=identifier, object="coupon")


def create_code(world: World, request: CreatePromotionCode, cause: EventRequest) -> PromotionCode:
    """A new promotion code; 400 where an active one has that code, or the coupon is spent."""
    coupon = require(world, request.coupon, status=400)
    require_customer(world, request.extras.get("customer"))
    if not coupon.valid:
        raise StripeError(
            400, f"Coupon expired: {coupon.id}", code="coupon_expired", param="coupon"
        )
    _require_within(world, coupon, request)
    text = request.code or world.ids.draw("")[:8].upper()
    if _active(world, text) is not None:
        raise StripeError(
            400, f"An active promotion code with `code: {text}` already exists.", param="code"
        )
    code = PromotionCode(
        id=world.ids.draw("promo_"),
        code=text,
        created=world.now(),
        metadata=request.metadata,
        promotion={"coupon": coupon.id, "type": "coupon"},
        restrictions=request.restrictions,
        **request.extras,
    )
    world.promotion_codes.put(code)
    if code.expires_at is not None:
        world.plan(code.expires_at - world.at(), "promotion_code", code.id)
    world.emit("promotion_code.created", code, cause)
    return code


def _require_within(world: World, coupon: Coupon, request: CreatePromotionCode) -> None:
    """400 for limits that have passed, or that the coupon's own do not allow.

    Source: https://docs.stripe.com/api/promotion_codes/create.
    """
    until, most = request.extras.get("expires_at"), request.extras.get("max_redemptions")
    if until is not None and until <= world.now():
        raise StripeError(400, "expires_at must be in the future.", param="expires_at")
    if until is not None and coupon.redeem_by is not None and until > coupon.redeem_by:
        raise StripeError(
            400, "expires_at cannot be after the coupon's redeem_by.", param="expires_at"
        )
    limit = coupon.max_redemptions
    if most is not None and limit is not None and most > limit:
        raise StripeError(
            400,
            "max_redemptions cannot be greater than the coupon's max_redemptions.",
            param="max_redemptions",
        )


def update_code(
    world: World,
    identifier: str,
    active: bool | None,
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> PromotionCode:
    """Change whether a code is active, and its metadata."""
    before = require_code(world, identifier)
    if active and not before.active:
        coupon = world.coupons[before.promotion["coupon"]]
        if not coupon.valid or coupon.id in world.deleted or _over(world, before):
            raise StripeError(
                400,
                "This promotion code cannot be reactivated because it, or its coupon, is no "
                "longer valid.",
                param="active",
            )
    code = replace(
        before,
        active=before.active if active is None else active,
        metadata=as_asked(before.metadata, metadata),
    )
    world.promotion_codes.put(code)
    world.emit("promotion_code.updated", code, cause, {"active": before.active})
    return code


def by_text(world: World, text: str) -> PromotionCode:
    """The active code that a customer has typed; 400 where there is none."""
    code = _active(world, text)
    if code is None:
        raise StripeError(400, f"No such promotion code: '{text}'", param="promotion_code")
    return code


def usable(
    world: World, wanted: WantedDiscount, customer: str | None, amount: int, currency: str
) -> Coupon:
    """The coupon that would be redeemed; 400 where it may not be, or not by that customer."""
    if wanted.promotion_code is None:
        assert wanted.coupon is not None
        coupon = require(world, wanted.coupon, status=400)
    else:
        code = require_code(world, wanted.promotion_code, status=400)
        coupon = world.coupons[code.promotion["coupon"]]
        _require_usable_code(world, code, customer, amount, currency)
    if not coupon.valid or coupon.id in world.deleted:
        raise StripeError(
            400, f"Coupon expired: {coupon.id}", code="coupon_expired", param="coupon"
        )
    if coupon.amount_off is not None and coupon.currency != currency:
        raise StripeError(
            400,
            f"The coupon {coupon.id} takes off {coupon.currency} and cannot be applied to "
            f"{currency}.",
            param="coupon",
        )
    return coupon


def redeem(
    world: World,
    wanted: WantedDiscount,
    customer: str | None,
    amount: int,
    currency: str,
    **applied_to: Any,
) -> Discount:
    """Use a coupon once more, if it may be; the discount that it makes from now on.

    ``applied_to`` names what it is of: ``subscription``, ``invoice`` or ``checkout_session``.
    """
    coupon = usable(world, wanted, customer, amount, currency)
    times = coupon.times_redeemed + 1
    over = coupon.max_redemptions is not None and times >= coupon.max_redemptions
    world.coupons.put(replace(coupon, times_redeemed=times, valid=not over))
    if wanted.promotion_code is not None:
        code = world.promotion_codes[wanted.promotion_code]
        code = replace(code, times_redeemed=code.times_redeemed + 1)
        world.promotion_codes.put(replace(code, active=not _over(world, code)))
    end = None
    if coupon.duration == "repeating":
        assert coupon.duration_in_months is not None
        end = boundary(world.now(), "month", coupon.duration_in_months, 1)
    discount = Discount(
        id=world.ids.draw("di_"),
        customer=customer,
        end=end,
        promotion_code=wanted.promotion_code,
        source={"coupon": coupon.id, "type": "coupon"},
        start=world.now(),
        **applied_to,
    )
    world.discounts.put(discount)
    return discount


def give_back(world: World, identifier: str) -> None:
    """Take a redemption back: what it was for has come to nothing."""
    discount = world.discounts[identifier]
    coupon = world.coupons[discount.source["coupon"]]
    over = coupon.redeem_by is not None and coupon.redeem_by <= world.at()
    world.coupons.put(replace(coupon, times_redeemed=coupon.times_redeemed - 1, valid=not over))
    if discount.promotion_code is not None:
        code = world.promotion_codes[discount.promotion_code]
        was_over = _over(world, code)
        code = replace(code, times_redeemed=code.times_redeemed - 1)
        again = was_over and not _over(world, code)
        world.promotion_codes.put(replace(code, active=code.active or again))


def lapse(world: World, identifier: str) -> None:
    """A coupon's time to be redeemed is over."""
    world.coupons.put(replace(world.coupons[identifier], valid=False))


def lapse_code(world: World, identifier: str) -> None:
    """A promotion code's time is over."""
    world.promotion_codes.put(replace(world.promotion_codes[identifier], active=False))


def taken_off(coupon: Coupon, amount: int) -> int:
    """Return what the coupon takes off ``amount``, never more than that."""
    if amount <= 0:
        return 0
    if coupon.percent_off is None:
        return min(amount, coupon.amount_off or 0)
    # Percentages have up to four digits after the point: counted in whole parts, and rounded once.
    return min(amount, (amount * round(coupon.percent_off * 10_000) + 500_000) // 1_000_000)


def counts_for(coupon: Coupon, product: str | None) -> bool:
    """Return whether the coupon is for that product."""
    applies = coupon.applies_to
    return applies is msgspec.UNSET or product in applies["products"]


def _require_usable_code(
    world: World, code: PromotionCode, customer: str | None, amount: int, currency: str
) -> None:
    if not code.active or _over(world, code):
        why = "This promotion code is no longer active, or has been redeemed as often as it may be."
    elif code.customer not in (None, customer):
        why = "This promotion code is for another customer."
    elif code.restrictions["first_time_transaction"] and _has_paid(world, customer):
        why = "This promotion code is for customers who have not paid before."
    elif code.restrictions["minimum_amount"] is not None and (
        code.restrictions["minimum_amount_currency"] != currency
        or amount < code.restrictions["minimum_amount"]
    ):
        why = "The amount is below the minimum amount of this promotion code."
    else:
        return
    raise StripeError(400, why, code="promotion_code_invalid", param="promotion_code")


def _over(world: World, code: PromotionCode) -> bool:
    if code.expires_at is not None and code.expires_at <= world.at():
        return True
    return code.max_redemptions is not None and code.times_redeemed >= code.max_redemptions


def _has_paid(world: World, customer: str | None) -> bool:
    if customer is None:
        return False
    ids = world.charges.having("customer", lambda charge: charge.customer, customer)
    return any(world.charges[one].paid for one in ids)


def _active(world: World, text: str) -> PromotionCode | None:
    """The active code of that text, whatever its case."""
    folded = text.casefold()
    ids = world.promotion_codes.having("code", _folded, folded)
    return next((code for one in ids if (code := world.promotion_codes[one]).active), None)


def _folded(code: Any) -> str:
    text: str = code.code
    return text.casefold()
