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
    accounts,
    catalog,
    checkout_making,
    clocks,
    confirming,
    coupons,
    customers,
    disputes,
    intents,
    invoice_drafts,
    invoice_items,
    invoices,
    payment_methods,
    payouts,
    refunds,
    setups,
    subscribing,
    subscriptions,
    transfers,
)
from paidonce.harness.simulator.domain.cards import TOKENS
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.objects import WebhookEndpoint
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.state import World

_AMOUNT = 2000
_PAYS = PaymentSource(payment_method="pm_card_visa")
_VISA = PaymentSource(payment_method="pm_card_visa")
_LICENSED = {"usage_type": "licensed"}
_SUCCESS = "https://example.com/success"


class NamingRequest:
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
    asked = NamingRequest(world, method, path, form)
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


def _customer(asked: NamingRequest, identifier: str) -> None:
    if _missing(asked, asked.world.customers, "cus_", identifier):
        customers.create(asked.world, {}, {}, BY_ITSELF)


def _buyer(asked: NamingRequest, identifier: str) -> None:
    """Make the customer of whom a request is; one who subscribes can pay."""
    world = asked.world
    if asked.resource == "subscriptions" and identifier not in world.customers:
        world.ids.give("cus_", identifier)
        _payer(world)
    else:
        _customer(asked, identifier)


def _method(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier.startswith("pm_card_") or not _missing(
        asked, world.payment_methods, "pm_", identifier
    ):
        return
    method = payment_methods.create(world, _VISA, {})
    owner = asked.form.get("customer")
    if asked.resource == "payment_methods" and asked.action != "attach" and not owner:
        owner = customers.create(world, {}, {}, BY_ITSELF).id
    if isinstance(owner, str) and asked.action != "attach":
        payment_methods.attach(world, method.id, owner, BY_ITSELF)


def _methods_of(asked: NamingRequest, owner: str) -> None:
    """Make a payment method of a customer of whom they are listed."""
    world = asked.world
    if owner and not world.methods_of.get(owner):
        method = payment_methods.create(world, _VISA, {})
        payment_methods.attach(world, method.id, owner, BY_ITSELF)


def _methods(asked: NamingRequest, identifier: str) -> None:
    if identifier:
        _method(asked, identifier)
    else:
        _methods_of(asked, str(asked.form.get("customer", "")))


def _customers(asked: NamingRequest, identifier: str) -> None:
    _customer(asked, identifier)
    if asked.action == "payment_methods":
        if asked.part:
            _method(asked, asked.part)
        else:
            _methods_of(asked, identifier)


def _intent(asked: NamingRequest, identifier: str) -> None:
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
        extras={"payment_method_options": intents.incremental_options()} if held else {},
    )
    intent = intents.create(world, request, BY_ITSELF)
    if held:
        confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)


def _charge(asked: NamingRequest, identifier: str) -> None:
    if _missing(asked, asked.world.charges, "ch_", identifier):
        intent = asked.form.get("payment_intent")
        if asked.resource == "refunds" and isinstance(intent, str):
            if intent in asked.world.intents:
                return
            asked.world.ids.give("pi_", intent)
        _paid(asked.world, held=asked.action == "capture")


def _refund(asked: NamingRequest, identifier: str) -> None:
    if _missing(asked, asked.world.refunds, "re_", identifier):
        charge = _paid(asked.world)
        refunds.create(asked.world, refunds.CreateRefund(charge=charge), BY_ITSELF)


def _movement(asked: NamingRequest, identifier: str) -> None:
    if _missing(asked, asked.world.balance_transactions, "txn_", identifier):
        _paid(asked.world)


def _event(asked: NamingRequest, identifier: str) -> None:
    if _missing(asked, asked.world.events, "evt_", identifier):
        customers.create(asked.world, {}, {}, BY_ITSELF)


def _endpoint(asked: NamingRequest, identifier: str) -> None:
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


def _setup(asked: NamingRequest, identifier: str) -> None:
    if _missing(asked, asked.world.setups, "seti_", identifier):
        source = _PAYS if asked.action == "confirm" else None
        setups.create(asked.world, setups.CreateSetup(source=source), BY_ITSELF)


def _product(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier not in world.deleted and _missing(asked, world.products, "prod_", identifier):
        catalog.create_product(world, catalog.CreateProduct(name="Example"), BY_ITSELF)


def _price(asked: NamingRequest, identifier: str) -> None:
    """Make a price: paid again and again where it is one of a subscription's, or is listed so."""
    world = asked.world
    if not _missing(asked, world.prices, "price_", identifier):
        return
    request = catalog.CreatePrice(
        currency="usd", unit_amount=_AMOUNT, product_data=catalog.CreateProduct(name="Example")
    )
    once = identifier in _once(asked.form)
    if (asked.resource.startswith("subscription") and not once) or "recurring" in asked.form:
        request = _monthly()
    keys = asked.form.get("lookup_keys")
    if asked.lists and not identifier and isinstance(keys, dict | list):
        request = catalog.replace(request, lookup_key=next(iter(_values(keys)), None))
    catalog.create_price(world, request, BY_ITSELF)


def _once(form: Mapping[str, Any]) -> set[str]:
    """The prices that are to be paid once with a subscription's first invoice."""
    return {value for name, value in _texts(form.get("add_invoice_items")) if name == "price"}


def _values(listed: Any) -> list[str]:
    return [str(one) for one in (listed.values() if isinstance(listed, dict) else listed)]


def _session(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if not _missing(asked, world.sessions, "cs_test_", identifier):
        return
    price = catalog.CreatePrice(
        currency="usd", unit_amount=_AMOUNT, product_data=catalog.CreateProduct(name="Example")
    )
    line = checkout_making.Wanted(quantity=1, price_data=price)
    request = checkout_making.CreateSession(lines=(line,), extras={"success_url": _SUCCESS})
    checkout_making.create(world, request, BY_ITSELF)


def _clock(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if _missing(asked, world.test_clocks, "clock_", identifier):
        clocks.create(world, world.now(), None, BY_ITSELF)


def _coupon(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier in world.coupons or not (identifier or _lists(asked, world.coupons)):
        return
    if asked.resource == "coupons" and not identifier and not asked.lists:
        return
    request = coupons.CreateCoupon(
        id=identifier or None, extras={"percent_off": 25.0, "duration": "forever"}
    )
    coupons.create(world, request, BY_ITSELF)


def _code(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if _missing(asked, world.promotion_codes, "promo_", identifier):
        coupon = asked.form.get("coupon")
        named = coupon if isinstance(coupon, str) else "SEEDED"
        _coupon(asked, named)
        customer, text = asked.form.get("customer"), asked.form.get("code")
        request = coupons.CreatePromotionCode(
            coupon=named,
            code=text if isinstance(text, str) else None,
            restrictions={
                "first_time_transaction": False,
                "minimum_amount": None,
                "minimum_amount_currency": None,
            },
            extras={"customer": customer if isinstance(customer, str) else None},
        )
        coupons.create_code(world, request, BY_ITSELF)


def _payer(world: World) -> str:
    """Make a customer who has a card; the id."""
    customer = customers.create(world, {}, {}, BY_ITSELF).id
    method = payment_methods.create(world, _VISA, {})
    payment_methods.attach(world, method.id, customer, BY_ITSELF)
    customers.settle(world, customer, {"default_payment_method": method.id})
    return customer


def _monthly() -> catalog.CreatePrice:
    return catalog.CreatePrice(
        currency="usd",
        unit_amount=_AMOUNT,
        recurring={"interval": "month", "interval_count": 1, "meter": None, **_LICENSED},
        product_data=catalog.CreateProduct(name="Example"),
    )


def _subscription(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if not _missing(asked, world.subscriptions, "sub_", identifier):
        return
    _subscribed(asked)


def _item(asked: NamingRequest, identifier: str) -> None:
    if identifier and _missing(asked, asked.world.subscription_items, "si_", identifier):
        _subscribed(asked)


def _subscribed(asked: NamingRequest) -> None:
    """Make a subscription that is paid for; what it needs for what is asked of it, it has."""
    world = asked.world
    discounts: tuple[coupons.WantedDiscount, ...] = ()
    if asked.action == "discount":
        _coupon(asked, "SEEDED")
        discounts = (coupons.WantedDiscount(coupon="SEEDED"),)
    wanted = [subscribing.WantedItem(price_data=_monthly())]
    if asked.resource == "subscription_items":
        # One of two may be taken away.
        wanted.append(subscribing.WantedItem(price_data=_monthly()))
    paused = asked.action == "resume"
    request = subscribing.CreateSubscription(
        customer=_payer(world), items=tuple(wanted), discounts=discounts
    )
    made = subscriptions.create(world, request, BY_ITSELF)
    if paused:
        world.subscriptions.put(subscriptions.replace(made, status="paused"))


def _invoice(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if not _missing(asked, world.invoices, "in_", identifier):
        return
    draft = asked.action in ("", "finalize", "lines") or asked.resource != "invoices"
    owner = asked.form.get("customer")
    there = isinstance(owner, str) and owner in world.customers
    request = invoice_drafts.CreateInvoice(
        customer=str(owner) if there else _payer(world),
        currency="usd",
        collection_method="send_invoice" if asked.action == "send" else "charge_automatically",
    )
    made = invoice_drafts.create(world, request, BY_ITSELF)
    line = invoice_items.CreateItem(
        customer=made.customer, amount=_AMOUNT, currency="usd", invoice=made.id
    )
    invoice_items.create(world, line, BY_ITSELF)
    if not draft:
        invoices.finalize(world, made.id, BY_ITSELF)


def _invoice_item(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if _missing(asked, world.invoice_items, "ii_", identifier):
        request = invoice_items.CreateItem(customer=_payer(world), amount=_AMOUNT, currency="usd")
        invoice_items.create(world, request, BY_ITSELF)


def _account(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier not in world.deleted and _missing(asked, world.accounts, "acct_", identifier):
        accounts.create(world, {"capabilities": {"transfers": "active"}}, {}, BY_ITSELF)


def _ready(world: World) -> str:
    """Make an account that can be sent money; its id."""
    attributes = {"capabilities": {"transfers": "active"}}
    return accounts.create(world, attributes, {}, BY_ITSELF).id


def _transfer(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if _missing(asked, world.transfers, "tr_", identifier):
        request = transfers.CreateTransfer(
            destination=_ready(world), currency="usd", source=_paid(world)
        )
        transfers.create(world, request, BY_ITSELF)
    known = identifier in world.transfers and asked.action == "reversals"
    if known and asked.part and asked.part not in world.transfer_reversals:
        world.ids.give("trr_", asked.part)
        transfers.reverse(world, identifier, 100, {}, BY_ITSELF)
    elif known and not world.transfers[identifier].reversals.data and asked.lists:
        transfers.reverse(world, identifier, 100, {}, BY_ITSELF)


def _fee(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if _missing(asked, world.application_fees, "fee_", identifier):
        sent_on = {"transfer_data": {"destination": _ready(world)}, "application_fee_amount": 500}
        request = intents.CreateIntent(amount=_AMOUNT, currency="usd", source=_PAYS, extras=sent_on)
        intent = intents.create(world, request, BY_ITSELF)
        confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)
    known = identifier in world.application_fees and asked.action == "refunds"
    if known and asked.part and asked.part not in world.fee_refunds:
        world.ids.give("fr_", asked.part)
        transfers.refund_fee(world, identifier, 100, {}, BY_ITSELF)
    elif known and not world.application_fees[identifier].refunds.data and asked.lists:
        transfers.refund_fee(world, identifier, 100, {}, BY_ITSELF)


def _rich(world: World) -> None:
    """Have money that can be sent on at once."""
    source = PaymentSource(payment_method="pm_card_bypassPending")
    request = intents.CreateIntent(amount=100 * _AMOUNT, currency="usd", source=source)
    intent = intents.create(world, request, BY_ITSELF)
    confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)


def _payout(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if asked.resource == "payouts" and not asked.lists and not identifier:
        _rich(world)  # what is to be paid out is there
    elif _missing(asked, world.payouts, "po_", identifier):
        _rich(world)
        made = payouts.create(world, _AMOUNT, "usd", {}, {}, BY_ITSELF)
        if asked.action == "reverse":
            payouts.arrive(world, made.id)


def _dispute(asked: NamingRequest, identifier: str) -> None:
    if _missing(asked, asked.world.disputes, "du_", identifier):
        disputes.open_(asked.world, _paid(asked.world), "fraudulent", BY_ITSELF)


def _token(asked: NamingRequest, token: str) -> None:
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


def _missing(asked: NamingRequest, collection: Any, prefix: str, identifier: str) -> bool:
    """Return whether an object is to be made; the next one of ``prefix`` then has that id.

    Without an id it is to be made where a list would be empty.
    """
    if not identifier:
        return _lists(asked, collection)
    if identifier in collection:
        return False
    asked.world.ids.give(prefix, identifier)
    return True


def _lists(asked: NamingRequest, collection: Any) -> bool:
    """Return whether what is empty would be listed."""
    return asked.lists and not len(collection)


Maker = Callable[[NamingRequest, str], None]

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
    "test_helpers/test_clocks": _clock,
    "coupons": _coupon,
    "promotion_codes": _code,
    "subscriptions": _subscription,
    "subscription_items": _item,
    "invoices": _invoice,
    "invoiceitems": _invoice_item,
    "accounts": _account,
    "transfers": _transfer,
    "application_fees": _fee,
    "payouts": _payout,
    "disputes": _dispute,
}

_BY_NAME: dict[str, Maker] = {
    "test_clock": _clock,
    "customer": _buyer,
    "coupon": _coupon,
    "promotion_code": _code,
    "subscription": _subscription,
    "invoice": _invoice,
    "payment_method": _method,
    "payment_intent": _intent,
    "charge": _charge,
    "product": _product,
    "price": _price,
    "plan": _price,
    "token": _token,
    "source": _token,
    "destination": _account,
    "source_transaction": _charge,
}
