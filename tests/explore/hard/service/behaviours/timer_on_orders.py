"""A timer writes to the very orders that are being paid."""

from __future__ import annotations

import asyncio

from shop import Shop

from behaviours.base import Behaviour as Base

EVERY_S = 0.03


class Behaviour(Base):
    async def by_itself(self, shop: Shop) -> None:
        while True:
            async with shop.transaction() as connection:
                await connection.execute(
                    "UPDATE orders SET refunded_amount = 0 WHERE payment_status = 'unpaid'"
                )
            await asyncio.sleep(EVERY_S)
