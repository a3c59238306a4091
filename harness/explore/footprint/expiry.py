"""The footprint of time that passes: all that has an expiry, wherever it may be set.

A key that is set before the time passes is gone after it, and one that is set after it is not. So
it is not enough to touch what expires there and then: whoever may set an expiry later is touched.
"""

from __future__ import annotations

import re

from paidonce.harness.explore.footprint.model import LOCAL, Footprint, Resource
from paidonce.harness.explore.footprint.stripe import MONEY, OBJECTS

_REDIS = Resource(("redis",))
_STRIPE = Resource(("stripe",))
_DUE = ("stripe", "due")
_PROCESSING = re.compile(r'"processing"(?!\s*:)')
"""In the answer of a call: a payment that takes its time (an authorization lasts for days). Every
payment intent has a field of that name, which says nothing."""
_OBJECTS_LAST_S = 300.0
"""No object of Stripe's ends sooner by itself, but for what is processing: an account link lasts so
long (https://docs.stripe.com/connect/custom/hosted-onboarding), Checkout Sessions half an hour."""
_KEYS_KEPT_S = 24 * 3600.0
"""An idempotency key is kept at least so long (https://docs.stripe.com/api/idempotent_requests);
an authorization, and anything else that runs out there, lasts longer."""


def processes(answer: str) -> bool:
    """Return whether an answer of Stripe's tells of a payment that is processing."""
    return _PROCESSING.search(answer) is not None


def may_be_due(answer: str, maker: str) -> Footprint:
    """Return what a call touches besides, by whose ``answer`` something is due at Stripe later.

    Time that passes meets that, and no other ``maker`` does: what is due to one is not to another.
    """
    if not processes(answer):
        return LOCAL
    return Footprint(publishes=frozenset({Resource(_DUE, (("maker", maker),))}))


WHAT_WAS_DUE = Footprint(publishes=frozenset({Resource(MONEY)}))
"""The footprint of time that passes besides, once something was due."""


CATCHING_UP = Footprint(
    looks=frozenset({Resource(("pg",))}), publishes=frozenset({Resource(("replica",))})
)
"""The footprint of a replica that moves on: it comes to see all that was committed by then."""


SEARCH_INDEX = Resource(("stripe", "index"))
"""The resource of what Stripe's search sees."""
INDEXING = Footprint(looks=frozenset({_STRIPE}), publishes=frozenset({SEARCH_INDEX}))
"""The footprint of a search index that moves on: it comes to see all that was written by then."""


def expiring(seconds: float, *, redis: bool, stripe: bool) -> Footprint:
    """Return what ``seconds`` that pass touch, where there is a Redis, and a Stripe with a clock.

    At Stripe a payment that is processing may be settled by then, which matters where there is one
    (``may_be_due``); from five minutes on an object may have ended, from a day on keys are gone.
    """
    if not seconds:
        return LOCAL
    things = {_REDIS} if redis else set()
    if stripe and seconds >= _KEYS_KEPT_S:
        things.add(_STRIPE)
    elif stripe:
        things.add(Resource(_DUE))
        if seconds >= _OBJECTS_LAST_S:
            things.add(Resource(OBJECTS))
    return Footprint(publishes=frozenset(things))
