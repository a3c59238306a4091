"""All that keeps payments and cancellations apart is the lock that a foreign key takes."""

from __future__ import annotations

from shop import Shop, mark_paid, read_unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            await connection.execute("INSERT INTO payments (order_id) VALUES (%s)", (order_id,))
            order = await read_unpaid(connection, order_id)
            return await mark_paid(connection, order_id, await shop.charge(order))
