"""What a call to Stripe touches.

Calls on different objects commute; two calls with one idempotency key do not (the first makes the
effect, the second replays it or is refused: https://docs.stripe.com/api/idempotent_requests);
lists and searches see everything that is created. Which ids Stripe draws may depend on the order
of calls, and is not a difference: ids are normalised.
"""

from __future__ import annotations

from harness.explore.footprint import Footprint, Resource
from harness.taps.calls import StripeCall, object_in_path

_STRIPE = ("stripe",)
_OBJECTS = ("stripe", "object")
_KEYS = ("stripe", "key")
_NEW = Resource((*_OBJECTS, "new"))
_MONEY = frozenset({"pi", "ch", "py", "re", "pyr"})
_SEES_ALL = frozenset({"list", "search"})


def stripe_footprint(call: StripeCall, maker: str) -> Footprint:
    """The footprint of ``call``; everything at Stripe where it is not understood.

    ``maker`` tells what is created by this call from what other calls create.
    """
    thing, _, verb = call.label.partition(".")
    if not verb or " " in call.label:
        whole = frozenset({Resource(_STRIPE)})
        return Footprint(looks=whole, publishes=whole)
    touched = frozenset(_object(found) for found in _named(call))
    if verb in _SEES_ALL:
        return Footprint(looks=frozenset({Resource(_OBJECTS)}))
    if call.method == "GET":
        return Footprint(looks=touched or frozenset({Resource(_STRIPE)}))
    if verb == "create":
        # A new object is in nobody's way; what it is made from (a refund's intent) is.
        touched |= {Resource(_NEW.place, (("maker", maker), ("type", thing)))}
    elif not touched:  # the account's settings, say
        touched = frozenset({Resource(_STRIPE)})
    if call.idempotency_key is not None:
        touched |= {Resource(_KEYS, (("key", call.idempotency_key),))}
    return Footprint(publishes=touched)


def _named(call: StripeCall) -> set[str]:
    """The ids a call speaks of: the object in its path, and every parameter that is an id."""
    named = {object_in_path(call.path)}
    named |= {call.params.get(name) for name in ("payment_intent", "charge", "refund", "customer")}
    return {name for name in named if name}


def _object(name: str) -> Resource:
    """An object: apart from others of its kind, and from no other kind.

    An intent has charges, a charge refunds: what changes one shows in the other, and which belong
    together is not known. Only customers have nothing in common with those.
    """
    kind = name.partition("_")[0]
    key = [(kind, name)]
    if kind in _MONEY:
        key.append(("cus", ""))
    return Resource((*_OBJECTS, "known"), tuple(sorted(key)))
