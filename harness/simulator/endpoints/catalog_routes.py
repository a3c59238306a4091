"""The endpoints of products and prices.

Parameters: https://docs.stripe.com/api/products, https://docs.stripe.com/api/prices.
"""

from __future__ import annotations

import re
from typing import Any

from paidonce.harness.simulator.domain import catalog, money
from paidonce.harness.simulator.domain.catalog import CreatePrice, CreateProduct
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.metadata import merged
from paidonce.harness.simulator.domain.objects import EventRequest
from paidonce.harness.simulator.domain.state import World
from paidonce.harness.simulator.endpoints import listing
from paidonce.harness.simulator.endpoints.intent_params import currency
from paidonce.harness.simulator.endpoints.listing import Answer, Execution, Where
from paidonce.harness.simulator.wire.params import Params

_TEXTS = ("description", "statement_descriptor", "tax_code", "unit_label", "url")
_TAX = ("exclusive", "inclusive", "unspecified")
_LONGEST = {"day": 1095, "week": 156, "month": 36, "year": 3}
"""Three years at most (https://docs.stripe.com/api/prices/create#create_price-recurring)."""
_NOT_SIMULATED = {
    "tiers": "Prices in tiers are",
    "transform_quantity": "Prices for several at once are",
    "custom_unit_amount": "Prices that the payer chooses are",
    "currency_options": "Prices in several currencies are",
}


def create_product(params: Params, _: str) -> Execution:
    """POST /v1/products, with a first price if asked."""
    request = product(params, identifier=params.string("id"))
    data = params.mapping("default_price_data")
    first = None
    if data is not None:
        first = price_data(data, of_product=False)
        data.finish()

    def execute(world: World, cause: EventRequest) -> Answer:
        made = catalog.create_product(world, request, cause)
        if first is None:
            return made
        priced = catalog.create_price(world, catalog.replace(first, product=made.id), cause)
        return catalog.update_product(world, made.id, {"default_price": priced.id}, None, cause)

    return execute


def retrieve_product(_: Params, identifier: str) -> Execution:
    """GET /v1/products/{id}."""
    return lambda world, _: catalog.retrieve_product(world, identifier)


def update_product(params: Params, identifier: str) -> Execution:
    """POST /v1/products/{id}."""
    metadata = params.metadata()
    changes = _product_extras(params)
    if params.has("name"):
        changes["name"] = params.required("name")
    if params.has("active"):
        changes["active"] = params.boolean("active")
    if params.has("images"):
        changes["images"] = list(params.strings("images") or ())
    if params.has("default_price"):
        changes["default_price"] = params.string("default_price")
    return lambda world, cause: catalog.update_product(world, identifier, changes, metadata, cause)


def delete_product(_: Params, identifier: str) -> Execution:
    """DELETE /v1/products/{id}."""
    return lambda world, cause: catalog.delete_product(world, identifier, cause)


def list_products(params: Params, _: str) -> Execution:
    """GET /v1/products."""
    cursor = listing.cursor(params)
    active = params.boolean("active") if params.has("active") else None
    ids = params.strings("ids")
    where = listing.both(
        listing.created(params),
        listing.equal("active", active),
        listing.equal("url", params.string("url")),
        _among("id", ids),
    )

    def execute(world: World, _: EventRequest) -> Answer:
        there: Where = lambda found: found.id not in world.deleted  # noqa: E731
        return listing.page(
            world.products, "product", "/v1/products", cursor, where=listing.both(where, there)
        )

    return execute


def search_products(params: Params, _: str) -> Execution:
    """GET /v1/products/search."""
    return listing.searched(params, "product", "/v1/products")


def search_prices(params: Params, _: str) -> Execution:
    """GET /v1/prices/search."""
    return listing.searched(params, "price", "/v1/prices")


def create_price(params: Params, _: str) -> Execution:
    """POST /v1/prices."""
    request = price_data(params)
    return lambda world, cause: catalog.create_price(world, request, cause)


def retrieve_price(_: Params, identifier: str) -> Execution:
    """GET /v1/prices/{id}."""
    return lambda world, _: catalog.require_price(world, identifier)


def update_price(params: Params, identifier: str) -> Execution:
    """POST /v1/prices/{id}."""
    metadata = params.metadata()
    changes: dict[str, Any] = {}
    if params.has("active"):
        changes["active"] = params.boolean("active")
    for name in ("nickname", "lookup_key"):
        if params.has(name):
            changes[name] = params.string(name)
    if params.has("tax_behavior"):
        changes["tax_behavior"] = params.choice("tax_behavior", _TAX)
    transfer = params.boolean("transfer_lookup_key")
    return lambda world, cause: catalog.update_price(
        world, identifier, changes, metadata, transfer, cause
    )


def list_prices(params: Params, _: str) -> Execution:
    """GET /v1/prices, of one product if asked."""
    cursor = listing.cursor(params)
    active = params.boolean("active") if params.has("active") else None
    where = listing.both(
        listing.created(params),
        listing.equal("active", active),
        listing.equal("currency", params.string("currency")),
        listing.equal("type", params.choice("type", ("one_time", "recurring"))),
        _recurs(params),
        _among("lookup_key", params.strings("lookup_keys")),
    )
    of = params.string("product")

    def execute(world: World, _: EventRequest) -> Answer:
        among = None if of is None else world.prices_of.get(of, ())
        return listing.page(world.prices, "price", "/v1/prices", cursor, among=among, where=where)

    return execute


def product(params: Params, *, identifier: str | None = None) -> CreateProduct:
    """A product as the parameters at this level describe it. Raises ``Refused``."""
    return CreateProduct(
        name=params.required("name"),
        id=identifier,
        active=params.boolean("active", True),
        metadata=merged({}, params.metadata() or {}),
        images=params.strings("images") or (),
        extras=_product_extras(params),
    )


def price_data(params: Params, *, of_product: bool = True, inline: bool = False) -> CreatePrice:
    """A price as the parameters at this level describe it.

    ``of_product`` says that the product is among them; ``inline`` that the price is made for one
    session alone, and is for nobody else. Raises ``Refused``.
    """
    for name, what in _NOT_SIMULATED.items():
        if params.has(name):
            raise Refused(400, f"{what} not simulated.", param=params.name(name))
    which = params.string("product") if of_product else None
    data = params.mapping("product_data") if of_product else None
    if of_product and (which is None) == (data is None):
        raise params.missing("product")
    made = None
    if data is not None:
        made = product(data, identifier=data.string("id"))
        data.finish()
    return CreatePrice(
        currency=currency(params.required("currency")),
        unit_amount=_unit_amount(params),
        recurring=_recurring(params),
        product=which,
        product_data=made,
        active=not inline and params.boolean("active", True),
        lookup_key=None if inline else params.string("lookup_key"),
        transfer_lookup_key=not inline and params.boolean("transfer_lookup_key"),
        metadata={} if inline else merged({}, params.metadata() or {}),
        nickname=None if inline else params.string("nickname"),
        tax_behavior=params.choice("tax_behavior", _TAX) or "unspecified",
    )


def _recurring(params: Params) -> dict[str, Any] | None:
    """Return how often a price is paid; None for once."""
    given = params.mapping("recurring")
    if given is None:
        return None
    interval = given.choice("interval", _LONGEST)
    if interval is None:
        raise given.missing("interval")
    for name in ("meter", "aggregate_usage", "trial_period_days"):
        if given.has(name):
            raise Refused(400, f"{given.name(name)} is not simulated.", param=given.name(name))
    if given.choice("usage_type", ("licensed", "metered")) == "metered":
        raise Refused(400, "Prices by use are not simulated.", param=given.name("usage_type"))
    most = _LONGEST[interval]
    count = given.integer("interval_count", minimum=1, maximum=most) or 1
    given.finish()
    return {
        "interval": interval,
        "interval_count": count,
        "meter": None,
        "usage_type": "licensed",
    }


def _unit_amount(params: Params) -> int:
    """``unit_amount``, or ``unit_amount_decimal`` where that is a whole number."""
    amount = params.integer("unit_amount", minimum=0, maximum=money.MAXIMUM)
    decimal = params.string("unit_amount_decimal")
    if amount is None and decimal is not None:
        if not (decimal.isascii() and decimal.isdigit() and int(decimal) <= money.MAXIMUM):
            raise Refused(
                400,
                "Prices of parts of the smallest unit are not simulated: unit_amount_decimal must "
                f"be a whole number of at most {money.MAXIMUM}.",
                param=params.name("unit_amount_decimal"),
            )
        return int(decimal)
    if amount is None:
        raise params.missing("unit_amount")
    return amount


def _product_extras(params: Params) -> dict[str, Any]:
    product_extras: dict[str, Any] = {
        name: params.string(name) for name in _TEXTS if params.has(name)
    }
    dimensions = params.mapping("package_dimensions")
    if dimensions is not None:
        sides = ("height", "length", "weight", "width")
        product_extras["package_dimensions"] = {name: _number(dimensions, name) for name in sides}
        dimensions.finish()
    if params.has("shippable"):
        product_extras["shippable"] = params.boolean("shippable")
    return product_extras


def _number(params: Params, name: str) -> float:
    text = params.required(name)
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        raise Refused(400, f"Invalid decimal: {text}", param=params.name(name))
    return float(text)


def _recurs(params: Params) -> Where | None:
    given = params.mapping("recurring")
    if given is None:
        return None
    interval = given.choice("interval", _LONGEST)
    usage = given.choice("usage_type", ("licensed", "metered"))
    given.finish()
    wanted = {"interval": interval, "usage_type": usage}
    return lambda price: (
        price.recurring is not None
        and all(value in (None, price.recurring[name]) for name, value in wanted.items())
    )


def _among(name: str, values: tuple[str, ...] | None) -> Where | None:
    return None if values is None else lambda item: getattr(item, name) in values
