"""A mutex in the process covers all of a payment."""

from __future__ import annotations

import asyncio

from shop import Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    def __init__(self) -> None:
        self.mutex = asyncio.Lock()

    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with self.mutex:
            async with shop.transaction() as connection:
                order = await read_unpaid(connection, order_id)
            payment_id = await shop.charge(order)
            async with shop.transaction() as connection:
                return await mark_paid(connection, order_id, payment_id)
