"""``expand[]=latest_charge``: answering with the object where its id would stand.

Source: https://docs.stripe.com/api/expanding_objects, which also limits the depth to four.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from paidonce.harness.simulator.domain import catalog, customers
from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.domain.objects import AnyObject
from paidonce.harness.simulator.domain.state import World

MAX_DEPTH = 4

Path = tuple[str, ...]

# For each kind of object, the fields that hold the id of another, and of which kind that is.
_EXPANDABLE: dict[str, dict[str, str]] = {
    "payment_intent": {
        "latest_charge": "charge",
        "payment_method": "payment_method",
        "customer": "customer",
    },
    "charge": {
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
        "customer": "customer",
    },
    "refund": {
        "charge": "charge",
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
    },
    "payment_method": {"customer": "customer"},
    "balance_transaction": {},
    "balance": {},
    "event": {},
    "customer": {},
    "webhook_endpoint": {},
    "setup_intent": {"customer": "customer", "payment_method": "payment_method"},
    "customer_session": {"customer": "customer"},
    "product": {"default_price": "price"},
    "price": {"product": "product"},
    "item": {"price": "price"},
    "checkout.session": {
        "payment_intent": "payment_intent",
        "customer": "customer",
        "line_items": "list",
        "setup_intent": "setup_intent",
    },
    "list": {"data": "item"},
}

_COLLECTIONS: dict[str, Callable[[World, str], AnyObject | None]] = {
    "charge": lambda world, identifier: world.charges.get(identifier),
    "payment_method": lambda world, identifier: world.payment_methods.get(identifier),
    "customer": customers.retrieve,
    "payment_intent": lambda world, identifier: world.intents.get(identifier),
    "balance_transaction": lambda world, identifier: world.balance_transactions.get(identifier),
    "setup_intent": lambda world, identifier: world.setups.get(identifier),
    "product": catalog.retrieve_product,
    "price": lambda world, identifier: world.prices.get(identifier),
}

_FIRST_LINES = 10
"""So many of a session's lines are in it where they are asked for
(https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-line_items)."""


def parse_paths(kind: str, requested: tuple[str, ...], *, listed: bool) -> tuple[Path, ...]:
    """The paths to expand on an object of ``kind``, or in a list of such objects.

    Raises ``Refused`` (400) for a path that Stripe cannot expand either.
    """
    return tuple(_parse(kind, text, listed) for text in requested)


def _parse(kind: str, text: str, listed: bool) -> Path:
    steps = text.split(".")
    if len(steps) > MAX_DEPTH:
        raise Refused(
            400,
            f"You cannot expand more than {MAX_DEPTH} levels of a property (`{text}`).",
            param="expand",
        )
    if listed:
        if steps[0] != "data":
            raise _cannot(text, f"Perhaps you meant to expand 'data.{text}'?")
        steps = steps[1:]
    here: str | None = kind
    for step in steps:
        here = None if here is None else _EXPANDABLE[here].get(step)
    if here is None or not steps:
        raise _cannot(text, "")
    return tuple(steps)


def expanded(world: World, item: AnyObject, paths: tuple[Path, ...]) -> AnyObject | dict[str, Any]:
    """``item`` with the objects at ``paths`` filled in; the item itself where there are none."""
    if not paths:
        return item
    answer: dict[str, Any] = msgspec.to_builtins(item)
    for path in paths:
        _fill(world, answer, path)
    return answer


def _fill(world: World, answer: dict[str, Any], path: Path) -> None:
    field, rest = path[0], path[1:]
    if field == "line_items" and field not in answer:
        answer[field] = _lines(world, answer["id"])
    value = answer[field]
    if isinstance(value, list):
        for each in value:
            if rest:
                _fill(world, each, rest)
        return
    if isinstance(value, str):
        target = _EXPANDABLE[answer["object"]][field]
        found = _COLLECTIONS[target](world, value)
        assert found is not None, f"{field} names {value}, which does not exist"
        value = answer[field] = msgspec.to_builtins(found)
    # An object already expanded by an earlier path is gone into further; a null stays a null.
    if value is not None and rest:
        _fill(world, value, rest)


def _lines(world: World, session: str) -> dict[str, Any]:
    lines = world.checkouts[session].lines
    return {
        "object": "list",
        "data": [msgspec.to_builtins(line) for line in lines[:_FIRST_LINES]],
        "has_more": len(lines) > _FIRST_LINES,
        "url": f"/v1/checkout/sessions/{session}/line_items",
    }


def _cannot(text: str, hint: str) -> Refused:
    message = f"This property cannot be expanded ({text.split('.', maxsplit=1)[0]}). {hint}"
    return Refused(400, message.strip(), param="expand")
