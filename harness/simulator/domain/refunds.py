"""Giving money back; never more than a charge brought and still holds.

Source: https://docs.stripe.com/api/refunds/create.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.domain import disputes, money, transfers
from paidonce.harness.simulator.domain.booking import book
from paidonce.harness.simulator.domain.cards import Refunding
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
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
    reverse_transfer: bool = False
    refund_application_fee: bool = False
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
    disputes.refuse_refund(world, charge)
    _require_sent_on(charge, request)
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
    card = world.card_of[charge.payment_method]
    if card.funds:
        raise StripeError(
            400, "Refunds of payments from a customer's cash balance are not simulated."
        )
    identifier = world.ids.draw("re_")
    transaction = book(
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
        status="pending" if card.refunding is Refunding.LATER else "succeeded",
        transfer_reversal=_taken_back(world, charge, amount, request, identifier, cause),
    )
    if card.refunding is not None:
        world.plan(world.settle_seconds, "refund", identifier)
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
    disputes.refunded(world, charge, cause)
    return refund


def cancel(world: World, identifier: str) -> Refund:
    """400: a refund to a card asks nothing of anybody, and such alone can be canceled.

    Source: https://docs.stripe.com/api/refunds/cancel.
    """
    refund = require(world, identifier)
    raise StripeError(
        400,
        f"The refund {identifier} has a status of {refund.status}: only a refund with a status of "
        "requires_action can be canceled.",
    )


def settle(world: World, identifier: str) -> None:
    """A refund that was pending has succeeded, or one that had succeeded has failed after all."""
    refund = world.refunds[identifier]
    charge = world.charges[refund.charge]
    if refund.status == "pending":
        refund = msgspec.structs.replace(refund, status="succeeded")
        world.refunds.put(refund)
        world.emit("refund.updated", refund, BY_ITSELF)
        return
    back = book(
        world,
        kind="refund_failure",
        amount=refund.amount,
        fee=0,
        currency=refund.currency,
        source=identifier,
        available_on=world.now(),
    )
    refund = msgspec.structs.replace(
        refund,
        status="failed",
        failure_balance_transaction=back.id,
        failure_reason="expired_or_canceled_card",
    )
    charge = msgspec.structs.replace(
        charge, amount_refunded=charge.amount_refunded - refund.amount, refunded=False
    )
    world.refunds.put(refund)
    world.charges.put(charge)
    world.emit("refund.failed", refund, BY_ITSELF)


def _require_sent_on(charge: Charge, request: CreateRefund) -> None:
    """400 where money is to be taken back that was never sent on, or a fee that was not kept."""
    for name, asked, there in (
        ("reverse_transfer", request.reverse_transfer, charge.transfer is not msgspec.UNSET),
        ("refund_application_fee", request.refund_application_fee, bool(charge.application_fee)),
    ):
        if asked and not there:
            raise StripeError(
                400,
                f"Cannot use {name} with charge {charge.id}: it has no "
                f"{'transfer' if name == 'reverse_transfer' else 'application fee'}.",
                param=name,
            )


def _taken_back(
    world: World,
    charge: Charge,
    amount: int,
    request: CreateRefund,
    refund: str,
    cause: EventRequest,
) -> str | None:
    """Take back as much of the transfer and of the fee as is refunded; the reversal's id."""
    whole = charge.amount_captured
    if request.refund_application_fee and charge.application_fee is not None:
        fee = world.application_fees[charge.application_fee]
        share = transfers.share_of(fee.amount, amount, whole)
        share = min(share, fee.amount - fee.amount_refunded)
        if share:
            transfers.refund_fee(world, fee.id, share, {}, cause)
    if not request.reverse_transfer or charge.transfer is msgspec.UNSET:
        return None
    transfer = world.transfers[charge.transfer]
    share = transfers.share_of(transfer.amount, amount, whole)
    share = min(share, transfer.amount - transfer.amount_reversed)
    if not share:
        return None
    return transfers.reverse(world, transfer.id, share, {}, cause, refund=refund).id


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
