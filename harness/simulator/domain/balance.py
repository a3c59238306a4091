"""The account's balance: what its movements come to, by currency.

Source: https://docs.stripe.com/api/balance/balance_object. What a movement brings or takes is
*pending* until its ``available_on``.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from paidonce.harness.simulator.domain.objects import Balance
from paidonce.harness.simulator.domain.state import World


def of(world: World) -> Balance:
    """The balance as it is now."""
    now = world.clock()
    pending: defaultdict[str, int] = defaultdict(int)
    available: defaultdict[str, int] = defaultdict(int)
    for entry in world.balance_transactions:
        (pending if entry.available_on > now else available)[entry.currency] += entry.net
    currencies = sorted({*pending, *available}) or ["usd"]
    return Balance(
        available=[_amount(available[one], one) for one in currencies],
        pending=[_amount(pending[one], one) for one in currencies],
    )


def _amount(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}
