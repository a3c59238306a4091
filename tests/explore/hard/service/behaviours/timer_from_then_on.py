"""The first payment starts a timer, which nobody could have seen before."""

from __future__ import annotations

import asyncio

from shop import Shop

from behaviours.base import Behaviour as Base
from behaviours.base import Later, Order

EVERY_S = 0.02


class Behaviour(Base):
    def __init__(self) -> None:
        self.paid = asyncio.Event()

    async def by_itself(self, shop: Shop) -> None:
        await self.paid.wait()
        while True:
            async with shop.transaction() as connection:
                await connection.execute("UPDATE heartbeats SET beats = beats + 1")
            await asyncio.sleep(EVERY_S)

    async def pay(self, shop: Shop, order_id: str) -> Order | Later:
        self.paid.set()
        return await super().pay(shop, order_id)
