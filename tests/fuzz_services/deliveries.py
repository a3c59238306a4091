"""Services that hand out what was paid for: who pays does so, and so does the webhook.

They are put together of the guards of ``pieces``. The payment is called for before, within or after
what keeps it from being handed out twice; its events are delivered from the moment at which Stripe
has the money: once, twice, or two of them in any order.
"""

from __future__ import annotations

import random
from dataclasses import replace

from pieces import HANDS_OUT, guard_of, like, path_of
from programme import Service, Step

_EVENTS = (
    ("payment_intent.succeeded",),
    ("payment_intent.succeeded",),
    ("payment_intent.succeeded",) * 2,
    ("charge.succeeded", "payment_intent.succeeded"),
)
_CHARGE = Step("charge", "")


def delivered(seed: int) -> Service:
    """A random service of that kind; whether it makes sense serially is for the truth."""
    rng = random.Random(seed)
    level = rng.choice(("read committed",) * 6 + ("repeatable read", "serializable"))
    guards = [guard_of(rng)]
    pays, told = path_of(rng, guards, HANDS_OUT), path_of(rng, like(rng, guards), HANDS_OUT)
    last = pays.steps.index(HANDS_OUT)
    place = rng.choice((0, 0, min(1, last), rng.randint(0, last)))
    pays = replace(pays, steps=(*pays.steps[:place], _CHARGE, *pays.steps[place:]), retry=False)
    events = rng.choice(_EVENTS)
    return Service((pays, told), (0, *(1,) * len(events)), level, events)
