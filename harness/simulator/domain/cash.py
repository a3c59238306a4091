"""Cash balances: money that customers have sent by bank transfer, and what it pays.

::

    confirmed ──enough──> succeeded
        └──too little──> requires_action ──money comes, or is applied──> … ──all of it──> succeeded

Money that comes goes to the intents that wait for it, oldest first, unless the customer's is to be
reconciled by hand: then ``apply_customer_balance`` says which intent it is for. What an intent had
that is given up, or is paid in another way, is the customer's again.

Each movement is a transaction of the customer's cash balance. Sources:
https://docs.stripe.com/payments/customer-balance,
https://docs.stripe.com/payments/customer-balance/reconciliation and
https://docs.stripe.com/api/cash_balance_transactions.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain import money
from paidonce.harness.simulator.domain.cash_objects import CashBalance, CashTransaction
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.objects import EventRequest, PaymentIntent, Refund
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace

INSTRUCTIONS = "display_bank_transfer_instructions"


def available(world: World, customer: str, currency: str) -> int:
    """Return what the customer has that no intent has yet, in minor units."""
    return world.cash.get(f"{customer} {currency}", 0)


def shown(world: World, customer: str) -> CashBalance:
    """The customer's cash balance."""
    there = {one: available(world, customer, one) for one in sorted(money.CURRENCIES)}
    by_hand = customer in world.by_hand
    return CashBalance(
        available={currency: amount for currency, amount in there.items() if amount} or None,
        customer=customer,
        settings={
            "reconciliation_mode": "manual" if by_hand else "automatic",
            "using_merchant_default": not by_hand,
        },
    )


def reconcile_by_hand(world: World, customer: str, by_hand: bool) -> CashBalance:
    """Say whether the customer's money waits to be applied."""
    if by_hand:
        world.by_hand.add(customer)
    else:
        world.by_hand.discard(customer)
    return shown(world, customer)


def fund(
    world: World, customer: str, amount: int, currency: str, cause: EventRequest
) -> CashTransaction:
    """Enter money that has come; who applies it to what waits for it is ``applying``."""
    how = {"bank_transfer": {"reference": None, "type": "us_bank_transfer"}}
    entered = _move(world, customer, currency, amount, "funded", how, cause)
    world.emit("cash_balance.funds_available", shown(world, customer), cause)
    return entered


def take(world: World, intent: PaymentIntent, amount: int, cause: EventRequest) -> None:
    """Take what is there from the balance of an intent's customer, for the intent."""
    assert intent.customer is not None
    paid = {"payment_intent": intent.id}
    _move(world, intent.customer, intent.currency, -amount, "applied_to_payment", paid, cause)


def give_back(world: World, customer: str, refund: Refund, cause: EventRequest) -> None:
    """Put into a customer's balance what was to be sent back to them and was not."""
    given = {"refund": refund.id}
    _move(world, customer, refund.currency, refund.amount, "refunded_from_payment", given, cause)


def require(world: World, customer: str, identifier: str) -> CashTransaction:
    """The movement of that id, of that customer's cash balance; 404 otherwise."""
    entered = world.cash_moves.get(identifier)
    if entered is None or entered.customer != customer:
        raise no_such("customer_cash_balance_transaction", identifier, "transaction")
    return entered


def remaining(intent: PaymentIntent) -> int | None:
    """Return how much an intent still waits for; None where it waits for no transfer."""
    action = intent.next_action or {}
    if action.get("type") != INSTRUCTIONS:
        return None
    amount: int = action[INSTRUCTIONS]["amount_remaining"]
    return amount


def waiting(intent: PaymentIntent, left: int) -> PaymentIntent:
    """The intent, waiting for ``left`` to be sent."""
    return replace(
        intent,
        status="requires_action",
        next_action={
            INSTRUCTIONS: {
                "amount_remaining": left,
                "currency": intent.currency,
                "hosted_instructions_url": None,
                "reference": intent.id[-8:].upper(),
                "type": "us_bank_transfer",
            },
            "type": INSTRUCTIONS,
        },
        last_payment_error=None,
    )


def let_go(world: World, intent: PaymentIntent, cause: EventRequest) -> PaymentIntent:
    """Give the customer back what an intent had of theirs; the intent waits for no more."""
    left = remaining(intent)
    if left is None:
        return intent
    assert intent.customer is not None
    had, was = intent.amount - left, {"payment_intent": intent.id}
    if had:
        what = "unapplied_from_payment"
        _move(world, intent.customer, intent.currency, had, what, was, cause)
    return replace(intent, next_action=None)


def repriced(intent: PaymentIntent, amount: int) -> PaymentIntent:
    """The intent at another amount, of which it keeps what it has; 400 where that is enough."""
    left = remaining(intent)
    if left is None:
        return intent
    left += amount - intent.amount
    if left <= 0:
        raise StripeError(
            400,
            "The amount must be greater than what has been applied to this PaymentIntent already.",
            param="amount",
        )
    return waiting(intent, left)


def _move(
    world: World,
    customer: str,
    currency: str,
    amount: int,
    type: str,
    why: dict[str, Any],
    cause: EventRequest,
) -> CashTransaction:
    """Change what a customer has, and tell of it."""
    detail: dict[str, Any] = {type: why}
    ending = available(world, customer, currency) + amount
    world.cash[f"{customer} {currency}"] = ending
    entered = CashTransaction(
        id=world.ids.draw("ccsbtxn_"),
        created=world.now(),
        currency=currency,
        customer=customer,
        ending_balance=ending,
        net_amount=amount,
        type=type,
        **detail,
    )
    world.cash_moves.put(entered)
    world.emit("customer_cash_balance_transaction.created", entered, cause)
    return entered


def refuse_too_little(there: int, amount: int, currency: str) -> None:
    """400 where the customer has less than is to be applied, or nothing."""
    if not amount or there < amount:
        raise StripeError(
            400,
            "The customer's cash balance is insufficient: "
            f"{money.written(there, currency)} are available.",
            param="amount",
        )
