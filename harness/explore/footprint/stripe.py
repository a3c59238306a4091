"""The footprint of a call to Stripe, as far as its method, path and parameters tell.

Calls on different objects commute; two calls with one idempotency key do not (the first makes the
effect, the second replays it or is refused: https://docs.stripe.com/api/idempotent_requests);
lists and searches see everything that is created. Which ids Stripe draws may depend on the order
of calls, and is not a difference: ids are normalised.

Objects are of four sorts, so that what touches one sort need not wait for another:

* *money*: intents, charges, refunds and the like. Which of them belong together is not known, so
  objects of two kinds are taken to;
* *customers*, and the *wallet* of each: which payment methods it has;
* *methods* of payment. One may be used up by being paid with, and one that a customer had is of no
  use any more once it is detached or its customer deleted
  (https://docs.stripe.com/payments/payment-methods#payment-methods-and-customers).

What an intent is paid with, and whose it is, a confirmation need not say: then it is taken to touch
every method and every wallet. A simulator that tells what a call did touch knows better
(``paidonce.harness.explore.footprint.stripe_told``).
"""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.explore.footprint.model import Footprint, Resource
from paidonce.harness.taps.stripe.calls import StripeCall, object_in_path

_STRIPE = ("stripe",)
OBJECTS = ("stripe", "object")
MONEY = (*OBJECTS, "money")
CUSTOMER = (*OBJECTS, "customer")
WALLET = (*OBJECTS, "wallet")
METHOD = (*OBJECTS, "method")
PRODUCT = (*OBJECTS, "product")
NEW = (*OBJECTS, "new")
_KEYS = ("stripe", "key")

# Beginnings of ids, by sort and by the name of the kind that is compared.
_KINDS = {
    "pi": (MONEY, "payment_intent"),
    "ch": (MONEY, "charge"),
    "py": (MONEY, "charge"),
    "re": (MONEY, "refund"),
    "pyr": (MONEY, "refund"),
    "txn": (MONEY, "movement"),
    "cus": (CUSTOMER, "customer"),
    "pm": (METHOD, "method"),
    "seti": (MONEY, "setup_intent"),
    "cs": (MONEY, "checkout_session"),
    "prod": (PRODUCT, "product"),
    "price": (PRODUCT, "price"),
}
_TEST_METHODS = ("pm_card_", "pm_usBankAccount", "tok_")
"""Naming one of those makes a method anew (https://docs.stripe.com/testing)."""
_SEES_ALL = frozenset({"list", "search"})
_MONEY_ALONE = frozenset({"capture", "cancel", "update"})
_BY_ITSELF = frozenset(
    {
        *("account", "checkout.session", "coupon", "customer", "customer_session"),
        *("payment_method", "price", "product", "promotion_code", "setup_intent"),
        *("test_helpers.test_clock", "token", "webhook_endpoint"),
    }
)
"""The things whose making touches nothing but what it names. A subscription pays its first invoice
with what its customer has, and redeems a coupon; of others it is not known."""
_ALL = frozenset({Resource(OBJECTS)})
_NAMED = ("payment_intent", "charge", "refund", "customer", "payment_method", "source")


def stripe_footprint(call: StripeCall, maker: str) -> Footprint:
    """The footprint of ``call``; everything at Stripe where it is not understood.

    ``maker`` tells what is created by this call from what other calls create.
    """
    thing, _, verb = call.label.rpartition(".")
    key = key_of(call)
    if not thing or " " in call.label:
        whole = frozenset({Resource(_STRIPE)})
        return Footprint(looks=whole, publishes=whole)
    path = object_in_path(call.path)
    named = {name for name in (path, *map(call.params.get, _NAMED)) if name}
    objects = {resource for name in named if (resource := object_of(name)) is not None}
    if verb in _SEES_ALL:
        return Footprint(looks=_ALL)
    if call.method == "GET":
        if verb != "retrieve" or any(name.startswith("expand") for name in call.params):
            return Footprint(looks=_ALL)  # of a customer's methods, say, or of what it belongs to
        return Footprint(looks=frozenset(objects) or frozenset({Resource(_STRIPE)}))
    if thing == "payment_intent" and (verb in _MONEY_ALONE or (verb == "create" and path is None)):
        looks, changes = _of_an_intent(call, objects)
    elif thing == "payment_intent" and verb == "confirm":
        looks, changes = set(), {*objects, *_paid_with(call), Resource(WALLET)}
    elif thing in ("refund", "charge"):
        # What is refunded or captured by its charge is its intent's.
        looks, changes = set(), objects
        if thing == "charge" and verb == "capture":
            changes = {*objects, Resource(MONEY)}
    elif verb == "create" and path is None:
        # What a session sells, and what it costs, is looked up.
        looks = {Resource(PRODUCT)} if thing == "checkout.session" else set()
        changes = {*objects, *_wallets(objects)} if thing in _BY_ITSELF else set(_ALL)
    elif thing in ("customer", "payment_method"):
        looks, changes = set(), {*objects, *_wallets(objects)}
        if verb == "delete":
            changes |= {Resource(METHOD)}
        elif verb == "detach":
            changes |= {Resource(WALLET)}
    elif not objects:  # the account's settings, say
        return Footprint(publishes=frozenset({Resource(_STRIPE)}))
    else:
        looks, changes = set(), set(_ALL)
    if verb == "create":
        # A new object is in nobody's way; what it is made from (a refund's intent) is.
        changes = {*changes, Resource(NEW, (("maker", maker), ("type", thing)))}
    # A change raises an event, which tells how many endpoints want it.
    if thing != "webhook_endpoint":
        looks = {*looks, Resource((*OBJECTS, "endpoint"))}
    else:
        changes = {*changes, Resource((*OBJECTS, "endpoint"))}
    return Footprint(looks=frozenset(looks), publishes=frozenset(changes) | key)


def key_of(call: StripeCall) -> frozenset[Resource]:
    """The idempotency key of a call that changes something: to find what is there takes it."""
    if call.idempotency_key is None or call.method == "GET":
        return frozenset()
    return frozenset({Resource(_KEYS, (("key", call.idempotency_key),))})


def object_of(name: str) -> Resource | None:
    """The object of that id: apart from others of its kind; None for what is made by being named.

    An intent has charges, a charge refunds: what changes one shows in the other, and which belong
    together is not known. Of a kind that is not known an object is apart from its like alone.
    """
    if name.startswith(_TEST_METHODS):
        return None
    kind = name.partition("_")[0]
    place, column = _KINDS.get(kind, (OBJECTS, kind))
    return Resource(place, ((column, name),))


def _of_an_intent(
    call: StripeCall, objects: Iterable[Resource]
) -> tuple[set[Resource], set[Resource]]:
    """Return what is looked at, and what is changed: the intent, and on paying also what pays."""
    money = {resource for resource in objects if resource.place == MONEY}
    others = {resource for resource in objects if resource.place != MONEY}
    if call.params.get("confirm") == "true":
        return others, {*money, *_paid_with(call), *_wallets(objects)}
    return others, money


def _paid_with(call: StripeCall) -> set[Resource]:
    """The methods that a confirmation may use up or attach: all, where it names none."""
    source = call.params.get("payment_method") or call.params.get("source")
    if source is None and not any(name.startswith("payment_method_data") for name in call.params):
        return {Resource(METHOD)}
    named = None if source is None else object_of(source)
    return set() if named is None else {named}


def _wallets(objects: Iterable[Resource]) -> set[Resource]:
    """The wallets of the customers among ``objects``."""
    return {Resource(WALLET, resource.key) for resource in objects if resource.place == CUSTOMER}
