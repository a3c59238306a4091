"""Parameters that subscriptions, invoices and Checkout Sessions share. All raise ``Refused``."""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain.coupons import WantedDiscount
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.invoice_items import CreateItem
from paidonce.harness.simulator.domain.subscribing import WantedItem
from paidonce.harness.simulator.endpoints.catalog_routes import price_data
from paidonce.harness.simulator.wire.params import Params

COLLECTION = ("charge_automatically", "send_invoice")
_MOST = 10_000_000


def discounts(params: Params, *, most: int = 20) -> tuple[WantedDiscount, ...] | None:
    """``discounts``, each a coupon or a promotion code; None where it is absent."""
    if not params.has("discounts"):
        return None
    found = []
    for one in params.mappings("discounts") or ():
        coupon, code = one.string("coupon"), one.string("promotion_code")
        if (coupon is None) == (code is None):
            raise Refused(
                400,
                "Each of discounts has either a coupon or a promotion_code.",
                param=one.name("coupon"),
            )
        one.finish()
        found.append(WantedDiscount(coupon=coupon, promotion_code=code))
    if len(found) > most:
        raise Refused(400, f"There may be at most {most} discounts.", param="discounts")
    return tuple(found)


def items(params: Params, *, known: bool) -> tuple[WantedItem, ...]:
    """``items`` of a subscription; where they are ``known`` they may be changed by their ids."""
    found = []
    for one in params.mappings("items") or ():
        found.append(item(one, known=known))
        one.finish()
    return tuple(found)


def item(params: Params, *, known: bool) -> WantedItem:
    """One item of a subscription, as the parameters at this level describe it."""
    identifier = params.string("id") if known else None
    price = params.string("price") or params.string("plan")
    data = params.mapping("price_data")
    made = None
    if data is not None:
        made = price_data(data, inline=True)
        data.finish()
    if price is not None and made is not None:
        raise Refused(
            400,
            "You may only specify one of these parameters: price, price_data.",
            param=params.name("price"),
        )
    if price is None and made is None and identifier is None:
        raise params.missing("price")
    return WantedItem(
        id=identifier,
        price=price,
        price_data=made,
        quantity=params.integer("quantity", minimum=0, maximum=_MOST),
        deleted=known and params.boolean("deleted"),
        metadata=params.metadata(),
    )


def added(params: Params, customer: str) -> tuple[CreateItem, ...]:
    """``add_invoice_items``, which are paid once, with the next invoice."""
    found = []
    for one in params.mappings("add_invoice_items") or ():
        price, data = one.string("price"), one.mapping("price_data")
        made = None
        if data is not None:
            made = price_data(data, inline=True)
            data.finish()
        if (price is None) == (made is None):
            raise one.missing("price")
        quantity = one.integer("quantity", minimum=0, maximum=_MOST)
        one.finish()
        found.append(
            CreateItem(
                customer=customer,
                price=price,
                price_data=made,
                quantity=1 if quantity is None else quantity,
            )
        )
    return tuple(found)


def trial_settings(params: Params) -> str:
    """The ways in which a trial ends where nothing can pay."""
    settings = params.mapping("trial_settings")
    if settings is None:
        return "create_invoice"
    behavior = settings.mapping("end_behavior")
    if behavior is None:
        raise settings.missing("end_behavior")
    choices = ("cancel", "create_invoice", "pause")
    choice = behavior.choice("missing_payment_method", choices)
    if choice is None:
        raise behavior.missing("missing_payment_method")
    behavior.finish()
    settings.finish()
    return choice


def payment_settings(params: Params) -> dict[str, Any] | None:
    """``payment_settings``: which of a subscription's methods is kept, and what may pay."""
    given = params.mapping("payment_settings")
    if given is None:
        return None
    types = given.strings("payment_method_types")
    given.opaque("payment_method_options")
    kept = given.choice("save_default_payment_method", ("off", "on_subscription"))
    given.finish()
    return {
        "payment_method_options": None,
        "payment_method_types": None if types is None else list(types),
        "save_default_payment_method": kept or "off",
    }


def refuse(params: Params, *names: str) -> None:
    """Refuse by name what would matter and is not simulated."""
    for name in names:
        if params.has(name):
            raise Refused(400, f"{params.name(name)} is not simulated.", param=params.name(name))


def off(params: Params, *names: str) -> None:
    """Take what is switched off, and refuse it where it is not."""
    for name in names:
        nested = params.mapping(name)
        if nested is None:
            continue
        if nested.boolean("enabled"):
            raise Refused(400, f"{name} is not simulated: enabled must be false.", param=name)
        nested.finish()
