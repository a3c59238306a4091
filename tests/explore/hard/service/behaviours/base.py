"""What a behaviour may do its own way; by default it locks the order's row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shop import Shop, lock, mark_cancelled, mark_paid, unpaid

Order = dict[str, Any]


@dataclass
class Later:
    """An answer, and what is done after it was given."""

    order: Order
    work: Callable[[], Awaitable[None]]


class Behaviour:
    """One way to run the shop. A module of this package has one class of this name."""

    pool_size = 4
    workers = 1
    """How many processes answer at the shop's address."""

    async def by_itself(self, shop: Shop) -> None:
        """What the shop does without being asked."""

    async def pay(self, shop: Shop, order_id: str) -> Order | Later:
        """Pay the order. Raises ``Conflict``."""
        async with shop.transaction() as connection:
            order = unpaid(await lock(connection, order_id))
            return await mark_paid(connection, order_id, await shop.charge(order))

    async def cancel(self, shop: Shop, order_id: str) -> Order:
        """Cancel the order. Raises ``Conflict``."""
        async with shop.transaction() as connection:
            unpaid(await lock(connection, order_id))
            return await mark_cancelled(connection, order_id)
