"""Giving money back; never more than a charge brought and still holds.

Source: https://docs.stripe.com/api/refunds/create.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain import charges, money
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.metadata import merged
from paidonce.harness.simulator.domain.objects import Charge, EventRequest, Metadata, Refund
from paidonce.harness.simulator.domain.state import World


class CreateRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a refund; all that is left when ``amount`` is None.

    At least one of ``payment_intent`` and ``charge`` is given.
    """

    payment_intent: str | None = None
    charge: str | None = None
    amount: int | None = None
    reason: str | None = None
    metadata: Metadata = {}


def require(world: World, identifier: str) -> Refund:
    """The refund of that id; 404 ``resource_missing`` otherwise."""
    refund = world.refunds.get(identifier)
    if refund is None:
        raise no_such("refund", identifier, "id")
    return refund


def create(world: World, request: CreateRefund, cause: EventRequest) -> Refund:
    """Refund a charge in part or in whole.

    Raises a 400 and changes nothing when there is no such successful charge, when nothing is
    left of it (``charge_already_refunded``), or when less is left than asked for.
    """
    charge = _charge_to_refund(world, request)
    left = charge.amount_captured - charge.amount_refunded
    if left == 0:
        raise StripeError(
            400, f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
        )
    amount = left if request.amount is None else request.amount
    if amount > left:
        limit = "unrefunded amount on charge" if charge.amount_refunded else "charge amount"
        raise StripeError(
            400,
            f"Refund amount ({money.written(amount, charge.currency)}) is greater than {limit} "
            f"({money.written(left, charge.currency)})",
            param="amount",
        )
    identifier = world.ids.draw("re_")
    transaction = charges.book(
        world, kind="refund", amount=-amount, fee=0, currency=charge.currency, source=identifier
    )
    refund = Refund(
        id=identifier,
        amount=amount,
        balance_transaction=transaction.id,
        charge=charge.id,
        created=world.now(),
        currency=charge.currency,
        destination_details={
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        metadata=request.metadata,
        payment_intent=charge.payment_intent,
        reason=request.reason,
    )
    before = {"amount_refunded": charge.amount_refunded, "refunded": charge.refunded}
    charge = msgspec.structs.replace(
        charge, amount_refunded=charge.amount_refunded + amount, refunded=amount == left
    )
    world.refunds.put(refund)
    world.refunds_of[charge.id].append(refund.id)
    world.charges.put(charge)
    if not charge.refunded:
        del before["refunded"]
    world.emit("refund.created", refund, cause)
    world.emit("charge.refunded", charge, cause, before)
    return refund


def update(
    world: World, identifier: str, metadata: dict[str, str | None], *, clear: bool
) -> Refund:
    """Change a refund's metadata, the only thing that may; a None value removes its key."""
    refund = require(world, identifier)
    refund = msgspec.structs.replace(
        refund, metadata=merged({} if clear else refund.metadata, metadata)
    )
    world.refunds.put(refund)
    return refund


def _charge_to_refund(world: World, request: CreateRefund) -> Charge:
    if request.charge is not None:
        charge = world.charges.get(request.charge)
        if charge is None:
            raise no_such("charge", request.charge, "charge", status=400)
        if request.payment_intent not in (None, charge.payment_intent):
            raise StripeError(
                400,
                f"The charge {charge.id} does not belong to the PaymentIntent "
                f"{request.payment_intent}.",
                param="charge",
            )
        if charge.status == "succeeded" and not charge.captured:
            raise StripeError(
                400,
                f"The charge {charge.id} has not been captured, so it cannot be refunded; cancel "
                "its PaymentIntent instead.",
                param="charge",
            )
        if charge.status != "succeeded":
            raise StripeError(
                400,
                f"The charge {charge.id} has a status of {charge.status}, so it cannot be "
                "refunded.",
                param="charge",
            )
        return charge
    assert request.payment_intent is not None
    intent = world.intents.get(request.payment_intent)
    if intent is None:
        raise no_such("payment_intent", request.payment_intent, "payment_intent", status=400)
    if intent.status != "succeeded" or intent.latest_charge is None:
        raise StripeError(
            400,
            f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return world.charges[intent.latest_charge]
