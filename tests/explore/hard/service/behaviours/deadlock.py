"""Payments lock the order and then the stock, cancellations the other way round."""

from __future__ import annotations

from shop import Connection, Shop, lock, mark_cancelled, mark_paid, unpaid

from behaviours.base import Behaviour as Base
from behaviours.base import Order


class Behaviour(Base):
    async def pay(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            order = await lock(connection, order_id)
            await _lock_stock(connection)
            return await mark_paid(connection, order_id, await shop.charge(unpaid(order)))

    async def cancel(self, shop: Shop, order_id: str) -> Order:
        async with shop.transaction() as connection:
            await _lock_stock(connection)
            unpaid(await lock(connection, order_id))
            return await mark_cancelled(connection, order_id)


async def _lock_stock(connection: Connection) -> None:
    await connection.execute("SELECT * FROM stock WHERE id = 'things' FOR UPDATE")
