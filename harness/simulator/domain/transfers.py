"""Money that is sent on to connected accounts, and taken back, and what is kept of it.

Nothing is sent that is not there: a transfer takes what is available, or what one charge has
brought and nobody has sent on yet. What is taken back is never more than was sent. Sources:
https://docs.stripe.com/connect/separate-charges-and-transfers and
https://docs.stripe.com/connect/destination-charges.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from paidonce.harness.simulator.domain import accounts, money
from paidonce.harness.simulator.domain.billing_objects import Items
from paidonce.harness.simulator.domain.booking import available, book
from paidonce.harness.simulator.domain.connect_objects import (
    ApplicationFee,
    FeeRefund,
    Transfer,
    TransferReversal,
)
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.metadata import as_asked
from paidonce.harness.simulator.domain.objects import Charge, EventRequest, Metadata, PaymentIntent
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


class CreateTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a transfer; ``amount`` may be left out with a ``source``."""

    destination: str
    currency: str
    amount: int | None = None
    source: str | None = None
    description: str | None = None
    transfer_group: str | None = None
    metadata: Metadata = {}


def require(world: World, identifier: str) -> Transfer:
    """The transfer of that id; 404 ``resource_missing`` otherwise."""
    transfer = world.transfers.get(identifier)
    if transfer is None:
        raise no_such("transfer", identifier, "transfer")
    return transfer


def create(world: World, request: CreateTransfer, cause: EventRequest) -> Transfer:
    """Send money on. 400 where it is not there, or the account cannot take it."""
    account = accounts.destination(world, request.destination, "destination")
    amount, when = request.amount, world.now()
    group = request.transfer_group
    if request.source is not None:
        charge = _source(world, request.source)
        left = charge.amount_captured - _sent_on(world, charge.id)
        amount = left if amount is None else amount
        if amount > left or charge.currency != request.currency:
            raise StripeError(
                400,
                f"The transfer amount ({money.written(amount, request.currency)}) is greater than "
                f"what is left of charge {charge.id} ({money.written(left, charge.currency)}).",
                param="amount",
            )
        assert charge.balance_transaction is not None
        when = world.balance_transactions[charge.balance_transaction].available_on
        group = group or charge.transfer_group or f"group_{charge.payment_intent or charge.id}"
    elif amount is not None and amount > available(world, request.currency):
        raise StripeError(
            400,
            "You have insufficient available funds in your Stripe account. Try adding funds "
            "directly to your available balance by creating Charges using the 4000000000000077 "
            "test card. See: https://stripe.com/docs/testing#available-balance",
            code="balance_insufficient",
        )
    assert amount is not None
    return _sent(
        world, replace(request, amount=amount, transfer_group=group), when, account.id, cause
    )


def of_charge(world: World, charge: Charge, intent: PaymentIntent, cause: EventRequest) -> Charge:
    """Send on what a charge has brought, where its intent says so; the charge that names it.

    The fee is at most that (https://docs.stripe.com/api/payment_intents/capture).
    """
    data = intent.transfer_data
    if data is None or charge.balance_transaction is None:
        return charge
    when = world.balance_transactions[charge.balance_transaction].available_on
    amount = min(data.get("amount") or charge.amount_captured, charge.amount_captured)
    request = CreateTransfer(
        destination=data["destination"],
        currency=charge.currency,
        amount=amount,
        source=charge.id,
        transfer_group=charge.transfer_group or f"group_{intent.id}",
    )
    transfer = _sent(world, request, when, data["destination"], cause)
    charge = replace(charge, transfer=transfer.id, transfer_group=transfer.transfer_group)
    if intent.application_fee_amount:
        most = min(intent.application_fee_amount, charge.amount_captured)
        fee = _kept(world, charge, data["destination"], most, cause)
        charge = replace(charge, application_fee=fee.id)
    world.charges.put(charge)
    return charge


def update(
    world: World,
    identifier: str,
    description: dict[str, Any],
    metadata: dict[str, str | None] | None,
    cause: EventRequest,
) -> Transfer:
    """Change a transfer's description and metadata, which alone may change."""
    before = require(world, identifier)
    transfer = replace(before, **description, metadata=as_asked(before.metadata, metadata))
    world.transfers.put(transfer)
    world.emit("transfer.updated", transfer, cause, {"metadata": before.metadata})
    return transfer


def reverse(
    world: World,
    identifier: str,
    amount: int | None,
    metadata: Metadata,
    cause: EventRequest,
    *,
    refund: str | None = None,
) -> TransferReversal:
    """Take back a transfer, or ``amount`` of it; 400 where less is left of it."""
    transfer = require(world, identifier)
    left = transfer.amount - transfer.amount_reversed
    reversal = TransferReversal(
        **_part(world, "trr_", amount, left, transfer, _REVERSED),
        metadata=metadata,
        source_refund=refund,
        transfer=identifier,
    )
    transfer = replace(
        transfer,
        amount_reversed=transfer.amount_reversed + reversal.amount,
        reversed=reversal.amount == left,
        reversals=_with(transfer.reversals, reversal),
    )
    world.transfer_reversals.put(reversal)
    world.transfers.put(transfer)
    world.emit("transfer.reversed", transfer, cause)
    return reversal


def require_reversal(world: World, transfer: str, identifier: str) -> TransferReversal:
    """The reversal of that id, of that transfer; 404 otherwise."""
    require(world, transfer)
    reversal = world.transfer_reversals.get(identifier)
    if reversal is None or reversal.transfer != transfer:
        raise no_such("transfer_reversal", identifier, "id")
    return reversal


def update_reversal(
    world: World, transfer: str, identifier: str, metadata: dict[str, str | None] | None
) -> TransferReversal:
    """Change a reversal's metadata, which alone may change."""
    reversal = _described(require_reversal(world, transfer, identifier), metadata)
    world.transfer_reversals.put(reversal)
    known = world.transfers[transfer]
    world.transfers.put(replace(known, reversals=_with(known.reversals, reversal)))
    return reversal


def require_fee(world: World, identifier: str) -> ApplicationFee:
    """The application fee of that id; 404 otherwise."""
    fee = world.application_fees.get(identifier)
    if fee is None:
        raise no_such("application fee", identifier, "id")
    return fee


def refund_fee(
    world: World, identifier: str, amount: int | None, metadata: Metadata, cause: EventRequest
) -> FeeRefund:
    """Give an application fee back, or ``amount`` of it; 400 where less is left of it."""
    fee = require_fee(world, identifier)
    left = fee.amount - fee.amount_refunded
    refund = FeeRefund(
        **_part(world, "fr_", amount, left, fee, _FEE_REFUNDED), fee=identifier, metadata=metadata
    )
    fee = replace(
        fee,
        amount_refunded=fee.amount_refunded + refund.amount,
        refunded=refund.amount == left,
        refunds=_with(fee.refunds, refund),
    )
    world.fee_refunds.put(refund)
    world.application_fees.put(fee)
    world.emit("application_fee.refunded", fee, cause)
    return refund


def require_fee_refund(world: World, fee: str, identifier: str) -> FeeRefund:
    """The refund of that id, of that fee; 404 otherwise."""
    require_fee(world, fee)
    refund = world.fee_refunds.get(identifier)
    if refund is None or refund.fee != fee:
        raise no_such("fee refund", identifier, "id")
    return refund


def update_fee_refund(
    world: World, fee: str, identifier: str, metadata: dict[str, str | None] | None
) -> FeeRefund:
    """Change a fee refund's metadata, which alone may change."""
    refund = _described(require_fee_refund(world, fee, identifier), metadata)
    world.fee_refunds.put(refund)
    known = world.application_fees[fee]
    world.application_fees.put(replace(known, refunds=_with(known.refunds, refund)))
    return refund


def share_of(whole: int, part: int, of: int) -> int:
    """Return as much of ``whole`` as ``part`` is of ``of``, rounded down."""
    return whole * part // of if of else 0


class _GivenBack(msgspec.Struct, frozen=True, kw_only=True):
    """The way a part of something is given back: in errors, and in the account's balance.

    ``brings`` is 1 where the account has it then, -1 where it has not any more.
    """

    what: str
    done: str
    code: str
    kind: str
    category: str
    brings: int


_REVERSED = _GivenBack(
    what="transfer",
    done="reversed",
    code="transfer_already_reversed",
    kind="transfer_refund",
    category="transfer_reversal",
    brings=1,
)
_FEE_REFUNDED = _GivenBack(
    what="application fee",
    done="refunded",
    code="application_fees_already_refunded",
    kind="application_fee_refund",
    category="platform_earning_refund",
    brings=-1,
)


def _part(
    world: World,
    prefix: str,
    amount: int | None,
    left: int,
    whole: Transfer | ApplicationFee,
    how: _GivenBack,
) -> dict[str, Any]:
    """Book what is given back of ``whole``, and return what is told of any such part.

    It is ``amount``, or all that is ``left``; 400 where less is left, or nothing.
    """
    amount = left if amount is None else amount
    if not left or amount > left:
        raise StripeError(
            400,
            f"The {how.what} {whole.id} has {money.written(left, whole.currency)} left to be "
            f"{how.done}.",
            code=how.code if not left else None,
            param="amount",
        )
    identifier = world.ids.draw(prefix)
    entry = book(
        world,
        kind=how.kind,
        category=how.category,
        amount=how.brings * amount,
        fee=0,
        currency=whole.currency,
        source=identifier,
        available_on=world.now() if how.brings > 0 else None,
    )
    return {
        "id": identifier,
        "amount": amount,
        "balance_transaction": entry.id,
        "created": world.now(),
        "currency": whole.currency,
    }


_Part = TypeVar("_Part", TransferReversal, FeeRefund)


def _described(part: _Part, metadata: dict[str, str | None] | None) -> _Part:
    return replace(part, metadata=as_asked(part.metadata, metadata))


def _source(world: World, identifier: str) -> Charge:
    charge = world.charges.get(identifier)
    if charge is None:
        raise no_such("charge", identifier, "source_transaction", status=400)
    if not charge.paid or not charge.captured:
        raise StripeError(
            400,
            f"The charge {identifier} has brought nothing that could be transferred.",
            param="source_transaction",
        )
    return charge


def _sent_on(world: World, charge: str) -> int:
    ids = world.transfers.having("source", lambda transfer: transfer.source_transaction, charge)
    return sum(world.transfers[one].amount for one in ids)


def _sent(
    world: World, request: CreateTransfer, when: int, account: str, cause: EventRequest
) -> Transfer:
    assert request.amount is not None
    identifier = world.ids.draw("tr_")
    entry = book(
        world,
        kind="transfer",
        amount=-request.amount,
        fee=0,
        currency=request.currency,
        source=identifier,
        available_on=when,
    )
    transfer = Transfer(
        id=identifier,
        amount=request.amount,
        balance_transaction=entry.id,
        created=world.now(),
        currency=request.currency,
        description=request.description,
        destination=account,
        metadata=request.metadata,
        reversals=Items(data=[], total_count=0, url=f"/v1/transfers/{identifier}/reversals"),
        source_transaction=request.source,
        transfer_group=request.transfer_group,
    )
    world.transfers.put(transfer)
    world.emit("transfer.created", transfer, cause)
    return transfer


def _kept(
    world: World, charge: Charge, account: str, amount: int, cause: EventRequest
) -> ApplicationFee:
    identifier = world.ids.draw("fee_")
    entry = book(
        world,
        kind="application_fee",
        category="platform_earning",
        amount=amount,
        fee=0,
        currency=charge.currency,
        source=identifier,
    )
    fee = ApplicationFee(
        id=identifier,
        account=account,
        amount=amount,
        application="ca_paidoncesimulator",
        balance_transaction=entry.id,
        charge=charge.id,
        created=world.now(),
        currency=charge.currency,
        fee_source={"charge": charge.id, "type": "charge"},
        originating_transaction=charge.id,
        refunds=Items(data=[], total_count=0, url=f"/v1/application_fees/{identifier}/refunds"),
    )
    world.application_fees.put(fee)
    world.emit("application_fee.created", fee, cause)
    return fee


def _with(items: Items, one: Any) -> Items:
    """The list with one more, newest first, or with it in the place of the one of that id."""
    known = [each.id for each in items.data]
    if one.id in known:
        data = [one if each.id == one.id else each for each in items.data]
    else:
        data = [one, *items.data]
    return replace(items, data=data, total_count=len(data))
