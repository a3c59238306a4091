"""Objects that are made because somebody names them: ``--seed-ids``.

The suites of Stripe's SDKs, and many an example, name objects that nobody has made (``pi_123``).
Here such an object is made when it is first named, by the same functions that make all others, in
a state in which what is asked of it makes sense: what is to be captured has been authorized, what
is to be refunded has been paid. A list that would be empty has one. An id that is known is left as
it is, and so is one whose object was deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paidonce.harness.simulator.domain import seeding_connect, seeding_payments, seeding_sales
from paidonce.harness.simulator.domain.seeding_request import NamingRequest
from paidonce.harness.simulator.domain.state import World

_MAKERS = (seeding_payments, seeding_sales, seeding_connect)
_BY_PATH = {name: maker for part in _MAKERS for name, maker in part.BY_PATH.items()}
_BY_NAME = {name: maker for part in _MAKERS for name, maker in part.BY_NAME.items()}


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
