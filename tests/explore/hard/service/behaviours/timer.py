"""A timer writes a heartbeat, whatever else goes on."""

from __future__ import annotations

import asyncio

from shop import Shop

from behaviours.base import Behaviour as Base

EVERY_S = 0.03


class Behaviour(Base):
    async def by_itself(self, shop: Shop) -> None:
        while True:
            async with shop.transaction() as connection:
                await connection.execute("UPDATE heartbeats SET beats = beats + 1")
            await asyncio.sleep(EVERY_S)
