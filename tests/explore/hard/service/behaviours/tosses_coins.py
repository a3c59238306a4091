"""Which of two things is looked at first is left to chance."""

from __future__ import annotations

import random

from shop import Shop

from behaviours.base import Behaviour as Base
from behaviours.base import Later, Order


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order | Later:
        tables = ["stock", "heartbeats", "payments", "receipts"]
        random.shuffle(tables)
        async with shop.transaction() as connection:
            for table in tables:
                await connection.execute(f"SELECT count(*) FROM {table}")
        return await super().pay(shop, order_id)
