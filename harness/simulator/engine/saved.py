"""A simulation's state as one JSON document, to be gone back to or looked at.

It holds every object, the idempotency keys with their answers, how many ids were drawn, what is
on the agenda and how far the clock was moved. Deliveries of webhooks under way are not in it; the
events are, and can be sent again.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import msgspec

from paidonce.harness.bounded import decode_json
from paidonce.harness.errors import UsageError
from paidonce.harness.simulator.domain import cards
from paidonce.harness.simulator.domain.billing_objects import (
    Coupon,
    Discount,
    Invoice,
    InvoiceItem,
    InvoicePayment,
    PromotionCode,
    Subscription,
    SubscriptionItem,
    TestClock,
)
from paidonce.harness.simulator.domain.cash_objects import (
    CashBalance,
    CashTransaction,
    CreditTransaction,
)
from paidonce.harness.simulator.domain.connect_objects import (
    Account,
    ApplicationFee,
    Dispute,
    FeeRefund,
    Payout,
    Transfer,
    TransferReversal,
)
from paidonce.harness.simulator.domain.ids import IdSource
from paidonce.harness.simulator.domain.link_objects import HostedLink
from paidonce.harness.simulator.domain.objects import (
    BalanceTransaction,
    Charge,
    Customer,
    Event,
    EventData,
    EventRequest,
    PaymentIntent,
    PaymentMethod,
    Refund,
    SetupIntent,
    WebhookEndpoint,
)
from paidonce.harness.simulator.domain.sale_objects import (
    Checkout,
    CheckoutSession,
    Price,
    Product,
)
from paidonce.harness.simulator.domain.state import Due, World
from paidonce.harness.simulator.engine.idempotency import (
    Fingerprint,
    IdempotencyStore,
    Record,
    Stored,
)
from paidonce.harness.simulator.engine.simulation import Simulation

FORMAT = "paidonce-simulator-state"
VERSION = 1

_KINDS: dict[str, type[Any]] = {
    "intents": PaymentIntent,
    "charges": Charge,
    "refunds": Refund,
    "payment_methods": PaymentMethod,
    "balance_transactions": BalanceTransaction,
    "customers": Customer,
    "webhook_endpoints": WebhookEndpoint,
    "products": Product,
    "prices": Price,
    "sessions": CheckoutSession,
    "setups": SetupIntent,
    "test_clocks": TestClock,
    "coupons": Coupon,
    "promotion_codes": PromotionCode,
    "discounts": Discount,
    "subscriptions": Subscription,
    "subscription_items": SubscriptionItem,
    "invoices": Invoice,
    "invoice_items": InvoiceItem,
    "invoice_payments": InvoicePayment,
    "accounts": Account,
    "transfers": Transfer,
    "transfer_reversals": TransferReversal,
    "application_fees": ApplicationFee,
    "fee_refunds": FeeRefund,
    "payouts": Payout,
    "disputes": Dispute,
    "cash_moves": CashTransaction,
    "credit_moves": CreditTransaction,
    "events": Event,
}
_SUBJECTS: dict[str, type[Any]] = {
    "payment_intent": PaymentIntent,
    "charge": Charge,
    "refund": Refund,
    "payment_method": PaymentMethod,
    "customer": Customer,
    "checkout.session": CheckoutSession,
    "cash_balance": CashBalance,
    "customer_cash_balance_transaction": CashTransaction,
    "product": Product,
    "price": Price,
    "setup_intent": SetupIntent,
    "test_helpers.test_clock": TestClock,
    "coupon": Coupon,
    "promotion_code": PromotionCode,
    "discount": Discount,
    "subscription": Subscription,
    "invoice": Invoice,
    "invoiceitem": InvoiceItem,
    "invoice_payment": InvoicePayment,
    "account": Account,
    "transfer": Transfer,
    "transfer_reversal": TransferReversal,
    "application_fee": ApplicationFee,
    "fee_refund": FeeRefund,
    "payout": Payout,
    "dispute": Dispute,
}


_ALWAYS = frozenset(
    {
        "intents",
        "charges",
        "refunds",
        "payment_methods",
        "balance_transactions",
        "customers",
        "webhook_endpoints",
        "events",
    }
)
"""In every saved state; the others are in those that were saved since there are such objects."""


_Ahead = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
"""How far a clock may be ahead, in seconds: no date is later than the year 9999."""


class StateError(ValueError):
    """The document is not a saved state, or not one of this version."""


def document(simulation: Simulation) -> dict[str, Any]:
    """The state, ready to be encoded."""
    world, keys = simulation.epoch.world, simulation.epoch.keys
    return {
        "format": FORMAT,
        "version": VERSION,
        "ids": {"root": world.ids.root, "drawn": world.ids.drawn},
        "clock_ahead": simulation.clock.ahead,
        **{name: list(getattr(world, name)) for name in _KINDS},
        "cards": {method: _NAME_OF[card] for method, card in world.card_of.items()},
        "tokens": {token: _NAME_OF[card] for token, card in world.tokens.items()},
        "secrets": world.secret_of,
        "deleted": sorted(world.deleted),
        "session_of": world.session_of,
        "invoice_of": world.invoice_of,
        "checkouts": world.checkouts,
        "links": world.links,
        "cash": world.cash,
        "by_hand": sorted(world.by_hand),
        "spent": sorted(world.spent),
        "prepared": sorted(world.prepared),
        "authenticated": sorted(world.authenticated),
        "agenda": sorted(world.agenda),
        "agenda_of": {clock: sorted(dues) for clock, dues in world.agenda_of.items()},
        "planned": world.planned,
        "keys": [_saved_key(record) for record in keys if record.answer is not None],
    }


def restore(simulation: Simulation, text: bytes) -> None:
    """Go on from a saved state, forgetting the present one. Raises ``StateError``.

    The clock is set to what it was ahead then, or stays further ahead: it never goes back.
    """
    try:
        given = decode_json(text)
        if not isinstance(given, dict) or given.get("format") != FORMAT:
            raise StateError(f'expected "format": "{FORMAT}"')
        if given.get("version") != VERSION:
            raise StateError(f"version {given.get('version')} is not known, {VERSION} is")
        ahead = msgspec.convert(given["clock_ahead"], _Ahead)
        world, keys = _world(simulation, given)
    except StateError:
        raise
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise StateError(f"not a saved state: {type(error).__name__}: {error}") from error
    simulation.clock.ahead = max(simulation.clock.ahead, ahead)
    simulation.begin(world, keys)


def read(simulation: Simulation, path: Path) -> None:
    """Go on from a saved file. Raises ``UsageError`` naming it."""
    try:
        restore(simulation, path.read_bytes())
    except OSError as error:
        raise UsageError(f"--load {path}: cannot be read: {error.strerror}") from error
    except StateError as error:
        raise UsageError(f"--load {path}: {error}") from error


def write(simulation: Simulation, path: Path) -> None:
    """Save to a file, whole or not at all. Raises ``UsageError`` naming it."""
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(msgspec.json.encode(document(simulation)))
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"--save {path}: cannot be written: {error.strerror}") from error


def _world(simulation: Simulation, given: dict[str, Any]) -> tuple[World, IdempotencyStore]:
    ids = IdSource()
    ids.root = msgspec.convert(given["ids"]["root"], str)
    ids.go_on(msgspec.convert(given["ids"]["drawn"], dict[str, int]))
    world = World(ids, simulation.clock, simulation.settings.settle_seconds)
    for name, kind in _KINDS.items():
        collection = getattr(world, name)
        for item in given[name] if name in _ALWAYS else given.get(name, ()):
            collection.put(_event(item) if kind is Event else msgspec.convert(item, kind))
    world.card_of = {method: _CARD_OF[name] for method, name in _names(given, "cards").items()}
    tokens = _names(given, "tokens", needed=False)
    world.tokens = {token: _CARD_OF[name] for token, name in tokens.items()}
    for charge in world.charges:
        world.charges_of[charge.payment_intent or charge.id].append(charge.id)
    for refund in world.refunds:
        world.refunds_of[refund.charge].append(refund.id)
    for method in world.payment_methods:
        if method.customer is not None:
            world.methods_of[method.customer].append(method.id)
    for price in world.prices:
        world.prices_of[price.product].append(price.id)
    world.session_of = _names(given, "session_of", needed=False)
    world.invoice_of = _names(given, "invoice_of", needed=False)
    world.checkouts = msgspec.convert(given.get("checkouts", {}), dict[str, Checkout])
    world.links = msgspec.convert(given.get("links", {}), dict[str, HostedLink])
    world.secret_of = _names(given, "secrets")
    world.deleted = msgspec.convert(given["deleted"], set[str])
    world.spent = msgspec.convert(given["spent"], set[str])
    world.cash = msgspec.convert(given.get("cash", {}), dict[str, int])
    world.by_hand = msgspec.convert(given.get("by_hand", ()), set[str])
    world.prepared = msgspec.convert(given.get("prepared", ()), set[str])
    world.authenticated = msgspec.convert(given["authenticated"], set[str])
    # Sorted, which is one way of being a heap.
    world.agenda = msgspec.convert(given["agenda"], list[Due])
    world.agenda_of.update(msgspec.convert(given.get("agenda_of", {}), dict[str, list[Due]]))
    world.planned = msgspec.convert(given["planned"], int)
    keys = IdempotencyStore()
    for entry in given["keys"]:
        keys.restore(_restored_key(entry))
    return world, keys


def _names(given: dict[str, Any], table: str, *, needed: bool = True) -> dict[str, str]:
    """A table of names; empty where a state was saved before there was such a table."""
    return msgspec.convert(given[table] if needed else given.get(table, {}), dict[str, str])


def _event(item: dict[str, Any]) -> Event:
    data = item["data"]
    subject = msgspec.convert(data["object"], _SUBJECTS[data["object"]["object"]])
    return Event(
        **{
            **item,
            "data": EventData(object=subject, previous_attributes=data.get("previous_attributes")),
            "request": msgspec.convert(item["request"], EventRequest),
        }
    )


def _saved_key(record: Record) -> dict[str, Any]:
    assert record.answer is not None
    return {
        "account": record.account,
        "key": record.key,
        "method": record.fingerprint.method,
        "path": record.fingerprint.path,
        "digest": record.fingerprint.digest.hex(),
        "request": record.request_id,
        "created": record.created,
        "status": record.answer.status,
        "headers": record.answer.headers,
        "body": base64.b64encode(record.answer.body).decode(),
    }


def _restored_key(entry: dict[str, Any]) -> Record:
    fingerprint = Fingerprint(entry["method"], entry["path"], bytes.fromhex(entry["digest"]))
    account, key, request = (msgspec.convert(entry[one], str) for one in _KEYS_OWN)
    created = msgspec.convert(entry["created"], float)
    record = Record(account, key, fingerprint, request, created)
    body = base64.b64decode(entry["body"])
    record.answer = Stored(msgspec.convert(entry["status"], int), body, _names(entry, "headers"))
    return record


_KEYS_OWN = ("account", "key", "request")
_CARD_OF = {**cards.PAYMENT_METHODS, "customer_balance": cards.FUNDS}
_NAME_OF = {card: name for name, card in _CARD_OF.items()}
