"""Products and their prices.

Sources: https://docs.stripe.com/api/products, https://docs.stripe.com/api/prices. Prices in tiers
and by use are not simulated.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Deleted, EventRequest, Metadata
from paidonce.harness.simulator.domain.sale_objects import Price, Product
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


class CreateProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new product; ``extras`` are attributes taken over as they are."""

    name: str
    id: str | None = None
    active: bool = True
    metadata: Metadata = {}
    images: tuple[str, ...] = ()
    extras: dict[str, Any] = {}


class CreatePrice(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a new price, of a product that is there or of one that is made for it."""

    currency: str
    unit_amount: int
    recurring: dict[str, Any] | None = None
    product: str | None = None
    product_data: CreateProduct | None = None
    active: bool = True
    lookup_key: str | None = None
    transfer_lookup_key: bool = False
    metadata: Metadata = {}
    nickname: str | None = None
    tax_behavior: str = "unspecified"


def require_product(
    world: World, identifier: str, *, param: str = "id", status: int = 404
) -> Product:
    """The product of that id; 404 (or ``status``) where there is none, or none any more."""
    product = world.products.get(identifier)
    if product is None or identifier in world.deleted:
        raise no_such("product", identifier, param, status=status)
    return product


def retrieve_product(world: World, identifier: str) -> Product | Deleted:
    """The product, or that it was deleted; 404 ``resource_missing`` otherwise."""
    if identifier in world.products and identifier in world.deleted:
        return Deleted(id=identifier, object="product")
    return require_product(world, identifier)


def create_product(world: World, request: CreateProduct, cause: EventRequest) -> Product:
    """A new product; 400 ``resource_already_exists`` where its id was given to another."""
    if request.id is not None and request.id in world.products:
        raise StripeError(
            400, "Product already exists.", code="resource_already_exists", param="id"
        )
    now = world.now()
    product = Product(
        id=request.id or world.ids.draw("prod_"),
        active=request.active,
        created=now,
        images=list(request.images),
        marketing_features=[],
        metadata=request.metadata,
        name=request.name,
        updated=now,
        **request.extras,
    )
    world.products.put(product)
    world.emit("product.created", product, cause)
    return product


def update_product(
    world: World,
    identifier: str,
    changes: dict[str, Any],
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Product:
    """Change what is given; metadata is merged, an empty one clears it."""
    before = require_product(world, identifier)
    if (price := changes.get("default_price")) is not None:
        of = require_price(world, price, param="default_price", status=400).product
        if of != identifier:
            raise StripeError(
                400, f"The price {price} belongs to another product.", param="default_price"
            )
    changes = {**changes, **_metadata(before.metadata, metadata), "updated": world.now()}
    product = replace(before, **changes)
    world.products.put(product)
    world.emit("product.updated", product, cause, {name: getattr(before, name) for name in changes})
    return product


def delete_product(world: World, identifier: str, cause: EventRequest) -> Deleted:
    """Delete a product that has no price; 400 where it has one."""
    product = require_product(world, identifier)
    if world.prices_of.get(identifier):
        raise StripeError(
            400,
            "This product cannot be deleted because it has one or more user-created prices.",
        )
    world.deleted.add(identifier)
    world.emit("product.deleted", product, cause)
    return Deleted(id=identifier, object="product")


def require_price(world: World, identifier: str, *, param: str = "id", status: int = 404) -> Price:
    """The price of that id; 404 (or ``status``) where there is none."""
    price = world.prices.get(identifier)
    if price is None:
        raise no_such("price", identifier, param, status=status)
    return price


def create_price(world: World, request: CreatePrice, cause: EventRequest) -> Price:
    """A new price. An unknown product, or a lookup key that another price has, is a 400."""
    if request.product is not None:
        product = require_product(world, request.product, param="product", status=400).id
    holder = _by_lookup_key(world, request.lookup_key)
    if holder is not None:
        if not request.transfer_lookup_key:
            raise _key_taken(request.lookup_key, holder)
        world.prices.put(replace(holder, lookup_key=None))
    if request.product is None:
        assert request.product_data is not None
        product = create_product(world, request.product_data, cause).id
    price = Price(
        id=world.ids.draw("price_"),
        active=request.active,
        created=world.now(),
        currency=request.currency,
        lookup_key=request.lookup_key,
        metadata=request.metadata,
        nickname=request.nickname,
        product=product,
        recurring=request.recurring,
        type="one_time" if request.recurring is None else "recurring",
        tax_behavior=request.tax_behavior,
        unit_amount=request.unit_amount,
        unit_amount_decimal=str(request.unit_amount),
    )
    world.prices.put(price)
    world.prices_of[product].append(price.id)
    world.emit("price.created", price, cause)
    return price


def update_price(
    world: World,
    identifier: str,
    changes: dict[str, Any],
    metadata: dict[str, str | None] | None,
    transfer: bool,
    cause: EventRequest,
) -> Price:
    """Change what is given; what it costs can never be changed."""
    before = require_price(world, identifier)
    holder = _by_lookup_key(world, changes.get("lookup_key"))
    if holder is not None and holder.id != identifier:
        if not transfer:
            raise _key_taken(holder.lookup_key, holder)
        world.prices.put(replace(holder, lookup_key=None))
    changes = {**changes, **_metadata(before.metadata, metadata)}
    price = replace(before, **changes)
    world.prices.put(price)
    world.emit("price.updated", price, cause, {name: getattr(before, name) for name in changes})
    return price


def _by_lookup_key(world: World, key: str | None) -> Price | None:
    if key is None:
        return None
    ids = world.prices.having("lookup_key", lambda price: price.lookup_key, key)
    return world.prices[ids[0]] if ids else None


def _key_taken(key: str | None, holder: Price) -> StripeError:
    return StripeError(
        400,
        f"A price (`{holder.id}`) already uses that lookup key (`{key}`). Use "
        "transfer_lookup_key=true to move it to this price.",
        param="lookup_key",
    )


def _metadata(old: Metadata, given: dict[str, str | None] | None) -> dict[str, Any]:
    return {} if given is None else {"metadata": as_asked(old, given)}
