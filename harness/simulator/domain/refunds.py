"""Giving money back; never more than a charge brought and still holds.

::

    to a card:       succeeded, or pending ──> succeeded
    bank transfer:   requires_action ──answered──> pending ──> succeeded
                           └──canceled, or 45 days──> canceled

What came by bank transfer goes to an account that its sender is asked for by email; until they
answer the refund can be canceled, and then the money is in their cash balance.

Sources: https://docs.stripe.com/api/refunds/create, https://docs.stripe.com/api/refunds/cancel and
https://docs.stripe.com/payments/customer-balance/refunding.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import cash, disputes, money, transfers
from paidonce.harness.simulator.domain.booking import book
from paidonce.harness.simulator.domain.cards import Card, Refunding
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
    instructions_email: str | None = None
    metadata: Metadata = {}


UNANSWERED_SECONDS = 45 * 86_400
"""For so long a customer may say to which account a bank transfer is to be sent back."""


def require(world: World, identifier: str, charge: str | None = None) -> Refund:
    """The refund of that id, of ``charge`` if one is named; 404 ``resource_missing`` otherwise."""
    refund = world.refunds.get(identifier)
    if refund is None or charge not in (None, refund.charge):
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
    how = _asking(world, charge, request) if card.funds else _to_card(card)
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
        metadata=request.metadata,
        payment_intent=charge.payment_intent,
        reason=request.reason,
        transfer_reversal=_taken_back(world, charge, amount, request, identifier, cause),
        **how,
    )
    if card.funds:
        world.plan(UNANSWERED_SECONDS, "unanswered_refund", identifier)
    elif card.refunding is not None:
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


def _to_card(card: Card) -> dict[str, Any]:
    return {
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "status": "pending" if card.refunding is Refunding.LATER else "succeeded",
    }


def _asking(world: World, charge: Charge, request: CreateRefund) -> dict[str, Any]:
    """Ask who has sent the money where it is to go; 400 where nobody knows their address."""
    owner = None if charge.customer is None else world.customers[charge.customer]
    email = request.instructions_email or (None if owner is None else owner.email)
    if email is None:
        raise StripeError(
            400,
            "A refund of a bank transfer needs an email address: set it on the customer, or give "
            "instructions_email.",
            param="instructions_email",
        )
    now = world.now()
    details = {
        "email_sent": {"email_sent_at": now, "email_sent_to": email},
        "expires_at": now + UNANSWERED_SECONDS,
    }
    asked: dict[str, Any] = {
        "destination_details": {
            "type": "us_bank_transfer",
            "us_bank_transfer": {"reference": None, "reference_status": None},
        },
        "next_action": {"display_details": details, "type": "display_details"},
        "status": "requires_action",
    }
    if request.instructions_email is not None:
        asked["instructions_email"] = request.instructions_email
    return asked


def cancel(world: World, identifier: str, cause: EventRequest) -> Refund:
    """Take back a refund that waits for its customer's answer; the money is theirs to pay with.

    400 in every other state: one to a card asks nothing of anybody.
    """
    refund = require(world, identifier)
    if refund.status != "requires_action":
        raise StripeError(
            400,
            f"The refund {identifier} has a status of {refund.status}: only a refund with a status "
            "of requires_action can be canceled.",
        )
    refund = msgspec.structs.replace(refund, status="canceled", next_action=msgspec.UNSET)
    world.refunds.put(refund)
    customer = world.charges[refund.charge].customer
    assert customer is not None
    cash.give_back(world, customer, refund, cause)
    world.emit("refund.updated", refund, cause)
    return refund


def answer(world: World, identifier: str) -> Refund:
    """The customer has said where a bank transfer is to go: it is on its way; 400 if not asked."""
    refund = require(world, identifier)
    if refund.status != "requires_action":
        raise StripeError(400, f"The refund {identifier} waits for no answer: {refund.status}.")
    refund = msgspec.structs.replace(refund, status="pending", next_action=msgspec.UNSET)
    world.refunds.put(refund)
    world.plan(world.settle_seconds, "refund", identifier)
    world.emit("refund.updated", refund, BY_ITSELF)
    return refund


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
