"""The account's balance: what its movements come to, by currency.

Source: https://docs.stripe.com/api/balance/balance_object. What a movement brings or takes is
*pending* until its ``available_on``.
"""

from __future__ import annotations

from typing import Any

from paidonce.harness.simulator.domain.objects import Balance
from paidonce.harness.simulator.domain.state import World


def of(world: World) -> Balance:
    """The balance as it is now."""
    available, whole = world.matured.count(world.balance_transactions, world.clock())
    currencies = sorted(whole) or ["usd"]
    return Balance(
        available=[_amount(available.get(currency, 0), currency) for currency in currencies],
        pending=[
            _amount(whole.get(currency, 0) - available.get(currency, 0), currency)
            for currency in currencies
        ],
    )


def _amount(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}
