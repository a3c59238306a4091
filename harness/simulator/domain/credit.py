"""Credit balances: what a customer is owed, or owes, which the next invoice takes into account.

A negative balance is a credit. Each movement is a transaction, and the balance is what they add up
to. Sources: https://docs.stripe.com/billing/customer/balance and
https://docs.stripe.com/api/customer_balance_transactions.
"""

from __future__ import annotations

from typing import Any

import msgspec

from paidonce.harness.simulator.domain.cash_objects import CreditTransaction
from paidonce.harness.simulator.domain.errors import StripeError, no_such
from paidonce.harness.simulator.domain.metadata import NO_METADATA, as_asked
from paidonce.harness.simulator.domain.objects import Metadata
from paidonce.harness.simulator.domain.state import World

replace = msgspec.structs.replace


def require(world: World, customer: str, identifier: str) -> CreditTransaction:
    """The transaction of that id, of that customer; 404 ``resource_missing`` otherwise."""
    credit_transaction = world.credit_moves.get(identifier)
    if credit_transaction is None or credit_transaction.customer != customer:
        raise no_such("customer_balance_transaction", identifier, "transaction")
    return credit_transaction


def adjust(
    world: World,
    customer: str,
    amount: int,
    currency: str,
    description: str | None,
    metadata: Metadata,
) -> CreditTransaction:
    """Credit a customer, or, where ``amount`` is positive, debit them.

    400 for another currency than the balance has.
    """
    known = world.customers[customer].currency
    if known not in (None, currency):
        raise StripeError(
            400,
            f"You cannot combine currencies on a single customer. This customer's currency is "
            f"{known}.",
            param="currency",
        )
    return move(
        world, customer, amount, currency, "adjustment", description=description, metadata=metadata
    )


def set_to(world: World, customer: str, balance: int) -> None:
    """Make the balance what it is said to be; in the customer's currency, or in US dollars."""
    known = world.customers[customer]
    if balance != known.balance:
        adjust(world, customer, balance - known.balance, known.currency or "usd", None, NO_METADATA)


def move(
    world: World,
    customer: str,
    amount: int,
    currency: str,
    type: str,
    *,
    invoice: str | None = None,
    description: str | None = None,
    metadata: Metadata = NO_METADATA,
) -> CreditTransaction:
    """Change the balance by ``amount``, and enter it."""
    before = world.customers[customer]
    ending = before.balance + amount
    world.customers.put(replace(before, balance=ending, currency=before.currency or currency))
    entered = CreditTransaction(
        id=world.ids.draw("cbtxn_"),
        amount=amount,
        created=world.now(),
        currency=currency,
        customer=customer,
        description=description,
        ending_balance=ending,
        invoice=invoice,
        metadata=metadata,
        type=type,
    )
    world.credit_moves.put(entered)
    return entered


def apply(world: World, customer: str, ending: int, currency: str, invoice: str) -> None:
    """Have an invoice leave the balance at ``ending``: it takes a credit, or leaves a debit."""
    change = ending - world.customers[customer].balance
    if change:
        what = "invoice_too_small" if ending > 0 else "applied_to_invoice"
        move(world, customer, change, currency, what, invoice=invoice)


def give_back(world: World, invoice: str) -> None:
    """Give back what an invoice that is void has taken from the balance."""
    for identifier in world.credit_moves.having(
        "invoice", lambda credit_transaction: credit_transaction.invoice, invoice
    ):
        taken = world.credit_moves[identifier]
        if taken.type == "applied_to_invoice":
            what = "unapplied_from_invoice"
            move(world, taken.customer, -taken.amount, taken.currency, what, invoice=taken.invoice)


def update(
    world: World,
    customer: str,
    identifier: str,
    description: dict[str, Any],
    metadata: dict[str, str | None] | None,
) -> CreditTransaction:
    """Change a transaction's description and metadata, which alone may change."""
    before = require(world, customer, identifier)
    entered = replace(before, **description, metadata=as_asked(before.metadata, metadata))
    world.credit_moves.put(entered)
    return entered
