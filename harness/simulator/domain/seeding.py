"""Objects that are made because somebody names them: ``--seed-ids``.

The suites of Stripe's SDKs, and many an example, name objects that nobody has made (``pi_123``).
Here such an object is made when it is first named, by the same functions that make all others, in
a state in which what is asked of it makes sense: what is to be captured has been authorized, what
is to be refunded has been paid. A list that would be empty has one. An id that is known is left as
it is, and so is one whose object was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from paidonce.harness.simulator.domain import (
    catalog,
    checkout,
    confirming,
    customers,
    intents,
    payment_methods,
    refunds,
    setups,
)
from paidonce.harness.simulator.domain.cards import TOKENS
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.objects import WebhookEndpoint
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

_AMOUNT = 2000
_PAYS = PaymentSource(payment_method="pm_card_visa")
_SUCCESS = "https://example.com/success"


class Asked:
    """A request that may name what is not there."""

    def __init__(self, world: World, method: str, path: str, form: Mapping[str, Any]) -> None:
        steps = path.split("/")[2:]
        nested = steps[0] in ("checkout", "test_helpers")
        self.world, self.form = world, form
        self.resource = "/".join(steps[:2]) if nested else steps[0]
        rest = steps[2:] if nested else steps[1:]
        self.identifier = rest[0] if rest and rest[0] != "search" else ""
        self.action = rest[1] if len(rest) > 1 else ""
        self.part = rest[2] if len(rest) > 2 else ""
        self.lists = method == "GET"

    def named(self) -> Iterator[tuple[str, str]]:
        """The parameters that are texts, at whatever depth, by their own names."""
        yield from _texts(self.form)


def seed(world: World, method: str, path: str, form: Mapping[str, Any]) -> None:
    """Make what the request names and what is not there."""
    asked = Asked(world, method, path, form)
    for name, value in asked.named():
        maker = _BY_NAME.get(name)
        if maker is not None:
            maker(asked, value)
    maker = _BY_PATH.get(asked.resource)
    if maker is not None:
        maker(asked, asked.identifier)


def _texts(form: Any) -> Iterator[tuple[str, str]]:
    inside = form.items() if isinstance(form, dict) else ()
    for name, value in inside:
        if isinstance(value, str):
            yield name, value
        elif name != "metadata":
            yield from _texts(value)
    for each in form if isinstance(form, list) else ():
        yield from _texts(each)


def _customer(asked: Asked, identifier: str) -> None:
    if _missing(asked, asked.world.customers, "cus_", identifier):
        customers.create(asked.world, {}, {}, BY_ITSELF)


def _method(asked: Asked, identifier: str) -> None:
    world = asked.world
    if identifier.startswith("pm_card_") or not _missing(
        asked, world.payment_methods, "pm_", identifier
    ):
        return
    method = payment_methods.create(world, "tok_visa", {})
    owner = asked.form.get("customer")
    if asked.resource == "payment_methods" and asked.action != "attach" and not owner:
        owner = customers.create(world, {}, {}, BY_ITSELF).id
    if isinstance(owner, str) and asked.action != "attach":
        payment_methods.attach(world, method.id, owner, BY_ITSELF)


def _methods_of(asked: Asked, owner: str) -> None:
    """Make a payment method of a customer of whom they are listed."""
    world = asked.world
    if owner and not world.methods_of.get(owner):
        method = payment_methods.create(world, "tok_visa", {})
        payment_methods.attach(world, method.id, owner, BY_ITSELF)


def _methods(asked: Asked, identifier: str) -> None:
    if identifier:
        _method(asked, identifier)
    else:
        _methods_of(asked, str(asked.form.get("customer", "")))


def _customers(asked: Asked, identifier: str) -> None:
    _customer(asked, identifier)
    if asked.action == "payment_methods":
        if asked.part:
            _method(asked, asked.part)
        else:
            _methods_of(asked, identifier)


def _intent(asked: Asked, identifier: str) -> None:
    world = asked.world
    if not _missing(asked, world.intents, "pi_", identifier):
        return
    if asked.resource == "refunds":
        charge = asked.form.get("charge")
        if isinstance(charge, str) and charge not in world.charges:
            world.ids.give("ch_", charge)
        _paid(world)
        return
    held = asked.action in ("capture", "increment_authorization")
    request = intents.CreateIntent(
        amount=_AMOUNT,
        currency="usd",
        source=_PAYS if held or asked.action == "confirm" else None,
        capture_method="manual" if held else "automatic_async",
    )
    intent = intents.create(world, request, BY_ITSELF)
    if held:
        confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)


def _charge(asked: Asked, identifier: str) -> None:
    if _missing(asked, asked.world.charges, "ch_", identifier):
        intent = asked.form.get("payment_intent")
        if asked.resource == "refunds" and isinstance(intent, str):
            if intent in asked.world.intents:
                return
            asked.world.ids.give("pi_", intent)
        _paid(asked.world, held=asked.action == "capture")


def _refund(asked: Asked, identifier: str) -> None:
    if _missing(asked, asked.world.refunds, "re_", identifier):
        charge = _paid(asked.world)
        refunds.create(asked.world, refunds.CreateRefund(charge=charge), BY_ITSELF)


def _movement(asked: Asked, identifier: str) -> None:
    if _missing(asked, asked.world.balance_transactions, "txn_", identifier):
        _paid(asked.world)


def _event(asked: Asked, identifier: str) -> None:
    if _missing(asked, asked.world.events, "evt_", identifier):
        customers.create(asked.world, {}, {}, BY_ITSELF)


def _endpoint(asked: Asked, identifier: str) -> None:
    world = asked.world
    if _missing(asked, world.webhook_endpoints, "we_", identifier):
        # Disabled: nobody is there to be told.
        made = WebhookEndpoint(
            id=world.ids.draw("we_"),
            created=world.now(),
            enabled_events=["*"],
            metadata={},
            status="disabled",
            url="https://example.com/webhook",
        )
        world.webhook_endpoints.put(made)
        world.secret_of[made.id] = f"whsec_{world.ids.draw('')}"


def _setup(asked: Asked, identifier: str) -> None:
    if _missing(asked, asked.world.setups, "seti_", identifier):
        source = _PAYS if asked.action == "confirm" else None
        setups.create(asked.world, setups.CreateSetup(source=source), BY_ITSELF)


def _product(asked: Asked, identifier: str) -> None:
    world = asked.world
    if identifier not in world.deleted and _missing(asked, world.products, "prod_", identifier):
        catalog.create_product(world, catalog.CreateProduct(name="Example"), BY_ITSELF)


def _price(asked: Asked, identifier: str) -> None:
    world = asked.world
    if _missing(asked, world.prices, "price_", identifier):
        product = catalog.CreateProduct(name="Example")
        request = catalog.CreatePrice(currency="usd", unit_amount=_AMOUNT, product_data=product)
        catalog.create_price(world, request, BY_ITSELF)


def _session(asked: Asked, identifier: str) -> None:
    world = asked.world
    if not _missing(asked, world.sessions, "cs_test_", identifier):
        return
    price = catalog.CreatePrice(
        currency="usd", unit_amount=_AMOUNT, product_data=catalog.CreateProduct(name="Example")
    )
    line = checkout.Wanted(quantity=1, price_data=price)
    request = checkout.CreateSession(lines=(line,), extras={"success_url": _SUCCESS})
    checkout.create(world, request, BY_ITSELF)


def _token(asked: Asked, token: str) -> None:
    if token not in TOKENS:
        asked.world.tokens[token] = TOKENS["tok_visa"]


def _paid(world: World, *, held: bool = False) -> str:
    """Make a payment, or an authorization; the id of its charge."""
    request = intents.CreateIntent(
        amount=_AMOUNT,
        currency="usd",
        source=_PAYS,
        capture_method="manual" if held else "automatic_async",
    )
    intent = intents.create(world, request, BY_ITSELF)
    how = confirming.Confirmation()
    charge = confirming.confirm(world, intent.id, how, BY_ITSELF).latest_charge
    assert charge is not None
    return charge


def _missing(asked: Asked, collection: Any, prefix: str, identifier: str) -> bool:
    """Return whether an object is to be made; the next one of ``prefix`` then has that id.

    Without an id it is to be made where a list would be empty.
    """
    if not identifier:
        # What is to be made by the request itself is no list.
        return not len(collection) and asked.lists
    if identifier in collection:
        return False
    asked.world.ids.give(prefix, identifier)
    return True


Maker = Callable[[Asked, str], None]

_BY_PATH: dict[str, Maker] = {
    "payment_intents": _intent,
    "charges": _charge,
    "refunds": _refund,
    "balance_transactions": _movement,
    "events": _event,
    "webhook_endpoints": _endpoint,
    "setup_intents": _setup,
    "products": _product,
    "prices": _price,
    "checkout/sessions": _session,
    "payment_methods": _methods,
    "customers": _customers,
}

_BY_NAME: dict[str, Maker] = {
    "customer": _customer,
    "payment_method": _method,
    "payment_intent": _intent,
    "charge": _charge,
    "product": _product,
    "price": _price,
    "plan": _price,
    "token": _token,
    "source": _token,
}
