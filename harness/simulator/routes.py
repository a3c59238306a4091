"""Which request does what.

An endpoint checks a request's parameters without looking at any state and gives back the
*execution*: what is to be done to the world. Whatever fails in between has executed nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from harness.simulator import intent_routes, money_routes
from harness.simulator.expand import Path, expanded, parse_paths
from harness.simulator.listing import Answer, Execution, Listing
from harness.simulator.objects import EventRequest
from harness.simulator.params import Params
from harness.simulator.state import World

Parse = Callable[[Params, str], Execution]
"""From the parameters and the id in the path (empty where there is none)."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one resource; ``kind`` is the kind of object it answers with."""

    kind: str
    parse: Parse
    listed: bool = False

    def prepare(self, params: Params, identifier: str) -> Callable[[World, EventRequest], Any]:
        """Check everything that can be checked without the world.

        Raises ``Refused``. The result executes the request and gives what is to be encoded; it
        raises ``StripeError`` where the execution itself ends badly.
        """
        paths = parse_paths(self.kind, params.strings("expand") or (), listed=self.listed)
        execute = self.parse(params, identifier)
        params.finish()
        if not paths:
            return execute
        return lambda world, cause: _expand(world, execute(world, cause), paths)


class Match(msgspec.Struct, frozen=True):
    """An endpoint and the id its path carried."""

    endpoint: Endpoint
    identifier: str


def find(method: str, path: str) -> Match | None:
    """The endpoint for a path such as ``/v1/payment_intents/pi_1/confirm``, or None."""
    fixed = _FIXED.get((method, path))
    if fixed is not None:
        return Match(fixed, "")
    # "", "v1", resource, id and perhaps an action
    steps = path.split("/")
    if not 4 <= len(steps) <= 5 or steps[1] != "v1" or not steps[3]:
        return None
    template = "/".join([*steps[:3], "{id}", *steps[4:]])
    endpoint = _BY_ID.get((method, template))
    return None if endpoint is None else Match(endpoint, steps[3])


def _expand(world: World, answer: Answer, paths: tuple[Path, ...]) -> Any:
    if isinstance(answer, Listing):
        return msgspec.structs.replace(
            answer, data=[expanded(world, item, paths) for item in answer.data]
        )
    return expanded(world, answer, paths)


_INTENT, _REFUND, _CHARGE = "payment_intent", "refund", "charge"

_FIXED: dict[tuple[str, str], Endpoint] = {
    ("POST", "/v1/payment_intents"): Endpoint(kind=_INTENT, parse=intent_routes.create),
    ("GET", "/v1/payment_intents"): Endpoint(
        kind=_INTENT, parse=intent_routes.list_all, listed=True
    ),
    ("GET", "/v1/payment_intents/search"): Endpoint(
        kind=_INTENT, parse=intent_routes.search_all, listed=True
    ),
    ("POST", "/v1/refunds"): Endpoint(kind=_REFUND, parse=money_routes.create_refund),
    ("GET", "/v1/refunds"): Endpoint(kind=_REFUND, parse=money_routes.list_refunds, listed=True),
    ("GET", "/v1/charges"): Endpoint(kind=_CHARGE, parse=money_routes.list_charges, listed=True),
    ("GET", "/v1/events"): Endpoint(kind="event", parse=money_routes.list_events, listed=True),
    ("GET", "/v1/balance_transactions"): Endpoint(
        kind="balance_transaction", parse=money_routes.list_balance_transactions, listed=True
    ),
    ("POST", "/v1/payment_methods"): Endpoint(
        kind="payment_method", parse=money_routes.create_payment_method
    ),
}

_BY_ID: dict[tuple[str, str], Endpoint] = {
    ("GET", "/v1/payment_intents/{id}"): Endpoint(kind=_INTENT, parse=intent_routes.retrieve),
    ("POST", "/v1/payment_intents/{id}"): Endpoint(kind=_INTENT, parse=intent_routes.update),
    ("POST", "/v1/payment_intents/{id}/confirm"): Endpoint(
        kind=_INTENT, parse=intent_routes.confirm
    ),
    ("POST", "/v1/payment_intents/{id}/cancel"): Endpoint(kind=_INTENT, parse=intent_routes.cancel),
    ("GET", "/v1/refunds/{id}"): Endpoint(kind=_REFUND, parse=money_routes.retrieve_refund),
    ("POST", "/v1/refunds/{id}"): Endpoint(kind=_REFUND, parse=money_routes.update_refund),
    ("GET", "/v1/charges/{id}"): Endpoint(kind=_CHARGE, parse=money_routes.retrieve_charge),
    ("GET", "/v1/events/{id}"): Endpoint(kind="event", parse=money_routes.retrieve_event),
    ("GET", "/v1/balance_transactions/{id}"): Endpoint(
        kind="balance_transaction", parse=money_routes.retrieve_balance_transaction
    ),
    ("GET", "/v1/payment_methods/{id}"): Endpoint(
        kind="payment_method", parse=money_routes.retrieve_payment_method
    ),
}
