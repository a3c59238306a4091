"""Payouts: the account's money on its way to a bank.

::

    pending ──arrived──> paid ──reversed──> (another payout, the other way)
       └──canceled──> canceled

Source: https://docs.stripe.com/api/payouts. None is made by itself: the schedule is ``manual``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import money
from paidonce.harness.simulator.domain.booking import available, book
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.connect_objects import Payout
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import EventRequest, Metadata
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

_DAYS = 2
"""So long a payout takes, unless it is instant."""


def require(world: World, identifier: str) -> Payout:
    """The payout of that id; 404 ``resource_missing`` otherwise."""
    payout = world.payouts.get(identifier)
    if payout is None:
        raise no_such("payout", identifier, "payout")
    return payout


def create(
    world: World,
    amount: int,
    currency: str,
    extras: dict[str, Any],
    metadata: Metadata,
    cause: EventRequest,
) -> Payout:
    """Send money to the bank; 400 ``balance_insufficient`` where less is available."""
    there = available(world, currency)
    if amount > there:
        raise StripeError(
            400,
            "You have insufficient funds in your Stripe account for this transfer. Your card "
            f"balance is {money.written(max(0, there), currency)}.",
            code="balance_insufficient",
            param="amount",
        )
    return _made(world, amount, currency, extras, metadata, cause)


def cancel(world: World, identifier: str, cause: EventRequest) -> Payout:
    """Keep money that has not left yet; 400 where it has."""
    payout = require(world, identifier)
    if payout.status != "pending":
        raise StripeError(
            400,
            f"Payouts can only be canceled while they are pending; it is {payout.status}.",
            code="payouts_not_allowed" if payout.status == "paid" else None,
        )
    book(
        world,
        kind="payout_cancel",
        category="payout_reversal",
        amount=payout.amount,
        fee=0,
        currency=payout.currency,
        source=identifier,
        available_on=world.now(),
    )
    payout = replace(payout, status="canceled")
    world.payouts.put(payout)
    world.emit("payout.canceled", payout, cause)
    return payout


def reverse(world: World, identifier: str, metadata: Metadata, cause: EventRequest) -> Payout:
    """Take money back from the bank, once; 400 unless it has arrived there."""
    payout = require(world, identifier)
    if payout.status != "paid" or payout.reversed_by is not None or payout.amount < 0:
        raise StripeError(
            400, f"The payout {identifier} cannot be reversed: it must be paid, and not reversed."
        )
    extras = {"original_payout": identifier, "method": payout.method}
    back = _made(world, -payout.amount, payout.currency, extras, metadata, cause)
    world.payouts.put(replace(payout, reversed_by=back.id))
    return back


def update(
    world: World, identifier: str, metadata: dict[str, str | None] | None, cause: EventRequest
) -> Payout:
    """Change a payout's metadata, which alone may change."""
    before = require(world, identifier)
    payout = replace(before, metadata=as_asked(before.metadata, metadata))
    world.payouts.put(payout)
    world.emit("payout.updated", payout, cause, {"metadata": before.metadata})
    return payout


def arrive(world: World, identifier: str) -> None:
    """A payout's time has come, unless it was canceled."""
    payout = world.payouts[identifier]
    if payout.status == "pending":
        payout = replace(payout, status="paid")
        world.payouts.put(payout)
        world.emit("payout.paid", payout, BY_ITSELF)


def _made(
    world: World,
    amount: int,
    currency: str,
    extras: dict[str, Any],
    metadata: Metadata,
    cause: EventRequest,
) -> Payout:
    identifier = world.ids.draw("po_")
    instant = extras.get("method") == "instant"
    arrival = world.now() + (1800 if instant else _DAYS * 86_400)
    entry = book(
        world,
        kind="payout",
        amount=-amount,
        fee=0,
        currency=currency,
        source=identifier,
        available_on=world.now(),
    )
    payout = Payout(
        id=identifier,
        amount=amount,
        arrival_date=arrival,
        balance_transaction=entry.id,
        created=world.now(),
        currency=currency,
        metadata=metadata,
        **extras,
    )
    world.payouts.put(payout)
    world.plan(arrival - world.at(), "payout", identifier)
    world.emit("payout.created", payout, cause)
    return payout
