"""Objects of Connect that are made because somebody names them: see ``seeding``."""

from __future__ import annotations

from paidonce.harness.simulator.domain import (
    accounts,
    confirming,
    intents,
    payouts,
    transfers,
)
from paidonce.harness.simulator.domain.confirming import BY_ITSELF
from paidonce.harness.simulator.domain.payment_methods import PaymentSource
from paidonce.harness.simulator.domain.seeding_payments import AMOUNT, paid
from paidonce.harness.simulator.domain.seeding_request import Maker, NamingRequest, missing
from paidonce.harness.simulator.domain.state import World

_PAYS = PaymentSource(payment_method="pm_card_visa")


def _account(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if identifier not in world.deleted and missing(asked, world.accounts, "acct_", identifier):
        accounts.create(world, {"capabilities": {"transfers": "active"}}, {}, BY_ITSELF)


def _ready(world: World) -> str:
    """Make an account that can be sent money; its id."""
    attributes = {"capabilities": {"transfers": "active"}}
    return accounts.create(world, attributes, {}, BY_ITSELF).id


def _transfer(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if asked.resource == "transfers" and not asked.lists and not identifier:
        _rich(world)  # what is to be sent on is there
    elif missing(asked, world.transfers, "tr_", identifier):
        request = transfers.CreateTransfer(
            destination=_ready(world), currency="usd", source=paid(world)
        )
        transfers.create(world, request, BY_ITSELF)
    known = identifier in world.transfers and asked.action == "reversals"
    if known and asked.part and asked.part not in world.transfer_reversals:
        world.ids.give("trr_", asked.part)
        transfers.reverse(world, identifier, 100, {}, BY_ITSELF)
    elif known and not world.transfers[identifier].reversals.data and asked.lists:
        transfers.reverse(world, identifier, 100, {}, BY_ITSELF)


def _fee(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if missing(asked, world.application_fees, "fee_", identifier):
        sent_on = {"transfer_data": {"destination": _ready(world)}, "application_fee_amount": 500}
        request = intents.CreateIntent(amount=AMOUNT, currency="usd", source=_PAYS, extras=sent_on)
        intent = intents.create(world, request, BY_ITSELF)
        confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)
    known = identifier in world.application_fees and asked.action == "refunds"
    if known and asked.part and asked.part not in world.fee_refunds:
        world.ids.give("fr_", asked.part)
        transfers.refund_fee(world, identifier, 100, {}, BY_ITSELF)
    elif known and not world.application_fees[identifier].refunds.data and asked.lists:
        transfers.refund_fee(world, identifier, 100, {}, BY_ITSELF)


def _rich(world: World) -> None:
    """Have money that can be sent on at once."""
    source = PaymentSource(payment_method="pm_card_bypassPending")
    request = intents.CreateIntent(amount=100 * AMOUNT, currency="usd", source=source)
    intent = intents.create(world, request, BY_ITSELF)
    confirming.confirm(world, intent.id, confirming.Confirmation(), BY_ITSELF)


def _payout(asked: NamingRequest, identifier: str) -> None:
    world = asked.world
    if asked.resource == "payouts" and not asked.lists and not identifier:
        _rich(world)  # what is to be paid out is there
    elif missing(asked, world.payouts, "po_", identifier):
        _rich(world)
        made = payouts.create(world, AMOUNT, "usd", {}, {}, BY_ITSELF)
        if asked.action == "reverse":
            payouts.arrive(world, made.id)


BY_PATH: dict[str, Maker] = {
    "accounts": _account,
    "transfers": _transfer,
    "application_fees": _fee,
    "payouts": _payout,
}
"""The makers of what a path is about, by resource."""

BY_NAME: dict[str, Maker] = {
    "destination": _account,
    "account": _account,
}
"""The makers of what a parameter names, by its own name."""
