"""The movements of the account's balance."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from paidonce.harness.simulator.domain.objects import BalanceTransaction
from paidonce.harness.simulator.domain.state import World

_SETTLING_SECONDS = 2 * 24 * 3600


def book(
    world: World,
    *,
    kind: str,
    amount: int,
    fee: int,
    currency: str,
    source: str,
    category: str | None = None,
    available_on: int | None = None,
) -> BalanceTransaction:
    """Enter a movement of the account's balance; ``amount`` is negative for money going out.

    It is available after two days, unless it is said when.
    """
    now = world.now()
    transaction = BalanceTransaction(
        id=world.ids.draw("txn_"),
        amount=amount,
        available_on=now + _SETTLING_SECONDS if available_on is None else available_on,
        created=now,
        currency=currency,
        fee=fee,
        fee_details=_fee_details(fee, currency),
        net=amount - fee,
        reporting_category=category or kind,
        source=source,
        type=kind,
    )
    world.balance_transactions.put(transaction)
    return transaction


def available(world: World, currency: str) -> int:
    """Return how much of the account's money can be sent on now, in that currency."""
    there, _ = world.matured.count(world.balance_transactions, world.at())
    return there.get(currency, 0)


# Bounded, because amounts are many and most loads use few of them.
@lru_cache(maxsize=4096)
def _fee_details(fee: int, currency: str) -> list[dict[str, Any]]:
    if not fee:
        return []
    return [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
