"""A mutex in the process is taken only after the order was found unpaid."""

from __future__ import annotations

import asyncio

from shop import Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    def __init__(self) -> None:
        self.mutex = asyncio.Lock()

    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            order = await read_unpaid(connection, order_id)
        async with self.mutex, shop.transaction() as connection:
            return await mark_paid(connection, order_id, await shop.charge(order))
