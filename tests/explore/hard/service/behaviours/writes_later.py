"""A mutex covers a payment up to its answer; a transaction of its own comes after that."""

from __future__ import annotations

import asyncio

from shop import Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Later


class Behaviour(Base):
    def __init__(self) -> None:
        self.mutex = asyncio.Lock()

    async def pay(self, shop: Shop, order_id: str) -> Later:
        async with self.mutex:
            async with shop.transaction() as connection:
                order = await read_unpaid(connection, order_id)
            payment_id = await shop.charge(order)

        async def settle() -> None:
            async with shop.transaction() as connection:
                await mark_paid(connection, order_id, payment_id)

        return Later({**order, "payment_id": payment_id}, settle)
